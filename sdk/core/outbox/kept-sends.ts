/** What was sent, kept for some days so that it can be sent again to somebody who could not open it. */

import {
  type ArchiveEntry,
  type Content,
  type ConversationId,
  decodeContent,
  decodeOwnBody,
  encodeOwnBody,
  fromHex,
  type MessageId,
  type OwnBody,
  toHex,
} from "@sotto/protocol";
import { messageOf } from "../disappearing/lifetime.js";
import type { Address, Clock, StoreChange } from "../ports.js";
import { Rounds } from "../rounds.js";
import { decodeRow, eachRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** What was sent is kept this long. */
const KEEP_MS = 7 * 24 * 3_600_000;
/** What is older is deleted this often, beginning shortly after the start. */
const PURGE_EVERY_MS = 24 * 3_600_000;
const FIRST_PURGE_MS = 5_000;
const MAX_FORGOTTEN = 4_096;
/** Deletions of one commit. */
const BATCH = 512;

/**
 * A send is made again at most this often, whoever asks and how: a device that is put back to old copies asks twice each
 * time, once for all it lost and once for what it was sent meanwhile and cannot open. Of what went to a group: for each member.
 */
export const MAX_RESENDS = 16;

/** What is worth sending again; everything else is answered with `nothing`. */
const WORTH_KEEPING: ReadonlySet<Row<"sent">["type"]> = new Set([
  ...(["content", "contact", "sent", "state", "archive", "invitation", "groups", "registers"] as const),
]);

/** Whether a kept send can be made again. */
export function isWorthResending({ type }: Row<"sent">): boolean {
  return WORTH_KEEPING.has(type);
}

/**
 * When the relay accepted what a kept send says: of a content that was sent again, when it was sent first. Its place is the
 * same on every device, however often and to whom it is said.
 */
export function saidMs({ type, atMs, acceptedMs }: Row<"sent">): number {
  return type === "content" ? Math.min(atMs ?? acceptedMs, acceptedMs) : acceptedMs;
}

const NOTHING = new Uint8Array(0);

/** What left: an outbox row, but for how it waited. */
type Leaving = Omit<Row<"outbox">, "createdMs" | "state"> & Partial<Row<"outbox">>;

/** Remembers sends and forgets them in time. */
export class KeptSends {
  private readonly rounds: Rounds;
  /** What was forgotten of late: who found it before writes nothing of it after. */
  private readonly forgotten = new Set<string>();

  constructor(
    private readonly parts: { readonly store: SealedStore; readonly clock: Clock; failed(error: unknown): void },
  ) {
    const { clock, failed } = parts;
    this.rounds = new Rounds({ clock, delayMs: PURGE_EVERY_MS, work: () => this.purge(), failed });
    this.rounds.wake(FIRST_PURGE_MS);
  }

  /** The change that keeps an accepted send: all that making it again needs, or only that there was one. */
  keep(sent: Leaving, accepted: { readonly atMs: number; readonly acceptedMs: number }): StoreChange {
    const { envelope, recipient, group, standing, device, type, peer, atMs, body, evidence } = sent;
    const kept = type === "archive" ? withoutTimed(body) : body;
    const said = WORTH_KEEPING.has(type) ? { peer, atMs, body: kept, evidence } : { body: NOTHING };
    const whither = { recipient, group, standing, device };
    const when = { sentMs: accepted.atMs, acceptedMs: accepted.acceptedMs };
    return {
      key: keys.sent(envelope),
      value: encodeRow("sent", { ...whither, type, ...said, ...when, resends: 0 }),
    };
  }

  /** The changes that keep an accepted send, and find it again where it is to go with a message that has a timer. */
  keeping(sent: Leaving, accepted: { readonly atMs: number; readonly acceptedMs: number }): readonly StoreChange[] {
    const key = this.timedKey(sent, sent.envelope);
    const found = key === undefined ? [] : [{ key, value: encodeRow("mark", {}) }];
    return [this.keep(sent, accepted), ...found];
  }

  /** The changes that forget everything sent of a message that ended, and about it. The caller commits them at once. */
  async forget(conversation: ConversationId, message: MessageId): Promise<readonly StoreChange[]> {
    const { store } = this.parts;
    const changes: StoreChange[] = [];
    for await (const { key } of eachRow(store, keys.keptAsAll(store, conversation, message))) {
      const envelope = key.slice(key.lastIndexOf("/") + 1);
      changes.push({ key, value: undefined }, { key: keys.sent(fromHex(envelope)), value: undefined });
      this.forgotten.add(envelope);
    }
    for (const oldest of this.forgotten) {
      if (this.forgotten.size <= MAX_FORGOTTEN) break;
      this.forgotten.delete(oldest);
    }
    return changes;
  }

  /** Whether a send that was found here is kept still, in the turn that asks. */
  isKept(envelope: Uint8Array): boolean {
    return !this.forgotten.has(toHex(envelope));
  }

  /**
   * What was sent to this device under a send id; `undefined` if it is not kept, or went to somebody else. Of what went to a
   * whole group the caller knows who was in it.
   */
  async find(envelope: Uint8Array, { account, device }: Address): Promise<Row<"sent"> | undefined> {
    const row = await this.get(envelope);
    if (row?.recipient === undefined) return row;
    if (row.recipient !== account) return undefined;
    return row.device === undefined || row.device === device ? row : undefined;
  }

  /** What was sent under a send id, to whomever. */
  async get(envelope: Uint8Array): Promise<Row<"sent"> | undefined> {
    const stored = await this.parts.store.get(keys.sent(envelope));
    return stored === undefined ? undefined : decodeRow("sent", stored);
  }

  /** Everything kept that the relay accepted at or after a time, in no order. */
  async *since(acceptedMs: number): AsyncGenerator<{ readonly envelope: Uint8Array; readonly row: Row<"sent"> }> {
    for await (const { key, value } of eachRow(this.parts.store, keys.sentAll)) {
      const row = decodeRow("sent", value);
      if (row.acceptedMs >= acceptedMs) yield { envelope: fromHex(key.slice(keys.sentAll.length)), row };
    }
  }

  /** Deletes what is too old, however much it is. */
  async purge(): Promise<void> {
    const { store, clock } = this.parts;
    const oldestMs = clock.now() - KEEP_MS;
    let forgotten: StoreChange[] = [];
    for await (const { key, value } of eachRow(store, keys.sentAll)) {
      const row = decodeRow("sent", value);
      if (row.sentMs < oldestMs) {
        const timed = this.timedKey(row, fromHex(key.slice(keys.sentAll.length)));
        forgotten.push({ key, value: undefined }, ...(timed === undefined ? [] : [{ key: timed, value: undefined }]));
      }
      if (forgotten.length < BATCH) continue;
      await store.commit(forgotten);
      forgotten = [];
    }
    if (forgotten.length > 0) await store.commit(forgotten);
    this.rounds.wake();
  }

  /** Stops. Idempotent. */
  close(): void {
    this.rounds.close();
  }

  /** Where a send is found by the message it is, or is about; of what has no timer nowhere. */
  private timedKey({ type, body }: Pick<Row<"sent">, "type" | "body">, envelope: Uint8Array): string | undefined {
    if (type !== "content" && type !== "sent") return undefined;
    const content = contentOf(body);
    if (content?.timerMs === undefined) return undefined;
    return keys.keptAs(this.parts.store, content.conversation, messageOf(content), envelope);
  }
}

/** A part of a history that has to be sent again leaves out what has a timer: nobody would look for it there at its end. */
function withoutTimed(body: Uint8Array): Uint8Array {
  const part = partOf(body);
  const isTimed = ({ content }: ArchiveEntry) => contentOf(content)?.timerMs !== undefined;
  if (part === undefined || !part.entries.some(isTimed)) return body;
  return encodeOwnBody("archive", { ...part, entries: part.entries.filter((entry) => !isTimed(entry)) });
}

/** What a body says; `undefined` if it is none, which then has no timer either. */
function contentOf(body: Uint8Array): Content | undefined {
  try {
    return decodeContent(body);
  } catch {
    return undefined;
  }
}

function partOf(body: Uint8Array): OwnBody<"archive"> | undefined {
  try {
    return decodeOwnBody("archive", body);
  } catch {
    return undefined;
  }
}
