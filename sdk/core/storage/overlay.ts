/** What was committed but is not on disk yet, so that reads see a process's own changes at once. */

import type { StoreChange, StoreRange } from "../ports.js";

/** One row. */
export interface Row {
  readonly key: string;
  readonly value: Uint8Array;
}

interface Entry {
  readonly value: Uint8Array | undefined;
  /** Number of the commit that made it. */
  readonly commit: number;
}

/** A read in progress: it began when commits up to `since` were on disk. */
export interface ReadMark {
  readonly since: number;
}

/**
 * Queued changes over a store, merged into what is read from it.
 *
 * A read asks for the disk's answer first and merges when that arrives. An entry therefore stays until it is on disk *and*
 * no read is left that began before: the answer is then the state of one moment, never a torn one.
 */
export class Overlay {
  readonly #entries = new Map<string, Entry>();
  /** In the order of their commits: what to drop once it is durable and unread. */
  readonly #order: { readonly key: string; readonly commit: number }[] = [];
  #dropped = 0;
  readonly #reads = new Set<ReadMark>();
  #durable = 0;

  /** Puts the changes of a commit on top. Commits are numbered from 1, rising. */
  apply(commit: number, changes: readonly StoreChange[]): void {
    for (const { key, value } of changes) {
      this.#entries.set(key, { value, commit });
      this.#order.push({ key, commit });
    }
  }

  /** Everything up to this commit is on disk now. */
  markDurable(commit: number): void {
    this.#durable = commit;
    this.#sweep();
  }

  /** Begins a read; `end` it in any case. */
  begin(): ReadMark {
    const mark = { since: this.#durable };
    this.#reads.add(mark);
    return mark;
  }

  /** Ends a read. */
  end(mark: ReadMark): void {
    this.#reads.delete(mark);
    this.#sweep();
  }

  /** Whether the key has a queued change, and to what. */
  find(key: string): { readonly value: Uint8Array | undefined } | undefined {
    return this.#entries.get(key);
  }

  /** Entries held; for bounds and tests. */
  get size(): number {
    return this.#entries.size;
  }

  /** How many rows of the range the queued changes delete: so many more must be asked of the disk. */
  deletionsIn(range: StoreRange): number {
    let count = 0;
    for (const [key, { value }] of this.#entries) if (value === undefined && within(key, range)) count++;
    return count;
  }

  /** The rows of the range with the queued changes on top, in order. `rows` are the disk's, in the same order. */
  merge(range: StoreRange, rows: readonly Row[]): readonly Row[] {
    const queued: Row[] = [];
    for (const [key, { value }] of this.#entries) {
      if (value !== undefined && within(key, range)) queued.push({ key, value });
    }
    const below = rows.filter(({ key }) => !this.#entries.has(key));
    if (queued.length === 0) return below.slice(0, range.limit);
    const sign = range.order === "ascending" ? 1 : -1;
    return [...below, ...queued].sort((a, b) => (a.key < b.key ? -sign : sign)).slice(0, range.limit);
  }

  #sweep(): void {
    const oldest = this.#reads.values().next().value;
    const keepAfter = oldest === undefined ? this.#durable : Math.min(oldest.since, this.#durable);
    while (this.#dropped < this.#order.length) {
      const next = this.#order[this.#dropped] as { readonly key: string; readonly commit: number };
      if (next.commit > keepAfter) break;
      if (this.#entries.get(next.key)?.commit === next.commit) this.#entries.delete(next.key);
      this.#dropped++;
    }
    if (this.#dropped > 1_024 || this.#dropped === this.#order.length) {
      this.#order.splice(0, this.#dropped);
      this.#dropped = 0;
    }
  }
}

function within(key: string, { after, before }: StoreRange): boolean {
  return key > after && key < before;
}
