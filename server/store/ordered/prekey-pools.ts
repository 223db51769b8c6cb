/** One-time prekeys: which ids are there to take. The keys themselves stay on disk. */

import { type MailboxId, type PrekeyKind, StoreError } from "../../ports.js";
import type { Engine } from "../engine.js";
import { prekeyHighestKey, prekeyKey, prekeysOf, readPrekeyId, U48, u48 } from "../row-keys.js";
import { type Resident, Residents } from "./residents.js";
import type { Batch, Writer } from "./writer.js";

/** Pools kept in memory though nobody uses them. */
const RESIDENT_POOLS = 4_096;

/** The ids of one mailbox's keys of one kind. */
class Pool implements Resident {
  used = true;
  /** Calls between their first and their last touch of this pool. */
  busy = 0;
  /** Ids on disk and not taken, oldest first. */
  held: number[] = [];
  /** Keys being written; they can be taken once they are on disk. */
  readonly arriving = new Set<readonly Prekey[]>();
  /** The highest id ever added. */
  highest = 0;
  /** Keys below this were discarded, also those that were arriving. */
  floor = 0;
  readonly mailbox: MailboxId;
  readonly kind: PrekeyKind;
  readonly loaded: Promise<void>;

  constructor(engine: Engine, mailbox: MailboxId, kind: PrekeyKind) {
    this.mailbox = mailbox;
    this.kind = kind;
    this.loaded = this.#load(engine);
    this.loaded.catch(() => {});
  }

  get idle(): boolean {
    return this.busy === 0;
  }

  /** Keys held and arriving. */
  get size(): number {
    let size = this.held.length;
    for (const keys of this.arriving) for (const { id } of keys) if (id >= this.floor) size += 1;
    return size;
  }

  async #load(engine: Engine): Promise<void> {
    this.highest = engine.get(prekeyHighestKey(this.mailbox, this.kind))?.readUIntBE(0, U48) ?? 0;
    const keys = await engine.keys(prekeysOf(this.mailbox, this.kind), Number.POSITIVE_INFINITY);
    this.held = keys.map(readPrekeyId);
  }
}

/** A one-time key with its id. */
export interface Prekey {
  readonly id: number;
  readonly key: Uint8Array;
}

/** All pools in use. */
export class PrekeyPools {
  readonly #engine: Engine;
  readonly #writer: Writer;
  readonly #pools: Residents<string, Pool>;

  constructor(engine: Engine, writer: Writer) {
    this.#engine = engine;
    this.#writer = writer;
    this.#pools = new Residents(RESIDENT_POOLS, (name) => {
      const [kind, mailbox] = readName(name);
      return new Pool(engine, mailbox, kind);
    });
  }

  /** As `Directory.addPrekeys`. */
  add(mailbox: MailboxId, kind: PrekeyKind, keys: readonly Prekey[], max: number): Promise<number> {
    return this.#use(mailbox, kind, async (pool) => {
      this.#writer.assertAccepting();
      const fresh: Prekey[] = [];
      let highest = pool.highest;
      for (const key of keys) {
        if (pool.size + fresh.length >= max) break;
        if (key.id <= highest) continue;
        fresh.push(key);
        highest = key.id;
      }
      if (fresh.length === 0) return pool.held.length;
      // Built before the change: an id that fits no key is its sender's mistake, not the end of the store.
      const rows = fresh.map(({ id, key }) => [prekeyKey(mailbox, kind, id), Buffer.from(key)] as const);
      const batch = this.#writer.change(0, (batch) => {
        pool.highest = highest;
        pool.arriving.add(fresh);
        for (const [key, value] of rows) batch.put(key, value);
        batch.put(prekeyHighestKey(mailbox, kind), u48(highest));
        batch.afterwards(() => {
          if (!pool.arriving.delete(fresh)) return;
          for (const { id } of fresh) if (id >= pool.floor) pool.held.push(id);
        });
      });
      await batch.done;
      return pool.held.length;
    });
  }

  /** As `Directory.takePrekey`. The id leaves memory before the deletion is written, so no two callers get it. */
  take(mailbox: MailboxId, kind: PrekeyKind): Promise<(Prekey & { readonly left: number }) | undefined> {
    return this.#use(mailbox, kind, async (pool) => {
      this.#writer.assertAccepting();
      const id = pool.held[0];
      if (id === undefined) return undefined;
      const row = prekeyKey(mailbox, kind, id);
      const key = this.#engine.get(row);
      if (key === undefined) throw new StoreError("unavailable", "A prekey that was counted has no row.");
      pool.held.shift();
      const left = pool.held.length;
      await this.#writer.change(0, (batch) => batch.delete(row)).done;
      return { id, key, left };
    });
  }

  /** As `Directory.countPrekeys`. */
  count(mailbox: MailboxId, kind: PrekeyKind): Promise<number> {
    return this.#use(mailbox, kind, async (pool) => {
      this.#writer.assertOpen();
      return pool.held.length;
    });
  }

  /** As `Directory.highestPrekey`. */
  highest(mailbox: MailboxId, kind: PrekeyKind): Promise<number> {
    return this.#use(mailbox, kind, async (pool) => {
      this.#writer.assertOpen();
      return pool.highest;
    });
  }

  /** As `Directory.discardPrekeys`. Ids leave memory before the deletion is written, so no caller gets one meanwhile. */
  discard(mailbox: MailboxId, kind: PrekeyKind, below: number): Promise<void> {
    return this.#use(mailbox, kind, async (pool) => {
      this.#writer.assertAccepting();
      const batch = this.#writer.change(0, (batch) => {
        const arriving = [...pool.arriving].flatMap((keys) => keys.map(({ id }) => id));
        for (const id of [...pool.held, ...arriving]) if (id < below) batch.delete(prekeyKey(mailbox, kind, id));
        pool.held = pool.held.filter((id) => id >= below);
        pool.floor = Math.max(pool.floor, Math.min(below, pool.highest + 1));
      });
      await batch.done;
    });
  }

  /** Loads both pools of a mailbox, keeps them while `change` runs, and hands it what deletes all their rows. */
  forDrop<Result>(mailbox: MailboxId, change: (clear: (batch: Batch) => void) => Promise<Result>): Promise<Result> {
    return this.#use(mailbox, "curve", (curve) =>
      this.#use(mailbox, "kyber", (kyber) =>
        change((batch) => {
          for (const pool of [curve, kyber]) this.#clear(batch, pool);
        }),
      ),
    );
  }

  /** Also what arrives in an earlier batch: it is on disk before this deletion. */
  #clear(batch: Batch, pool: Pool): void {
    const { mailbox, kind } = pool;
    for (const id of pool.held) batch.delete(prekeyKey(mailbox, kind, id));
    for (const keys of pool.arriving) for (const { id } of keys) batch.delete(prekeyKey(mailbox, kind, id));
    batch.delete(prekeyHighestKey(mailbox, kind));
    pool.held = [];
    pool.arriving.clear();
    pool.highest = 0;
    pool.floor = 0;
  }

  async #use<Result>(mailbox: MailboxId, kind: PrekeyKind, work: (pool: Pool) => Promise<Result>): Promise<Result> {
    const name = `${kind} ${mailbox}`;
    const pool = this.#pools.take(name);
    pool.busy += 1;
    try {
      await pool.loaded.catch((error: unknown) => {
        this.#pools.forget(name, pool);
        throw error;
      });
      return await work(pool);
    } finally {
      pool.busy -= 1;
    }
  }
}

function readName(name: string): readonly [PrekeyKind, MailboxId] {
  const space = name.indexOf(" ");
  return [name.slice(0, space) as PrekeyKind, name.slice(space + 1) as MailboxId];
}
