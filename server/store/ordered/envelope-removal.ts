/** Deletes envelopes, and with each its hold on a shared end. */

import { EnvelopeKeys } from "../row-keys.js";
import type { Mailbox } from "./mailbox.js";
import type { MailboxSlot } from "./mailbox-slot.js";
import type { SharedEnds } from "./shared-ends.js";
import type { Batch } from "./writer.js";

/**
 * Deletes envelopes of loaded mailboxes: those up to a cursor, and single ones in `also`; cursors that hold none are
 * passed over. `prepare` comes first, outside of the batch and in the same turn, and may fail; `remove` may not.
 */
export class EnvelopeRemoval {
  readonly #ends: SharedEnds;
  readonly #keys = new EnvelopeKeys();

  constructor(ends: SharedEnds) {
    this.#ends = ends;
  }

  /** @throws StoreError `unavailable` if what must be known of shared ends cannot be read; nothing has changed. */
  prepare(mailbox: Mailbox, upTo: number, also: readonly number[]): void {
    if (!mailbox.hasSharedEnds) return;
    const end = Math.min(upTo, mailbox.last);
    for (let cursor = mailbox.floor + 1; cursor <= end; cursor++) this.#prepare(mailbox, cursor);
    for (const cursor of also) this.#prepare(mailbox, cursor);
  }

  remove(batch: Batch, slot: MailboxSlot, upTo: number, also: readonly number[]): void {
    const mailbox = slot.live;
    if (mailbox === undefined) return;
    const end = Math.min(upTo, mailbox.last);
    for (let cursor = mailbox.floor + 1; cursor <= end; cursor++) this.#remove(batch, mailbox, cursor);
    for (const cursor of also) this.#remove(batch, mailbox, cursor);
    slot.joins(batch);
  }

  #prepare(mailbox: Mailbox, cursor: number): void {
    const sharedEnd = mailbox.sharedEndOf(cursor);
    if (sharedEnd !== undefined) this.#ends.prepare(sharedEnd);
  }

  #remove(batch: Batch, mailbox: Mailbox, cursor: number): void {
    const sharedEnd = mailbox.sharedEndOf(cursor);
    const sizeBytes = mailbox.remove(cursor);
    if (sizeBytes === undefined) return;
    batch.delete(this.#keys.write(mailbox.number, cursor, sizeBytes, sharedEnd));
    if (sharedEnd !== undefined) this.#ends.release(batch, sharedEnd);
  }
}
