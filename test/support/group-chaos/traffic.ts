/**
 * What the members of one group and the relay said to each other, read off their connections: each message's tries with the
 * number of the log it was sealed at, the relay's time of its acceptance, and the relay's times of the log's entries.
 */

import { decodeContent, decodeFrame, decodePayload, type Frame, type MessageId } from "@sotto/protocol";
import type { Dial, Engine, Socket } from "@sotto/sdk";
import { hashOf } from "../chaos/signal-message.js";

/** A message put on a connection. `unknown`: its answer never came, so the relay may have it from this try or not. */
interface Try {
  readonly revision: number;
  outcome: "unknown" | "accepted" | "refused";
}

/** A message on its way. */
export interface Passage {
  readonly tries: Try[];
  /** By the relay's clock: of a repeat, the first acceptance; `undefined` while no answer came. */
  acceptedMs: number | undefined;
}

/** The traffic of one run, over all people and their lives. */
export class Traffic {
  readonly passages = new Map<MessageId, Passage>();
  /** When the relay accepted each entry. */
  readonly entries = new Map<number, number>();
  /** What no honest relay says. */
  readonly wrong: string[] = [];
  private readonly messages = new Map<string, MessageId>();

  /** The same engine, overheard. */
  engine(inner: Engine): Engine {
    return {
      ...inner,
      encryptToGroup: async (records, encrypting) => {
        const result = await inner.encryptToGroup(records, encrypting);
        const payload = decodePayload(encrypting.plaintext);
        if (payload.type === "content") {
          this.messages.set(hashOf(result.message), decodeContent(payload.content).messageId);
        }
        return result;
      },
    };
  }

  /** The same connections, overheard. */
  dial(inner: Dial): Dial {
    return (url, events) => {
      const waiting = new Map<number, { readonly passage: Passage; readonly attempt: Try }>();
      const socket = inner(url, {
        opened: () => events.opened(),
        message: (bytes) => {
          const frame = decodeFrame(bytes, "toClient");
          const asked = "id" in frame ? waiting.get(frame.id) : undefined;
          if (asked !== undefined) this.answered(asked.passage, asked.attempt, frame);
          this.noteEntries(frame);
          events.message(bytes);
        },
        closed: (code) => events.closed(code),
      });
      return {
        send: (bytes) => {
          const frame = decodeFrame(bytes, "toRelay");
          if (frame.type === "sendGroup") {
            const tried = this.asked(frame);
            if (tried !== undefined) waiting.set(frame.id, tried);
          }
          socket.send(bytes);
        },
        get bufferedBytes() {
          return socket.bufferedBytes;
        },
        close: (code) => socket.close(code),
      } satisfies Socket;
    };
  }

  private asked({ message, revision }: Frame<"sendGroup">) {
    const id = this.messages.get(hashOf(message));
    if (id === undefined) return undefined;
    const passage: Passage = this.passages.get(id) ?? { tries: [], acceptedMs: undefined };
    this.passages.set(id, passage);
    const attempt: Try = { revision, outcome: "unknown" };
    passage.tries.push(attempt);
    return { passage, attempt };
  }

  private answered(passage: Passage, attempt: Try, frame: ReturnType<typeof decodeFrame>): void {
    if (frame.type === "accepted") {
      attempt.outcome = "accepted";
      if (passage.acceptedMs !== undefined && passage.acceptedMs !== frame.acceptedMs)
        this.wrong.push(`a message accepted at ${passage.acceptedMs}, when repeated at ${frame.acceptedMs}`);
      passage.acceptedMs = Math.min(frame.acceptedMs, passage.acceptedMs ?? frame.acceptedMs);
    } else if (frame.type === "groupMoved" || frame.type === "deviceMismatch" || frame.type === "failed") {
      attempt.outcome = "refused";
    }
  }

  private noteEntries(frame: ReturnType<typeof decodeFrame>): void {
    if (frame.type === "groupAppended") this.noteEntry(frame);
    if (frame.type === "groupEntries") for (const entry of frame.entries) this.noteEntry(entry);
  }

  private noteEntry({ seq, acceptedMs }: { readonly seq: number; readonly acceptedMs: number }): void {
    const known = this.entries.get(seq);
    if (known === undefined) this.entries.set(seq, acceptedMs);
    else if (known !== acceptedMs) this.wrong.push(`entry ${seq} accepted at ${known}, then at ${acceptedMs}`);
  }
}
