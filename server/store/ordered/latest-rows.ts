/** Rows as of all calls so far, known at once: what is on its way to the disk, what was used lately, and the disk. */

import type { Batch } from "./writer.js";

/** A change on its way to the disk; `undefined` for a deletion. */
interface Pending<Value> {
  value: Value | undefined;
  readonly batch: Batch;
}

/** Where the rows lie and how many are kept in memory. */
export interface LatestRowsOptions<Key, Value> {
  /** Rows kept in memory once used; 0 = none. Exceeded by those that one call uses, until it yields. */
  readonly remembered: number;
  /**
   * The row on disk.
   *
   * @throws StoreError `unavailable` if it cannot be read.
   */
  load(key: Key): Value | undefined;
}

/** Knows rows ahead of the disk. Writes none: whoever changes one puts its bytes into the same batch. */
export class LatestRows<Key, Value> {
  readonly #options: LatestRowsOptions<Key, Value>;
  readonly #pending = new Map<Key, Pending<Value>>();
  readonly #remembered = new Map<Key, Value>();
  #isForgetting = false;

  constructor(options: LatestRowsOptions<Key, Value>) {
    this.#options = options;
  }

  /**
   * The row as of all calls so far, also those not yet on disk. Unless nothing is remembered at all, it stays in memory
   * as long as the caller does not yield: asking again then reads no disk.
   *
   * @throws StoreError `unavailable` if it is not in memory and cannot be read.
   */
  latest(key: Key): Value | undefined {
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending.value;
    const remembered = this.#remembered.get(key);
    if (remembered !== undefined) return remembered;
    const loaded = this.#options.load(key);
    if (loaded !== undefined) this.#remember(key, loaded);
    return loaded;
  }

  /** Notes a change that a batch writes; `undefined` deletes. */
  change(batch: Batch, key: Key, value: Value | undefined): void {
    const before = this.#pending.get(key);
    if (before?.batch === batch) {
      before.value = value;
      return;
    }
    const pending: Pending<Value> = { value, batch };
    this.#pending.set(key, pending);
    this.#remembered.delete(key);
    batch.afterwards(() => {
      if (this.#pending.get(key) !== pending) return;
      this.#pending.delete(key);
      if (pending.value !== undefined) this.#remember(key, pending.value);
    });
  }

  /** Settles when the newest change of a row is on disk; `undefined` if it is. */
  writing(key: Key): Promise<void> | undefined {
    return this.#pending.get(key)?.batch.done;
  }

  /** Resolves when no change of a row is on its way; at once if none is. */
  async settled(key: Key): Promise<void> {
    for (let writing = this.writing(key); writing !== undefined; writing = this.writing(key)) await writing;
  }

  #remember(key: Key, value: Value): void {
    if (this.#options.remembered === 0) return;
    this.#remembered.set(key, value);
    if (this.#remembered.size <= this.#options.remembered || this.#isForgetting) return;
    this.#isForgetting = true;
    // Later: what the caller has looked at must still be here when it goes on.
    queueMicrotask(() => this.#forgetOldest());
  }

  #forgetOldest(): void {
    this.#isForgetting = false;
    for (const key of this.#remembered.keys()) {
      if (this.#remembered.size <= this.#options.remembered) return;
      this.#remembered.delete(key);
    }
  }
}
