/** What was sent, kept for some days so that it can be sent again to somebody who could not open it. */

import type { AccountId } from "@sotto/protocol";
import type { Clock, StoreChange } from "../ports.js";
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

  /** The change that keeps an accepted send: its content, or nothing for a word between SDKs. */
  keep({ envelope, recipient, content }: Row<"outbox">, sentMs: number): StoreChange {
    return { key: keys.sent(envelope), value: encodeRow("sent", { recipient, content, sentMs, resends: 0 }) };
  }

  /** What was sent to this account under a send id; `undefined` if it is not kept, or went to somebody else. */
  async find(envelope: Uint8Array, recipient: AccountId): Promise<Row<"sent"> | undefined> {
    const stored = await this.parts.store.get(keys.sent(envelope));
    const row = stored === undefined ? undefined : decodeRow("sent", stored);
    return row?.recipient === recipient ? row : undefined;
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
