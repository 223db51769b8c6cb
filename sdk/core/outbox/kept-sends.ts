/** What was sent, kept for some days so that it can be sent again to somebody who could not open it. */

import { fromHex } from "@sotto/protocol";
import type { Address, Clock, StoreChange } from "../ports.js";
import { Rounds } from "../rounds.js";
import { decodeRow, eachRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** What was sent is kept this long. */
const KEEP_MS = 7 * 24 * 3_600_000;
/** What is older is deleted this often, beginning shortly after the start. */
const PURGE_EVERY_MS = 24 * 3_600_000;
const FIRST_PURGE_MS = 5_000;
/** Deletions of one commit. */
const BATCH = 512;

/**
 * A send is made again at most this often, whoever asks and how: a device that is put back to old copies asks twice each
 * time, once for all it lost and once for what it was sent meanwhile and cannot open. Of what went to a group: for each member.
 */
export const MAX_RESENDS = 16;

/** What is worth sending again; everything else is answered with `nothing`. */
const WORTH_KEEPING: ReadonlySet<Row<"sent">["type"]> = new Set([
  ...(["content", "contact", "sent", "state", "archive", "invitation", "groups"] as const),
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

  constructor(
    private readonly parts: { readonly store: SealedStore; readonly clock: Clock; failed(error: unknown): void },
  ) {
    const { clock, failed } = parts;
    this.rounds = new Rounds({ clock, delayMs: PURGE_EVERY_MS, work: () => this.purge(), failed });
    this.rounds.wake(FIRST_PURGE_MS);
  }

  /** The change that keeps an accepted send: all that making it again needs, or only that there was one. */
  keep(sent: Leaving, accepted: { readonly atMs: number; readonly acceptedMs: number }): StoreChange {
    const { envelope, recipient, group, standing, device, type, peer, atMs, body } = sent;
    const said = WORTH_KEEPING.has(type) ? { peer, atMs, body } : { body: NOTHING };
    const whither = { recipient, group, standing, device };
    const when = { sentMs: accepted.atMs, acceptedMs: accepted.acceptedMs };
    return {
      key: keys.sent(envelope),
      value: encodeRow("sent", { ...whither, type, ...said, ...when, resends: 0 }),
    };
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
      if (decodeRow("sent", value).sentMs < oldestMs) forgotten.push({ key, value: undefined });
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
}
