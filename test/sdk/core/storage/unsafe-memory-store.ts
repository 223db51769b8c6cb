import { SottoError } from "@sotto/protocol";
import type { Store, StoreChange, StoreRange } from "../../../../sdk/core/ports.js";

/** A place in memory where a store keeps its rows; it survives the store, not the process. */
export class MemoryPlace {
  readonly rows = new Map<string, Uint8Array>();
  owner: UnsafeMemoryStore | undefined;
}

/** A store whose rows are in memory only: nothing survives the process. Reads and writes can be held back or made to fail. */
export class UnsafeMemoryStore implements Store {
  readonly location = "memory";
  /** The changes of every write, in order. */
  readonly writes: (readonly StoreChange[])[] = [];
  /** Awaited before each write takes effect; a rejection fails it. */
  beforeWrite: () => Promise<void> = async () => {};
  /** Awaited between looking and answering, in `getMany` and `list`. */
  beforeAnswer: () => Promise<void> = async () => {};
  readonly #place: MemoryPlace;

  constructor(place = new MemoryPlace()) {
    this.#place = place;
  }

  get rows(): Map<string, Uint8Array> {
    return this.#place.rows;
  }

  get isOpen(): boolean {
    return this.#place.owner === this;
  }

  async open(): Promise<void> {
    if (this.#place.owner !== undefined && !this.isOpen) throw new SottoError("storeInUse");
    this.#place.owner = this;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    this.#assertOpen();
    return this.#place.rows.get(key);
  }

  async getMany(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    this.#assertOpen();
    const found = keys.map((key) => this.#place.rows.get(key));
    await this.beforeAnswer();
    return found;
  }

  async list({ after, before, limit, order }: StoreRange) {
    this.#assertOpen();
    const sign = order === "ascending" ? 1 : -1;
    const found = [...this.#place.rows]
      .filter(([key]) => key > after && key < before)
      .sort(([a], [b]) => (a < b ? -sign : sign))
      .slice(0, limit)
      .map(([key, value]) => ({ key, value }));
    await this.beforeAnswer();
    return found;
  }

  #last: Promise<void> = Promise.resolve();

  write(changes: readonly StoreChange[]): Promise<void> {
    this.#assertOpen();
    const written = this.#last.then(async () => {
      await this.beforeWrite();
      this.writes.push(changes);
      for (const { key, value } of changes) {
        if (value === undefined) this.#place.rows.delete(key);
        else this.#place.rows.set(key, value);
      }
    });
    this.#last = written.catch(() => {});
    return written;
  }

  async close(): Promise<void> {
    await this.#last;
    if (this.isOpen) this.#place.owner = undefined;
  }

  async clear(): Promise<void> {
    this.#assertOpen();
    this.#place.rows.clear();
  }

  #assertOpen(): void {
    if (!this.isOpen) throw new SottoError("closed");
  }
}
