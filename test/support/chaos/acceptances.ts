/**
 * When the relay accepted what a life says, by the relay's own clock, read off the wire.
 *
 * A handle tells when its device heard of it, which may be much later: an answer that is lost with its connection comes
 * again with the repeat, and names the first acceptance. Who was a device of the recipient then is owed the message.
 */

import { decodeContent, decodePayload, type Frame, type MessageId } from "@sotto/protocol";
import type { Engine } from "@sotto/sdk";
import { hashOf } from "./signal-message.js";

/** One connection; the ids of its requests are its own. */
export interface Line {
  asked(send: Frame<"send">): void;
  answered(answer: Frame<"accepted">): void;
}

/** What one life says, from its engine to the relay's answers. */
export class Acceptances {
  /** The message in each ciphertext of this life. */
  private readonly messages = new Map<string, MessageId>();

  /** `accepted` hears of each acceptance, also of one that is told again; not of resends, which are accepted later. */
  constructor(private readonly accepted: (id: MessageId, acceptedMs: number) => void) {}

  /** The same engine, overheard. */
  engine(inner: Engine): Engine {
    return {
      ...inner,
      encrypt: async (records, peer, plaintext, certificate, nowMs) => {
        const result = await inner.encrypt(records, peer, plaintext, certificate, nowMs);
        const id = messageIn(plaintext);
        if (id !== undefined) this.messages.set(hashOf(result.sealed), id);
        return result;
      },
    };
  }

  /** A connection was made. */
  line(): Line {
    const waiting = new Map<number, MessageId>();
    return {
      asked: ({ id, recipients }) => {
        const [envelope] = recipients.flatMap(({ envelopes }) => envelopes);
        const message = envelope === undefined ? undefined : this.messages.get(hashOf(envelope.body));
        if (message !== undefined) waiting.set(id, message);
      },
      answered: ({ id, acceptedMs }) => {
        const message = waiting.get(id);
        if (message !== undefined) this.accepted(message, acceptedMs);
      },
    };
  }
}

/** The message a payload says to others for the first time. */
function messageIn(plaintext: Uint8Array): MessageId | undefined {
  const payload = decodePayload(plaintext);
  if (payload.type !== "content" || payload.resendOf !== undefined) return undefined;
  return decodeContent(payload.content).messageId;
}
