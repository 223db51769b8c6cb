/** A client's database on LevelDB, the store of Node and Electron. */

import { rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { SottoError } from "@sotto/protocol";
import { ClassicLevel } from "classic-level";
import type { Store, StoreChange, StoreChoice, StoreRange } from "../core/ports.js";
import { type KeyChoice, keySource } from "./store-key.js";
import { makeFolder } from "./sync-folder.js";

/**
 * A database in a folder of its own, for one account.
 *
 * Values are encrypted with a random store key, which is itself wrapped by, in order of preference:
 * - `key`: a hook that yields 32 bytes from the operating system's keychain or a vault;
 * - `passphrase`: through scrypt; a function is asked once at opening;
 * - neither: the file `store.key` in the same folder, readable by its owner only (mode 0600). That protects a copy of the
 *   database that leaves without the key file, and nothing else: whoever reads the whole folder reads the messages.
 *
 * Touches nothing before the client opens it.
 *
 * @throws invalidArgument for an empty path or passphrase, or both kinds of key at once.
 */
export function levelStore(path: string, options: KeyChoice = {}): StoreChoice {
  if (path === "") throw new SottoError("invalidArgument", { detail: "the store needs a folder" });
  const folder = resolve(path);
  return { store: new LevelStore(folder), key: keySource(folder, options) };
}

type Database = ClassicLevel<string, Uint8Array>;

class LevelStore implements Store {
  readonly location: string;
  readonly #files: string;
  readonly #discarded: string;
  #opening: Promise<Database> | undefined;

  constructor(folder: string) {
    this.location = folder;
    this.#files = join(folder, "db");
    this.#discarded = join(folder, "db.discarded");
  }

  async open(): Promise<void> {
    this.#opening ??= this.#open();
    try {
      await this.#opening;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#with((database) => database.get(key));
  }

  async getMany(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#with((database) => database.getMany([...keys]));
  }

  async list({ after, before, limit, order }: StoreRange): Promise<readonly { key: string; value: Uint8Array }[]> {
    if (limit <= 0 || after >= before) return [];
    return this.#with(async (database) => {
      const rows = await database.iterator({ gt: after, lt: before, limit, reverse: order === "descending" }).all();
      return rows.map(([key, value]) => ({ key, value }));
    });
  }

  async write(changes: readonly StoreChange[]): Promise<void> {
    if (changes.length === 0) return;
    await this.#with(async (database) => {
      const batch = database.batch();
      for (const { key, value } of changes) {
        if (value === undefined) batch.del(key);
        else batch.put(key, value);
      }
      await batch.write({ sync: true });
    });
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    const database = await opening?.catch(() => undefined);
    await database?.close();
  }

  /** Deletes the files themselves: rows deleted one by one would stay readable in them for long. */
  async clear(): Promise<void> {
    const opening = this.#opening;
    if (opening === undefined) throw notOpen();
    this.#opening = this.#replace(opening);
    await this.#opening;
  }

  async #replace(opening: Promise<Database>): Promise<Database> {
    const database = await opening;
    try {
      await database.close();
      // From this moment the store is empty; an interrupted deletion is finished by the next opening.
      await rename(this.#files, this.#discarded);
    } catch (cause) {
      throw failure(cause, this.location);
    }
    return this.#open();
  }

  async #open(): Promise<Database> {
    let database: Database | undefined;
    try {
      const folder = await makeFolder(this.location);
      database = new ClassicLevel(this.#files, { keyEncoding: "utf8", valueEncoding: "view" });
      await database.open();
      await rm(this.#discarded, { recursive: true, force: true });
      await folder.sync();
      return database;
    } catch (cause) {
      await database?.close();
      if (codeOf(cause) !== "LEVEL_LOCKED") throw failure(cause, this.location);
      throw new SottoError("storeInUse", { detail: `in ${this.location}`, cause });
    }
  }

  async #with<T>(work: (database: Database) => Promise<T>): Promise<T> {
    if (this.#opening === undefined) throw notOpen();
    const database = await this.#opening;
    try {
      return await work(database);
    } catch (cause) {
      throw failure(cause, this.location);
    }
  }
}

function notOpen(): SottoError {
  return new SottoError("closed", { detail: "the store is not open" });
}

function failure(cause: unknown, location: string): SottoError {
  const code = codeOf(cause) === "LEVEL_CORRUPTION" ? "storeCorrupt" : "storeFailed";
  return new SottoError(code, { detail: `in ${location}`, cause });
}

/** LevelDB's own code; an opening that fails carries it in its cause. */
function codeOf(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined;
  return error.cause instanceof Error ? codeOf(error.cause) : "code" in error ? error.code : undefined;
}
