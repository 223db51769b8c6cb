/**
 * What the records of a journal add up to. A record that cannot be read ends the durable part: it was being written when
 * the power went. If a later one proves that it had been on disk, the journal was damaged instead.
 */

import { SEGMENT_BYTES } from "../layout.js";
import { isSealing, type JournalRecord, segmentOf } from "./journal-format.js";

/** What is durable of a blob. */
export interface Replayed {
  /** Bytes of data. */
  readonly end: number;
  /** Records that count. */
  readonly records: number;
  /** One for each segment up to `end`; the last may be that of a part of it. */
  readonly checksums: readonly number[];
  readonly isSealed: boolean;
}

/** Takes the records of one journal, in order. */
export class Replay {
  readonly #lengthBytes: number;
  readonly #checksums: number[] = [];
  #end = 0;
  #records = 0;
  #isSealed = false;
  #hasEnded = false;
  /** The most that a readable record says was durable. */
  #promised = 0;

  constructor(lengthBytes: number) {
    this.#lengthBytes = lengthBytes;
  }

  /** The next record; `undefined` for one that cannot be read. */
  take(record: JournalRecord | undefined): void {
    if (record === undefined) this.#hasEnded = true;
    else {
      this.#promised = Math.max(this.#promised, record.durableBefore);
      if (!this.#hasEnded) this.#apply(record);
    }
  }

  #apply(record: JournalRecord): void {
    const { end, checksum } = record;
    if (this.#end === this.#lengthBytes) {
      if (isSealing(record, this.#lengthBytes)) {
        this.#isSealed = true;
        this.#records += 1;
      }
      this.#hasEnded = true;
      return;
    }
    const segment = segmentOf(this.#end);
    if (end <= this.#end || end > this.#lengthBytes || segmentOf(end - 1) !== segment) {
      this.#hasEnded = true;
      return;
    }
    this.#checksums[segment] = checksum;
    this.#end = end;
    this.#records += 1;
  }

  /** What is durable; `undefined` if the journal was damaged. */
  result(): Replayed | undefined {
    if (this.#promised > this.#end) return undefined;
    return { end: this.#end, records: this.#records, checksums: this.#checksums, isSealed: this.#isSealed };
  }
}

/** The fewest records that say the same. Only for a journal that gets its name after it is durable. */
export function compactRecords({ end, checksums }: Pick<Replayed, "end" | "checksums">): readonly JournalRecord[] {
  return checksums.map((checksum, segment) => ({
    end: Math.min((segment + 1) * SEGMENT_BYTES, end),
    durableBefore: end,
    checksum,
  }));
}
