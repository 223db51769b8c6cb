/**
 * Where the accepted sends of the last days lie: from message id to the number of its row. It is in memory, 11 to 22
 * bytes a send, so that a new send, the usual case, costs no look at the disk.
 */

import { randomInt } from "node:crypto";

/** Tables grow one at a time, so that no growth stops the relay for more than a moment. */
const TABLES = 256;
const FIRST_SLOTS = 64;
const U32 = 2 ** 32;

/** Slots of a tag and a row number; a row of 0 is free. Linear probing from the tag's place. */
class Slots {
  #used = 0;
  #tags = new Uint32Array(FIRST_SLOTS);
  #rows = new Uint32Array(FIRST_SLOTS);

  add(tag: number, row: number): void {
    if ((this.#used + 1) * 4 > this.#tags.length * 3) this.#grow();
    let slot = tag & (this.#tags.length - 1);
    while (this.#rows[slot] !== 0) slot = this.#next(slot);
    this.#tags[slot] = tag;
    this.#rows[slot] = row;
    this.#used += 1;
  }

  /** Whether there are rows under a tag: the look that costs nothing else. */
  has(tag: number): boolean {
    for (let slot = tag & (this.#tags.length - 1); this.#rows[slot] !== 0; slot = this.#next(slot)) {
      if (this.#tags[slot] === tag) return true;
    }
    return false;
  }

  /** The rows under a tag, until one is the answer. */
  find<Answer>(tag: number, look: (row: number) => Answer | undefined): Answer | undefined {
    for (let slot = tag & (this.#tags.length - 1); ; slot = this.#next(slot)) {
      const row = this.#rows[slot] as number;
      if (row === 0) return undefined;
      const answer = this.#tags[slot] === tag ? look(row) : undefined;
      if (answer !== undefined) return answer;
    }
  }

  remove(tag: number, row: number): void {
    let hole = tag & (this.#tags.length - 1);
    while (this.#rows[hole] !== row || this.#tags[hole] !== tag) {
      if (this.#rows[hole] === 0) return;
      hole = this.#next(hole);
    }
    this.#used -= 1;
    // Whatever was pushed behind the hole by it moves up, so that no search ends too early.
    for (let slot = this.#next(hole); this.#rows[slot] !== 0; slot = this.#next(slot)) {
      const home = (this.#tags[slot] ?? 0) & (this.#tags.length - 1);
      const mask = this.#tags.length - 1;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      this.#tags[hole] = this.#tags[slot] ?? 0;
      this.#rows[hole] = this.#rows[slot] ?? 0;
      hole = slot;
    }
    this.#rows[hole] = 0;
  }

  #next(slot: number): number {
    return (slot + 1) & (this.#tags.length - 1);
  }

  #grow(): void {
    const tags = this.#tags;
    const rows = this.#rows;
    this.#tags = new Uint32Array(tags.length * 2);
    this.#rows = new Uint32Array(tags.length * 2);
    this.#used = 0;
    for (let slot = 0; slot < rows.length; slot++) {
      const row = rows[slot] as number;
      if (row !== 0) this.add(tags[slot] as number, row);
    }
  }
}

/**
 * A multimap from message id to row number. It keeps 32 bits of a hash, not the id: what it finds must be checked
 * against the row. Row numbers lie closer together than 2³².
 */
export class DedupeIndex {
  readonly #tables = Array.from({ length: TABLES }, () => new Slots());
  /** Senders choose their ids: a secret keeps them from choosing ones that crowd one place. */
  readonly #secrets = Array.from({ length: 4 }, () => randomInt(U32));
  #newestRow = 0;
  #tag = 0;

  add(messageId: Uint8Array, rowNumber: number): void {
    if (rowNumber > this.#newestRow) this.#newestRow = rowNumber;
    this.#tableOf(messageId).add(this.#tag, shorten(rowNumber));
  }

  /** Looks at the rows that may hold a send, until one gives an answer. */
  find<Answer>(messageId: Uint8Array, look: (rowNumber: number) => Answer | undefined): Answer | undefined {
    const table = this.#tableOf(messageId);
    return table.has(this.#tag) ? table.find(this.#tag, (row) => look(this.#widen(row))) : undefined;
  }

  remove(messageId: Uint8Array, rowNumber: number): void {
    this.#tableOf(messageId).remove(this.#tag, shorten(rowNumber));
  }

  #widen(row: number): number {
    return this.#newestRow - ((shorten(this.#newestRow) - row) >>> 0);
  }

  /** Picks the table and leaves the tag in `#tag`. A keyed mix of all 16 bytes; collisions cost a look, no more. */
  #tableOf(messageId: Uint8Array): Slots {
    let mixed = 0x9e3779b9;
    for (let word = 0; word < 4; word++) {
      const at = word * 4;
      const bytes =
        (messageId[at] ?? 0) |
        ((messageId[at + 1] ?? 0) << 8) |
        ((messageId[at + 2] ?? 0) << 16) |
        ((messageId[at + 3] ?? 0) << 24);
      mixed = scramble(mixed ^ bytes ^ (this.#secrets[word] ?? 0)) ^ (this.#secrets[3 - word] ?? 0);
    }
    this.#tag = scramble(mixed) >>> 0;
    const table = this.#tables[scramble(mixed ^ 0x85ebca6b) & (TABLES - 1)];
    if (table === undefined) throw new RangeError("a byte has one of 256 values");
    return table;
  }
}

/** Row numbers whose low 32 bits are 0 are never used: there 0 marks a free slot. */
export function isUsableRowNumber(rowNumber: number): boolean {
  return shorten(rowNumber) !== 0;
}

function shorten(rowNumber: number): number {
  return rowNumber % U32;
}

/** The finalizer of MurmurHash3: every bit of the input changes half of the output's. */
function scramble(value: number): number {
  let bits = value ^ (value >>> 16);
  bits = Math.imul(bits, 0x85ebca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
