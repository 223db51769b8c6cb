/** What the bodies of several envelopes end in: stored once, and gone with the last of them. */

import { StoreError } from "../../ports.js";
import type { Engine } from "../engine.js";
import { sharedEndCountKey, sharedEndKey, U48, u48 } from "../row-keys.js";
import { LatestRows } from "./latest-rows.js";
import type { Numbers } from "./numbers.js";
import type { Batch, Participant } from "./writer.js";

/** Counts kept in memory, some hundred bytes each: group messages some of whose recipients are online. */
const REMEMBERED_COUNTS = 32_768;

/**
 * Counts the envelopes that refer to each shared end.
 *
 * A count changes in memory with every envelope, and on disk once per batch: in the one that writes or deletes these
 * envelopes. So on disk, whatever crashes, an end is there exactly as long as an envelope that ends in it.
 */
export class SharedEnds implements Participant {
  readonly #engine: Engine;
  readonly #numbers: Numbers;
  readonly #counts: LatestRows<number, number>;
  readonly #touched = new Set<number>();
  #batch: Batch | undefined;

  constructor(engine: Engine, numbers: Numbers) {
    this.#engine = engine;
    this.#numbers = numbers;
    this.#counts = new LatestRows({
      remembered: REMEMBERED_COUNTS,
      load: (number) => engine.get(sharedEndCountKey(number))?.readUIntBE(0, U48),
    });
  }

  /** Stores the end of so many envelopes, at least one, which the same batch must write. Answers its number. */
  add(batch: Batch, end: Uint8Array, envelopes: number): number {
    const number = this.#numbers.next(batch);
    batch.put(sharedEndKey(number), Buffer.from(end.buffer, end.byteOffset, end.byteLength));
    this.#change(batch, number, envelopes);
    return number;
  }

  /**
   * Makes sure that a count is in memory, so that `release` cannot fail. Good as long as the caller does not yield.
   *
   * @throws StoreError `unavailable` if it cannot be read.
   */
  prepare(number: number): void {
    this.#count(number);
  }

  /** Takes away one envelope, which the same batch must delete; the end goes with the last one. */
  release(batch: Batch, number: number): void {
    this.#change(batch, number, this.#count(number) - 1);
  }

  /** The ends with these numbers; one that is gone is absent. */
  async read(numbers: ReadonlySet<number>): Promise<ReadonlyMap<number, Uint8Array>> {
    const list = [...numbers];
    const values = await this.#engine.values(list.map(sharedEndKey));
    const ends = new Map<number, Uint8Array>();
    for (const [index, number] of list.entries()) {
      const value = values[index];
      if (value !== undefined) ends.set(number, value);
    }
    return ends;
  }

  seal(batch: Batch): () => void {
    for (const number of this.#touched) {
      const count = this.#counts.latest(number);
      if (count === undefined) {
        batch.delete(sharedEndKey(number));
        batch.delete(sharedEndCountKey(number));
      } else batch.put(sharedEndCountKey(number), u48(count));
    }
    this.#touched.clear();
    return () => {};
  }

  #count(number: number): number {
    const count = this.#counts.latest(number);
    if (count === undefined) throw new StoreError("unavailable", "A shared end that is in use has no count.");
    return count;
  }

  #change(batch: Batch, number: number, count: number): void {
    if (this.#batch !== batch) {
      this.#batch = batch;
      batch.join(this);
    }
    this.#touched.add(number);
    this.#counts.change(batch, number, count === 0 ? undefined : count);
  }
}
