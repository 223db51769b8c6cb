/** Deletes what has outlived its time: old envelopes, forgotten dedupe rows, expired rows of the table. */

import type { AbortSignalLike, Clock, MailboxId } from "../../ports.js";
import type { Engine } from "../engine.js";
import { envelopesFrom, envelopesOf, mailboxHeadKey, readEnvelopeKey } from "../row-keys.js";
import { readAcceptedMs, readMailboxHead } from "../row-values.js";
import type { Dedupe } from "./dedupe.js";
import type { EnvelopeRemoval } from "./envelope-removal.js";
import type { MailboxSlots } from "./mailbox-slots.js";
import type { VersionedRows } from "./versioned-rows.js";
import type { Writer } from "./writer.js";

/** Envelopes looked at and deleted at once; their bodies pass through memory. */
const ENVELOPE_STEP = 64;
/** Small rows deleted at once. */
const ROW_STEP = 1_000;

/** What the expiry is made of. */
export interface ExpiryParts {
  readonly engine: Engine;
  readonly writer: Writer;
  readonly slots: MailboxSlots;
  readonly removal: EnvelopeRemoval;
  readonly dedupe: Dedupe;
  readonly table: VersionedRows;
  readonly clock: Clock;
}

/** Runs in small steps beside the traffic. */
export class Expiry {
  readonly #parts: ExpiryParts;

  constructor(parts: ExpiryParts) {
    this.#parts = parts;
  }

  /**
   * Deletes envelopes accepted before a time, then the forgotten rows. Answers how many envelopes went.
   *
   * A mailbox is in the order of acceptance, so it is enough to look at the oldest envelope of each. Where the relay's
   * clock went back, an envelope may stay until the one before it goes.
   */
  async expire(beforeMs: number, signal: AbortSignalLike): Promise<number> {
    const { engine, clock, dedupe, table, writer } = this.#parts;
    writer.assertOpen();
    let expired = 0;
    let range = envelopesFrom(0);
    while (!signal.aborted) {
      const [row] = await engine.entries(range, 1);
      if (row === undefined) break;
      const { mailboxNumber, isHead } = readEnvelopeKey(row[0]);
      if (!isHead && readAcceptedMs(row[1]) < beforeMs) {
        expired += await this.#expireMailbox(mailboxNumber, beforeMs, signal);
      }
      range = envelopesFrom(mailboxNumber + 1);
    }
    for (const rows of [dedupe, table]) {
      while (!signal.aborted && (await rows.purge(clock.now(), ROW_STEP)) > 0);
    }
    return expired;
  }

  async #expireMailbox(mailboxNumber: number, beforeMs: number, signal: AbortSignalLike): Promise<number> {
    const { engine } = this.#parts;
    const head = engine.get(mailboxHeadKey(mailboxNumber));
    if (head === undefined) return 0;
    const { mailbox } = readMailboxHead(head);
    let expired = 0;
    let fromCursor = 1;
    while (!signal.aborted) {
      const rows = await engine.entries(envelopesOf(mailboxNumber, fromCursor), ENVELOPE_STEP);
      const old: number[] = [];
      for (const [key, value] of rows) if (readAcceptedMs(value) < beforeMs) old.push(readEnvelopeKey(key).cursor);
      expired += await this.#remove(mailbox, mailboxNumber, old);
      const last = old.at(-1);
      if (last === undefined || old.length < rows.length || rows.length < ENVELOPE_STEP) break;
      fromCursor = last + 1;
    }
    return expired;
  }

  async #remove(id: MailboxId, mailboxNumber: number, cursors: readonly number[]): Promise<number> {
    const { slots, removal, writer } = this.#parts;
    const slot = slots.of(id);
    return slots.inTurn([slot], 0, async () => {
      const mailbox = slot.live;
      if (mailbox === undefined || mailbox.number !== mailboxNumber) return 0;
      removal.prepare(mailbox, 0, cursors);
      const before = mailbox.count;
      const batch = writer.change(0, (batch) => removal.remove(batch, slot, 0, cursors));
      const removed = before - mailbox.count;
      await batch.done;
      return removed;
    });
  }
}
