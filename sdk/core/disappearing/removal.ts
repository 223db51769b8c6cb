/** The end of messages: what of them is on this device goes in one commit, and only their index rows stay, so that no repetition brings them back. */

import { decodeContent, decodeOwnBody, encodeOwnBody, type MessageId, SottoError } from "@sotto/protocol";
import type { Thread } from "../conversations/conversations.js";
import type { Handles } from "../conversations/handles.js";
import { changed, hidden } from "../conversations/incoming.js";
import { pollIn } from "../conversations/polls.js";
import { readStored } from "../conversations/stored-content.js";
import type { TimelineRow } from "../conversations/timeline.js";
import { type EvidenceRows, REPORTABLE_AFTER_END_MS } from "../franking/evidence.js";
import type { KeptSends } from "../outbox/kept-sends.js";
import type { Outbox } from "../outbox/outbox.js";
import type { StoreChange } from "../ports.js";
import { decodeRow, dueMsOf, eachRow, encodeRow, keys, orderOf, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { endOf, messageOf } from "./lifetime.js";
import { wordsAbout } from "./words-about.js";

/** What ending works with. */
export interface RemovalParts {
  readonly store: SealedStore;
  readonly outbox: Pick<Outbox, "strike" | "isThere">;
  readonly keptSends: Pick<KeptSends, "forget">;
  readonly handles: Pick<Handles, "failed">;
  readonly evidence: Pick<EvidenceRows, "endingBy">;
}

/** What ends, and what is told of it once that is durable. */
export interface Ended {
  /** For the turn of the commit. */
  changes(): readonly StoreChange[];
  told(): void;
}

/** What of one conversation ends. */
interface Ending {
  readonly thread: Thread;
  readonly changes: StoreChange[];
  /** Parts of a history as they are to wait on, by their orders: none that ended meanwhile. */
  readonly archives: Map<number, StoreChange>;
  /** Places that show nothing any more, and what they showed. */
  readonly places: TimelineRow[];
  /** When each ended. */
  readonly messages: Map<MessageId, number>;
  /** Those of them that may have votes. */
  readonly polls: MessageId[];
  /** What was said here and waits for the relay, with no message left that it is about. */
  readonly unsaid: MessageId[];
}

/** Ends messages. */
export class Removal {
  constructor(private readonly parts: RemovalParts) {}

  /**
   * What goes with the messages that these rows of ends name, all of one conversation. The caller holds the conversation's lock and
   * commits it in the same turn. Rows of ends that were moved are let go of.
   */
  async of(thread: Thread, dueKeys: readonly string[]): Promise<Ended> {
    const ending: Ending = {
      ...{ thread, changes: [], archives: new Map(), places: [] },
      ...{ messages: new Map(), polls: [], unsaid: [] },
    };
    await Promise.all(dueKeys.map((key) => this.message(ending, key)));
    if (ending.messages.size > 0) await this.left(ending);
    const { changes, archives, places, messages, unsaid } = ending;
    const told = () => {
      const { timeline } = thread;
      for (const id of [...messages.keys(), ...unsaid])
        this.parts.handles.failed(timeline.id, id, new SottoError("expired"));
      for (const { sequence } of places) thread.tell(changed(sequence));
    };
    const emptied = () =>
      places.flatMap(({ sequence, row }) => thread.timeline.move(sequence, row, hidden(row.from, row.atMs)));
    const waiting = () =>
      [...archives].flatMap(([order, change]) => (this.parts.outbox.isThere(order) ? [change] : []));
    return { changes: () => [...changes, ...waiting(), ...emptied()], told };
  }

  private async message(ending: Ending, key: string): Promise<void> {
    const { store } = this.parts;
    const { thread, changes } = ending;
    const { timeline } = thread;
    const sequence = orderOf(key);
    changes.push({ key, value: undefined });
    const life = await timeline.lives.at(sequence);
    if (life === undefined || endOf(life) !== dueMsOf(store, key)) return;
    changes.push({ key: keys.lifetime(store, timeline.id, sequence), value: undefined });
    for (const word of await wordsAbout({ store, timeline }, sequence)) {
      changes.push({ key: word.key, value: undefined });
      const row = await timeline.row(word.sequence);
      if (row?.shape !== "content") continue;
      if (row.status === "pending" || row.status === "failed") ending.unsaid.push(readStored(row.content).messageId);
      ending.places.push({ sequence: word.sequence, row });
    }
    const row = await timeline.row(sequence);
    if (row?.shape !== "content") return;
    const id = nameIn(row);
    if (id !== undefined) ending.messages.set(id, endOf(life));
    if (pollIn(row) !== undefined && id !== undefined) ending.polls.push(id);
    ending.places.push({ sequence, row });
  }

  /** What waits to be sent, votes, and what is kept to be sent again. */
  private async left({ thread, changes, archives, messages, polls }: Ending): Promise<void> {
    const { store, keptSends, evidence } = this.parts;
    const { id: conversation } = thread.timeline;
    for await (const { key, value } of eachRow(store, keys.outboxAll)) {
      const row = decodeRow("outbox", value);
      if (row.type === "archive") {
        const value = withoutEntries(row, thread, messages);
        if (value !== undefined) archives.set(orderOf(key), { key, value });
      } else if (isAbout(row, conversation, messages)) changes.push(await this.parts.outbox.strike(orderOf(key)));
    }
    // What was accepted while the outbox was read is among what is kept by now.
    const kept = await Promise.all([...messages.keys()].map((message) => keptSends.forget(conversation, message)));
    const votes = await Promise.all(polls.map((poll) => thread.writer.votes.dropped(poll)));
    const reportable = await Promise.all(
      [...messages].map(([message, endedMs]) =>
        evidence.endingBy(conversation, message, endedMs + REPORTABLE_AFTER_END_MS),
      ),
    );
    changes.push(...kept.flat(), ...votes.flat(), ...reportable.flat());
  }
}

/** The name of the message in a row, also of one that was deleted. */
function nameIn({ messageId, content }: Row<"item">): MessageId | undefined {
  return messageId ?? (content.length === 0 ? undefined : readStored(content).messageId);
}

/** Whether what waits to be sent is one of the messages, or about one: told to own devices, or sent again to somebody. */
function isAbout(
  { type, body }: Row<"outbox">,
  conversation: string,
  messages: ReadonlyMap<MessageId, number>,
): boolean {
  if (type !== "content" && type !== "sent") return false;
  const content = decodeContent(body);
  return content.conversation === conversation && messages.has(messageOf(content));
}

/** A part of a history that waits for its device goes without them; `undefined` if it has none of them. */
function withoutEntries(
  row: Row<"outbox">,
  thread: Thread,
  messages: ReadonlyMap<MessageId, number>,
): Uint8Array | undefined {
  if (thread.kind === "group") return undefined;
  const body = decodeOwnBody("archive", row.body);
  const entries = body.entries.filter(({ peer, messageId, content }) => {
    const isHere = peer === thread.peer;
    const about = content.length === 0 ? messageId : messageOf(decodeContent(content));
    return !isHere || !(messages.has(messageId) || messages.has(about));
  });
  if (entries.length === body.entries.length) return undefined;
  return encodeRow("outbox", { ...row, body: encodeOwnBody("archive", { ...body, entries }) });
}
