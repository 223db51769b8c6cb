/** The store as the core uses it: encrypted at rest, own changes visible at once, many commits to one disk write. */

import { SottoError } from "@sotto/protocol";
import type { Cipher, Random, Store, StoreChange, StoreChoice, StoreRange } from "../ports.js";
import { migrate } from "./migrations/migrate.js";
import { Overlay, type Row } from "./overlay.js";
import { RowCache } from "./row-cache.js";
import type { SealedRows } from "./sealed-rows.js";
import { FORMAT, HEADER_KEY, markMigrated, unlock } from "./store-header.js";
import { WriteQueue } from "./write-queue.js";

/** Rows kept opened: the sessions of some hundred peers. */
const CACHE_BYTES = 4_194_304;

/** Raw stores that a sealed one holds: opening a raw store twice is harmless, writing it from two sides is not. */
const held = new WeakSet<Store>();

/** Printable ASCII without blanks; the first character leaves room below for the header. */
const KEY = /^[\x22-\x7e][\x21-\x7e]{0,511}$/;

/**
 * One account's database on this device.
 *
 * Keys are readable on disk, values are not: keys name accounts and conversations only through `blind`. Byte arrays handed in
 * or out are shared, not copied; nobody changes them afterwards.
 */
export class SealedStore {
  readonly #store: Store;
  readonly #rows: SealedRows;
  readonly #overlay = new Overlay();
  readonly #cache = new RowCache(CACHE_BYTES);
  readonly #queue: WriteQueue;
  #closing: Promise<void> | undefined;
  #companions: (changes: readonly StoreChange[]) => readonly StoreChange[] = () => [];

  private constructor(store: Store, rows: SealedRows) {
    this.#store = store;
    this.#rows = rows;
    this.#queue = new WriteQueue({
      write: (changes) => store.write(changes.map((change) => this.#seal(change))),
      durable: (commit) => this.#overlay.markDurable(commit),
    });
  }

  /**
   * Opens and unlocks the store; a fresh one gets a random key, wrapped by the key source.
   *
   * A store of an older format is migrated first. If it rejects, the store is closed again and nothing was changed, but for
   * a migration that was interrupted: the next opening goes on with it.
   *
   * @throws storeInUse, wrongKey, storeVersion, storeCorrupt or storeFailed.
   */
  static async open(
    { store, key }: StoreChoice,
    { cipher, random }: { readonly cipher: Cipher; readonly random: Random },
  ): Promise<SealedStore> {
    if (held.has(store))
      throw new SottoError("storeInUse", { detail: `this process has it open, in ${store.location}` });
    held.add(store);
    try {
      await store.open();
      const { rows, format } = await unlock({ store, key, cipher, random });
      const sealed = new SealedStore(store, rows);
      if (format < FORMAT) {
        await migrate(sealed, format);
        await markMigrated(store);
      }
      return sealed;
    } catch (cause) {
      held.delete(store);
      // The first failure is the one to tell.
      await store.close().catch(() => {});
      throw asStoreFailure(cause);
    }
  }

  /** A word to people about where the store lies. */
  get location(): string {
    return this.#store.location;
  }

  /** Resolves with the reason once a write failed. From then on every call rejects with it: close, and open anew. */
  get failed(): Promise<SottoError> {
    return this.#queue.failed;
  }

  /**
   * The value under a key, with this process's own commits, durable or not.
   *
   * @throws storeCorrupt if the row does not open; storeFailed; closed.
   */
  async get(key: string): Promise<Uint8Array | undefined> {
    this.#assertUsable();
    const known = this.#overlay.find(key) ?? this.#cache.find(key);
    if (known !== undefined) return known.value;
    return this.#reading(async () => {
      const row = await this.#read(() => this.#store.get(key));
      const value = row === undefined ? undefined : this.#rows.open(key, row);
      // The overlay keeps what was committed during a read until the read ends, so an old answer is never cached.
      if (this.#overlay.find(key) === undefined) this.#cache.set(key, value);
      return value;
    });
  }

  /**
   * The values under several keys, in their order, all of one moment.
   *
   * @throws storeCorrupt if a row does not open; storeFailed; closed.
   */
  async getMany(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    this.#assertUsable();
    return this.#reading(async () => {
      // What was durable before may leave the overlay during the read, and the disk is not asked for it.
      const before = new Map(keys.map((key) => [key, this.#overlay.find(key)]));
      const missing = [...before].flatMap(([key, queued]) => (queued === undefined ? [key] : []));
      const rows = missing.length === 0 ? [] : await this.#read(() => this.#store.getMany(missing));
      const stored = new Map(missing.map((key, index) => [key, rows[index]]));
      return keys.map((key) => {
        const queued = this.#overlay.find(key) ?? before.get(key);
        if (queued !== undefined) return queued.value;
        const row = stored.get(key);
        return row === undefined ? undefined : this.#rows.open(key, row);
      });
    });
  }

  /**
   * The rows of a range in the asked order, all of one moment.
   *
   * @throws storeCorrupt if a row does not open; storeFailed; closed.
   */
  async list(range: StoreRange): Promise<readonly Row[]> {
    this.#assertUsable();
    const asked = range.after < HEADER_KEY ? { ...range, after: HEADER_KEY } : range;
    return this.#reading(async () => {
      for (;;) {
        const limit = asked.limit + this.#overlay.deletionsIn(asked);
        const rows = await this.#read(() => this.#store.list({ ...asked, limit }));
        // More deletions may have been committed meanwhile; then the page may be too short.
        if (rows.length === limit && asked.limit + this.#overlay.deletionsIn(asked) > limit) continue;
        const merged = this.#overlay.merge(asked, rows);
        return merged.map(({ key, value }) =>
          this.#overlay.find(key) === undefined ? { key, value: this.#rows.open(key, value) } : { key, value },
        );
      }
    });
  }

  /**
   * Commits changes, all or none, after every earlier commit. Reads see them when this returns; the promise resolves when they
   * survive power loss. So a caller may release its lock at once, and acknowledge after the promise.
   *
   * An empty commit resolves when everything before it is durable.
   *
   * @throws storeFailed if this or an earlier write failed; closed; invalidArgument for a key out of form.
   */
  commit(asked: readonly StoreChange[]): Promise<void> {
    let changes = asked;
    try {
      this.#assertUsable();
      for (const { key } of changes) {
        if (!KEY.test(key)) throw new SottoError("invalidArgument", { detail: "a key is printable ASCII" });
      }
      const companions = this.#companions(asked);
      if (companions.length > 0) changes = [...asked, ...companions];
    } catch (error) {
      return Promise.reject(error);
    }
    const { number, done } = this.#queue.add(changes);
    this.#overlay.apply(number, changes);
    for (const { key, value } of changes) this.#cache.set(key, value);
    return done;
  }

  /**
   * From now on every commit has the changes with it that this answers for it, at once and without a commit of its own. One
   * at most.
   */
  accompany(companions: (changes: readonly StoreChange[]) => readonly StoreChange[]): void {
    this.#companions = companions;
  }

  /** 32 hex digits that stand for a name in keys; only this store's key connects the two. */
  blind(label: string, text: string): string {
    this.#assertUsable();
    return this.#rows.blind(label, text);
  }

  /** Closes after everything committed is written. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#queue.idle();
    this.#rows.wipe();
    this.#cache.clear();
    try {
      await this.#store.close();
    } finally {
      held.delete(this.#store);
    }
  }

  #seal(change: StoreChange): StoreChange {
    return change.value === undefined ? change : { key: change.key, value: this.#rows.seal(change.key, change.value) };
  }

  async #reading<T>(work: () => Promise<T>): Promise<T> {
    const mark = this.#overlay.begin();
    try {
      return await work();
    } finally {
      this.#overlay.end(mark);
    }
  }

  async #read<T>(work: () => Promise<T>): Promise<T> {
    try {
      const answer = await work();
      this.#assertUsable();
      return answer;
    } catch (cause) {
      throw asStoreFailure(cause);
    }
  }

  #assertUsable(): void {
    if (this.#closing !== undefined) throw new SottoError("closed");
    if (this.#queue.failure !== undefined) throw this.#queue.failure;
  }
}

function asStoreFailure(cause: unknown): SottoError {
  return cause instanceof SottoError ? cause : new SottoError("storeFailed", { cause });
}
