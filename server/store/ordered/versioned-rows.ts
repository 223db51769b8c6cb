/** Rows with a revision, changed by compare-and-set: accounts, and the table. */

import type { Engine } from "../engine.js";
import { readTableExpiryKey, tableExpiredAt, tableExpiryKey, versionedKey } from "../row-keys.js";
import { readVersion, type Version, versionValue } from "../row-values.js";
import { LatestRows } from "./latest-rows.js";
import type { Numbers } from "./numbers.js";
import type { Batch, Writer } from "./writer.js";

const NEVER = 0;

/** What versioned rows are made of. */
export interface VersionedRowsParts {
  readonly kind: "account" | "table";
  readonly engine: Engine;
  readonly writer: Writer;
  readonly numbers: Numbers;
  /** Milliseconds since 1970. */
  now(): number;
  /** Rows kept in memory once read; 0 = none. */
  readonly remembered: number;
}

/** The outcome of a compare-and-set: who won, and the revision that now stands. */
export interface Settled {
  readonly won: boolean;
  readonly revision: number | undefined;
}

/** Decides at once, by all calls so far; answers when the decision is on disk. */
export class VersionedRows {
  readonly #parts: VersionedRowsParts;
  readonly #rows: LatestRows<string, Version>;

  constructor(parts: VersionedRowsParts) {
    const { engine, kind, remembered } = parts;
    this.#parts = parts;
    this.#rows = new LatestRows({
      remembered,
      load(name) {
        const row = engine.get(versionedKey(kind, name));
        return row === undefined ? undefined : readVersion(row);
      },
    });
  }

  /** The row as of all calls so far, also those not yet on disk. An expired row is absent. */
  current(name: string): Version | undefined {
    const version = this.#rows.latest(name);
    if (version === undefined || (version.expiresMs !== NEVER && version.expiresMs <= this.#parts.now())) {
      return undefined;
    }
    return version;
  }

  /** The row on disk. Waits for changes that were made before the call. */
  async get(name: string): Promise<Version | undefined> {
    this.#parts.writer.assertOpen();
    await this.#rows.settled(name);
    return this.current(name);
  }

  /** Writes a row if its revision is still the one given; `undefined` = must not exist, a value of `undefined` deletes. */
  async compareAndSet(
    name: string,
    revision: number | undefined,
    value: Uint8Array | undefined,
    ttlMs?: number,
  ): Promise<Settled> {
    const { writer, numbers } = this.#parts;
    writer.assertAccepting();
    const before = this.current(name);
    if (before?.revision !== revision) {
      // The loser is told so only once the winner has really won.
      await this.#rows.writing(name);
      return { won: false, revision: before?.revision };
    }
    if (before === undefined && value === undefined) return { won: true, revision: undefined };
    let version: Version | undefined;
    const batch = writer.change(value?.length ?? 0, (batch) => {
      if (value !== undefined) {
        const expiresMs = ttlMs === undefined ? NEVER : this.#parts.now() + ttlMs;
        version = { revision: numbers.next(batch), expiresMs, value: value.slice() };
      }
      this.#write(batch, name, version);
    });
    await batch.done;
    return { won: true, revision: version?.revision };
  }

  /** Deletes up to `limit` expired rows; answers how many entries it went through, 0 when none is left. */
  async purge(nowMs: number, limit: number): Promise<number> {
    const { engine, writer } = this.#parts;
    const keys = await engine.keys(tableExpiredAt(nowMs), limit);
    if (keys.length === 0) return 0;
    const expired = keys.map(readTableExpiryKey).flatMap(({ expiresMs, name }) => {
      // The row may have been written anew since, with a later expiry or none.
      return this.#rows.latest(name)?.expiresMs === expiresMs ? [name] : [];
    });
    const batch = writer.change(0, (batch) => {
      for (const key of keys) batch.delete(key);
      for (const name of expired) this.#write(batch, name, undefined);
    });
    await batch.done;
    return keys.length;
  }

  #write(batch: Batch, name: string, version: Version | undefined): void {
    const key = versionedKey(this.#parts.kind, name);
    if (version === undefined) batch.delete(key);
    else batch.put(key, versionValue(version));
    if (version !== undefined && version.expiresMs !== NEVER) {
      batch.put(tableExpiryKey(version.expiresMs, name), Buffer.alloc(0));
    }
    this.#rows.change(batch, name, version);
  }
}
