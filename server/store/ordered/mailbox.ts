/** One mailbox in memory: which cursors it holds and how large they are. Touches no disk. */

import type { MailboxHead } from "../row-values.js";

const REMOVED = -1;
const NO_END = 0;
/** Cursors the floor may be ahead of the head row: so many deleted rows a load may have to step over. */
const FLOOR_LAG = 1024;

/** A stretch of a mailbox to read. */
export interface Page {
  readonly first: { readonly cursor: number; readonly sizeBytes: number };
  readonly last: { readonly cursor: number; readonly sizeBytes: number };
  readonly more: boolean;
}

/**
 * The counts of one mailbox, ahead of the disk by what is being written.
 *
 *   1 ……… floor │ floor+1 … last        committed ≤ last
 *   all deleted │ held, or deleted singly
 */
export class Mailbox {
  readonly number: number;
  /** The highest cursor on disk that was ever readable. */
  committed: number;
  /** Envelopes held. */
  count = 0;
  /** Bytes of their bodies. */
  bytes = 0;
  #floor: number;
  #last: number;
  /** Sizes of floor+1 … last, from `#start` on. */
  #sizes: number[] = [];
  #start = 0;
  #written: MailboxHead;
  /** Beside `#sizes`, the shared ends of these envelopes, `NO_END` for none; from the first that has one on. */
  #ends: number[] | undefined;
  /** Held envelopes that have a shared end. */
  #endCount = 0;

  /** Rebuilds a mailbox from its head row and the envelopes above the floor, in order. */
  constructor(
    number: number,
    head: MailboxHead,
    held: readonly { readonly cursor: number; readonly sizeBytes: number; readonly sharedEnd?: number | undefined }[],
  ) {
    this.number = number;
    this.#written = head;
    this.#floor = head.floor;
    this.#last = head.floor;
    for (const { cursor, sizeBytes, sharedEnd } of held) {
      this.#skipTo(cursor - 1);
      this.add(sizeBytes, sharedEnd);
    }
    this.#skipTo(head.last);
    this.#trim();
    this.committed = this.#last;
  }

  /** The highest cursor given. */
  get last(): number {
    return this.#last;
  }

  /** All cursors up to it are deleted. */
  get floor(): number {
    return this.#floor;
  }

  /** Whether any held envelope has a shared end. */
  get hasSharedEnds(): boolean {
    return this.#endCount > 0;
  }

  /** Gives the next cursor to a body. The size is that of the whole body. */
  add(sizeBytes: number, sharedEnd?: number): number {
    if (sharedEnd !== undefined) {
      this.#ends ??= this.#sizes.map(() => NO_END);
      this.#endCount += 1;
    }
    this.#sizes.push(sizeBytes);
    this.#ends?.push(sharedEnd ?? NO_END);
    this.#last += 1;
    this.count += 1;
    this.bytes += sizeBytes;
    return this.#last;
  }

  /** The size of a held envelope, or `undefined` if the cursor holds none. */
  sizeOf(cursor: number): number | undefined {
    if (cursor <= this.#floor) return undefined;
    const size = this.#sizes[this.#indexOf(cursor)];
    return size === undefined || size === REMOVED ? undefined : size;
  }

  /** The number of a held envelope's shared end; `undefined` if it has none or the cursor holds none. */
  sharedEndOf(cursor: number): number | undefined {
    if (this.#ends === undefined || this.sizeOf(cursor) === undefined) return undefined;
    const end = this.#ends[this.#indexOf(cursor)];
    return end === NO_END ? undefined : end;
  }

  /** Forgets a held envelope and answers its size; `undefined` if the cursor holds none. */
  remove(cursor: number): number | undefined {
    const size = this.sizeOf(cursor);
    if (size === undefined) return undefined;
    if (this.sharedEndOf(cursor) !== undefined) this.#endCount -= 1;
    this.#sizes[this.#indexOf(cursor)] = REMOVED;
    this.count -= 1;
    this.bytes -= size;
    this.#trim();
    return size;
  }

  /** The committed envelopes behind a cursor that fit one page; `undefined` if there are none. */
  page(after: number, max: { readonly count: number; readonly bytes: number }): Page | undefined {
    let first: Page["first"] | undefined;
    let last: Page["first"] | undefined;
    let count = 0;
    let bytes = 0;
    for (let cursor = Math.max(after, this.#floor) + 1; cursor <= this.committed; cursor++) {
      const sizeBytes = this.sizeOf(cursor);
      if (sizeBytes === undefined) continue;
      count += 1;
      bytes += sizeBytes;
      if (first !== undefined && last !== undefined && (count > max.count || bytes > max.bytes)) {
        return { first, last, more: true };
      }
      last = { cursor, sizeBytes };
      first ??= last;
    }
    return first === undefined || last === undefined ? undefined : { first, last, more: false };
  }

  /**
   * The head row to write with this batch, if one is due.
   *
   * While the highest envelope is held its row tells the last cursor. Once it is deleted only the head row does, so it
   * must go into the same batch: cursors never start over.
   */
  dueHead(): MailboxHead | undefined {
    const lastIsHeld = this.#sizes.length > 0 && this.#sizes.at(-1) !== REMOVED;
    const isDue = (!lastIsHeld && this.#last > this.#written.last) || this.#floor - this.#written.floor >= FLOOR_LAG;
    if (!isDue) return undefined;
    this.#written = { floor: this.#floor, last: this.#last };
    return this.#written;
  }

  #indexOf(cursor: number): number {
    return this.#start + cursor - this.#floor - 1;
  }

  #skipTo(cursor: number): void {
    for (; this.#last < cursor; this.#last++) {
      this.#sizes.push(REMOVED);
      this.#ends?.push(NO_END);
    }
  }

  #trim(): void {
    while (this.#start < this.#sizes.length && this.#sizes[this.#start] === REMOVED) {
      this.#start += 1;
      this.#floor += 1;
    }
    if (this.#start === this.#sizes.length) {
      this.#sizes.length = 0;
      this.#ends = undefined;
    } else if (this.#start < FLOOR_LAG || this.#start * 2 < this.#sizes.length) return;
    else {
      this.#sizes.splice(0, this.#start);
      this.#ends?.splice(0, this.#start);
    }
    this.#start = 0;
  }
}
