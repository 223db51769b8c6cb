/**
 * Stamps, and the keys they are made under: one random key for each epoch of acceptance, on disk before the first stamp
 * under it, and gone 31 days after its epoch. Nothing is stored for a stamp; it is made again whenever mail is delivered.
 */

import { EPOCH_MS, epochOf, REPORT_WINDOW_MS, SottoError, type Stamped, stamper } from "@sotto/protocol";
import type { Clock, Metrics, Random, Store } from "../../ports.js";
import type { TableBucket } from "../table-buckets.js";
import type { Realm } from "./realm.js";

const BUCKET: TableBucket = "stampKey";
const KEY_BYTES = 32;
/** How long after the end of its epoch a key is kept: as long as what it stamped can be reported, and a day for clocks. */
const KEPT_MS = REPORT_WINDOW_MS + 86_400_000;
/** Epochs before this one whose keys there may be. */
const KEPT_EPOCHS = Math.ceil(KEPT_MS / EPOCH_MS);
/** How often a key is made against others that make it. */
const ATTEMPTS = 4;

/** What the stamps are made of. */
export interface StampParts {
  readonly store: Pick<Store, "table">;
  readonly clock: Pick<Clock, "now">;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly realm: Pick<Realm, "id">;
}

type Stamper = ReturnType<typeof stamper>;

/** The keys of an epoch at work. */
interface EpochKey {
  readonly key: Uint8Array;
  /** For the realm it was made for. */
  stamper?: { readonly realm: Uint8Array; readonly make: Stamper };
}

/** Makes stamps. */
export class Stamps {
  private readonly keys = new Map<number, EpochKey>();

  constructor(private readonly parts: StampParts) {}

  /** Reads the keys there are, and makes those that are missing now. */
  async open(): Promise<void> {
    const present = epochOf(this.parts.clock.now());
    const epochs = Array.from({ length: KEPT_EPOCHS + 1 }, (_, age) => present - age);
    const rows = await Promise.all(epochs.map((epoch) => this.parts.store.table.get(BUCKET, String(epoch))));
    for (const [index, row] of rows.entries()) {
      if (row !== undefined) this.keys.set(epochs[index] as number, { key: row.value.slice() });
    }
    await this.keepAhead();
  }

  /** Makes the keys of this and the next epoch, and forgets those whose time is over. To be called every few minutes. */
  async keepAhead(): Promise<void> {
    const nowMs = this.parts.clock.now();
    for (const epoch of this.keys.keys()) if (endOf(epoch) <= nowMs) this.keys.delete(epoch);
    const present = epochOf(nowMs);
    for (const epoch of [present, present + 1]) if (!this.keys.has(epoch)) await this.make(epoch, nowMs);
  }

  /** Whether mail may be stored now: only with a stamp to deliver it with. */
  get isReady(): boolean {
    return this.parts.realm.id !== undefined && this.keys.has(epochOf(this.parts.clock.now()));
  }

  /** Resolves when mail may be stored. @throws busy if the desk told nothing of the realm yet; StoreError. */
  async ready(): Promise<void> {
    if (this.parts.realm.id === undefined) {
      throw new SottoError("busy", { detail: "the desk told nothing of the realm yet" });
    }
    if (!this.isReady) await this.keepAhead();
  }

  /** The stamp on what was taken; `undefined` if the key of that time is gone, or never was. */
  of(stamped: Stamped): Uint8Array | undefined {
    const make = this.stamperOf(stamped.acceptedMs);
    if (make === undefined) return undefined;
    this.parts.metrics.count("stamps");
    return make(stamped);
  }

  /** The stamps on one commitment, for each of these 16 bytes; none where `of` has none. */
  allOf(commitment: Uint8Array, recipients: readonly Uint8Array[], acceptedMs: number): Uint8Array[] {
    const make = this.stamperOf(acceptedMs);
    if (make === undefined) return [];
    this.parts.metrics.count("stamps", undefined, recipients.length);
    return recipients.map((recipient) => make({ commitment, recipient, acceptedMs }));
  }

  /** The keys of an epoch and later ones, ascending. For the desk, and for nobody else. */
  keysFrom(from: number): readonly { readonly epoch: number; readonly key: Uint8Array }[] {
    const epochs = [...this.keys.keys()].filter((epoch) => epoch >= from).sort((one, other) => one - other);
    return epochs.map((epoch) => ({ epoch, key: (this.keys.get(epoch) as EpochKey).key }));
  }

  private stamperOf(acceptedMs: number): Stamper | undefined {
    const held = this.keys.get(epochOf(acceptedMs));
    const realm = this.parts.realm.id;
    if (held === undefined || realm === undefined) return undefined;
    if (held.stamper?.realm !== realm) held.stamper = { realm, make: stamper(held.key, realm) };
    return held.stamper.make;
  }

  private async make(epoch: number, nowMs: number): Promise<void> {
    const { random, store } = this.parts;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const stored = await store.table.get(BUCKET, String(epoch));
      const key = stored?.value.slice() ?? random.bytes(KEY_BYTES);
      const made =
        stored !== undefined ||
        (await store.table.compareAndSet(BUCKET, String(epoch), undefined, key, endOf(epoch) - nowMs)).won;
      if (!made) continue;
      this.keys.set(epoch, { key });
      return;
    }
    throw new SottoError("busy", { detail: "others keep making the key of an epoch" });
  }
}

/** When the key of an epoch is to be gone. */
function endOf(epoch: number): number {
  return (epoch + 1) * EPOCH_MS + KEPT_MS;
}
