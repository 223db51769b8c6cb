/** All mailboxes in use, and the order of their changes. */

import { type MailboxId, StoreError } from "../../ports.js";
import type { Engine } from "../engine.js";
import { MailboxSlot } from "./mailbox-slot.js";
import { Residents } from "./residents.js";

/** Mailboxes kept in memory though nobody uses them: some hundred bytes each, saving a load from disk. */
const RESIDENT_MAILBOXES = 65_536;
/** Calls that may wait for mailboxes to be loaded. */
const MAX_WAITING_CALLS = 4_096;
/** Bytes these calls may hold. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/** Finds mailboxes and lets changes at them one after the other, in the order of the calls. */
export class MailboxSlots {
  readonly #residents: Residents<MailboxId, MailboxSlot>;
  #waitingCalls = 0;
  #waitingBytes = 0;

  constructor(engine: Engine, capacity: number = RESIDENT_MAILBOXES) {
    this.#residents = new Residents(capacity, (id) => this.#begin(engine, id));
  }

  /** The slot of a mailbox; while `turn` is set it is not yet the caller's to change. */
  of(mailbox: MailboxId): MailboxSlot {
    return this.#residents.take(mailbox);
  }

  /** The slot of a mailbox, loaded. For readers, who take no turn. */
  async loaded(mailbox: MailboxId): Promise<MailboxSlot> {
    const slot = this.#residents.take(mailbox);
    while (slot.turn !== undefined && slot.live === undefined) await slot.turn;
    if (slot.broken !== undefined) throw slot.broken;
    return slot;
  }

  /**
   * Runs a change when every call before it at any of these mailboxes has had its turn. At once if nobody waits.
   *
   * The turn ends when `change` returns, not when its promise settles.
   *
   * @throws StoreError `unavailable` if too many calls wait.
   */
  inTurn<Result>(slots: readonly MailboxSlot[], sizeBytes: number, change: () => Promise<Result>): Promise<Result> {
    const turns = new Set<Promise<void>>();
    for (const { turn } of slots) if (turn !== undefined) turns.add(turn);
    if (turns.size === 0) return change();
    if (this.#waitingCalls >= MAX_WAITING_CALLS || this.#waitingBytes + sizeBytes > MAX_WAITING_BYTES) {
      throw new StoreError("unavailable", "Too many calls wait for mailboxes to be read from disk.");
    }
    this.#waitingCalls += 1;
    this.#waitingBytes += sizeBytes;

    let begun: Promise<Result> | undefined;
    const turn = Promise.all(turns).then(() => {
      this.#waitingCalls -= 1;
      this.#waitingBytes -= sizeBytes;
      for (const slot of slots) if (slot.turn === turn) slot.turn = undefined;
      begun = begin(slots, change);
      begun.catch(() => {});
    });
    for (const slot of slots) slot.turn = turn;
    return turn.then(() => begun ?? Promise.reject(new StoreError("unavailable", "The change never began.")));
  }

  /** The load is the first turn of a new slot; it never rejects, so that those behind it can go on and fail singly. */
  #begin(engine: Engine, id: MailboxId): MailboxSlot {
    const slot = new MailboxSlot(id);
    const turn = slot
      .load(engine)
      .catch((error: unknown) => {
        slot.broken = error;
        this.#residents.forget(id, slot);
      })
      .then(() => {
        if (slot.turn === turn) slot.turn = undefined;
      });
    slot.turn = turn;
    return slot;
  }
}

async function begin<Result>(slots: readonly MailboxSlot[], change: () => Promise<Result>): Promise<Result> {
  for (const { broken } of slots) if (broken !== undefined) throw broken;
  return change();
}
