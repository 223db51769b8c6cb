/** Keeps what the relay serves of the realm as it should be: manifest, feed, statement. */

import {
  decodeManifest,
  encodeFeed,
  encodeRealm,
  epochOf,
  MAX_DISCLOSED,
  type Manifest,
  type ReadManifest,
  type RealmDocument,
  SottoError,
  toHex,
} from "@sotto/protocol";
import { DeskError } from "../api.js";
import type { Ledger } from "../audit/ledger.js";
import { verifySignature } from "../keys/ed25519.js";
import type { KeyRing } from "../keys/key-ring.js";
import type { Locks } from "../lock.js";
import type { DeskParts } from "../parts.js";
import type { Tables } from "../rows.js";
import { type FeedName, feedNames, listedNames, missingDecoys } from "./feed.js";
import { nextManifest, saysTheSame, signManifest, unsignedManifest } from "./manifest.js";

/** A feed is signed again after so long, so that a relay which withholds newer ones is found out. */
const FEED_REFRESH_MS = 6 * 3_600_000;

/** Numbers that are left out where ours are behind; a manifest is made about once a day. */
const SKIPPED_NUMBERS = 1_000;
const SKIP_EVERY_MS = 3_600_000;

/** What the publisher works on. */
export interface PublisherParts extends Pick<DeskParts, "now" | "random" | "relay" | "settings"> {
  readonly tables: Tables;
  readonly ledger: Ledger;
  readonly locks: Locks;
  readonly keys: KeyRing;
  /** The tokens that could still be used, of accounts that may not speak now. */
  revokedNames(): Promise<readonly FeedName[]>;
}

/** Publishes the realm. */
export class Publisher {
  readonly #parts: PublisherParts;
  #held: ReadManifest | undefined;
  #encoded: Uint8Array | undefined;
  /** What the feed lists, real and made up, by epoch and name. */
  #listed: ReadonlyMap<string, FeedName> = new Map();
  #feed: { readonly encoded: Uint8Array; readonly atMs: number } | undefined;
  #skippedMs = Number.NEGATIVE_INFINITY;
  /** What the relay has, as far as we know; forgotten when it was away. */
  #published: Uint8Array | undefined;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /** The number of the newest manifest; 0 without one. */
  get number(): number {
    return this.#held?.number ?? 0;
  }

  get manifest(): ReadManifest | undefined {
    return this.#held;
  }

  /** Reads what was published before. */
  async open(): Promise<void> {
    const row = await this.#parts.tables.manifest.get("signed");
    if (row !== undefined) this.#hold(row.encoded);
    const listed = (await this.#parts.tables.feedName.all()).map(({ key, value }) => [key, value] as const);
    this.#listed = new Map(listed);
  }

  /** The relay was away: what it has is not known. */
  forget(): void {
    this.#published = undefined;
  }

  /** Makes what is due and hands it to the relay, if that lacks it. */
  refresh(): Promise<void> {
    return this.#parts.locks.hold("realm", async () => {
      await this.#renewManifest();
      await this.#renewFeed();
      await this.#hand().catch(async (cause: unknown) => {
        if (!(await this.#hasSkipped(cause))) throw cause;
        await this.#hand();
      });
    });
  }

  /** Hands the relay what it lacks. */
  async #hand(): Promise<void> {
    if (this.#encoded === undefined || this.#feed === undefined) return;
    const { statement } = this.#parts.settings;
    const [manifest, feed, disclosed] = [this.#encoded, this.#feed.encoded, await this.#disclosed()];
    const document = encodeRealm({ manifest, feed, statement, disclosed });
    if (this.#published !== undefined && toHex(this.#published) === toHex(document)) return;
    await this.#parts.relay.putRealm(document);
    this.#published = document;
  }

  /**
   * A relay that does not take our manifest may hold a newer one, as after our rows were restored from a backup: relay and apps take
   * no number again. So the next manifest skips more numbers than any desk uses up between two backups. Whether there is one now.
   */
  async #hasSkipped(cause: unknown): Promise<boolean> {
    const nowMs = this.#parts.now();
    const isBehind = cause instanceof SottoError && cause.code === "badFrame";
    if (!isBehind || Math.abs(nowMs - this.#skippedMs) < SKIP_EVERY_MS) return false;
    this.#skippedMs = nowMs;
    const before = this.number;
    await this.#renewManifest(SKIPPED_NUMBERS);
    return this.number !== before;
  }

  /** The manifest that a root which is elsewhere has still to sign. */
  async exportUnsigned(): Promise<Uint8Array | undefined> {
    return (await this.#parts.tables.manifest.get("unsigned"))?.encoded;
  }

  /** Takes a manifest that the root signed elsewhere. @throws DeskError badRequest for any other than the one that was exported. */
  async importSigned(encoded: Uint8Array): Promise<void> {
    const waiting = await this.exportUnsigned();
    const unsigned = waiting === undefined ? undefined : decodeManifest(waiting, () => true);
    const signed = decodeManifest(encoded, verifySignature);
    if (unsigned === undefined || toHex(unsignedManifest(plain(signed))) !== toHex(waiting ?? new Uint8Array())) {
      throw new DeskError("badRequest", "This is not the manifest that was exported.");
    }
    await this.#keep(encoded);
    await this.refresh();
  }

  /** The newest secrets of epochs that ended long enough ago. */
  async #disclosed(): Promise<RealmDocument["disclosed"]> {
    const rows = await this.#parts.tables.disclosedKey.all();
    return rows.slice(-MAX_DISCLOSED).map(({ key, value }) => ({ epoch: Number(key), secret: value.seed }));
  }

  async #renewManifest(skipped = 0): Promise<void> {
    const { keys, settings, tables, ledger, now } = this.#parts;
    const parts = {
      root: keys.root.publicKey,
      epochs: keys.epochs(),
      triage: keys.triageKeys(),
      teams: (await tables.teamKey.all()).map(({ key, value }) => ({ id: key, row: value })),
      deskSigner: keys.signer.publicKey,
      statement: settings.statement,
      presentEpoch: epochOf(now()),
      nowMs: now(),
    };
    const next = nextManifest(this.#held, parts, skipped);
    if (next === undefined) return;
    if (keys.root.signing === undefined) {
      const encoded = await this.exportUnsigned();
      const waiting = encoded === undefined ? undefined : decodeManifest(encoded, () => true);
      // Numbers that were skipped stay so.
      const wanted = { ...next, number: Math.max(next.number, waiting?.number ?? 0) };
      // It may be on its way to the root, and comes back as it was.
      if (waiting !== undefined && saysTheSame(waiting, wanted)) return;
      await ledger.commit([tables.manifest.put("unsigned", { encoded: unsignedManifest(wanted) })]);
      return;
    }
    await this.#keep(signManifest(next, keys.root.signing.sign));
  }

  async #keep(encoded: Uint8Array): Promise<void> {
    const { tables, ledger } = this.#parts;
    const { number } = decodeManifest(encoded, verifySignature);
    await ledger.commit([tables.manifest.put("signed", { encoded }), tables.manifest.drop("unsigned")], {
      by: "desk",
      what: "manifest",
      about: `number ${number}`,
    });
    this.#hold(encoded);
  }

  #hold(encoded: Uint8Array): void {
    this.#encoded = encoded.slice();
    this.#held = decodeManifest(this.#encoded, verifySignature);
  }

  async #renewFeed(): Promise<void> {
    const { keys, now } = this.#parts;
    const isOther = await this.#renewNames();
    if (!isOther && this.#feed !== undefined && now() - this.#feed.atMs < FEED_REFRESH_MS) return;
    const atMs = now();
    const names = feedNames(this.#listed.values());
    this.#feed = { encoded: encodeFeed({ atMs, names }, keys.realm, keys.signer.sign), atMs };
  }

  /** Takes up what was revoked, and as many made-up names as fill it; lets go of those whose time is over. Whether anything changed. */
  async #renewNames(): Promise<boolean> {
    const { tables, ledger, now, random, revokedNames } = this.#parts;
    const held = [...this.#listed.values(), ...(await revokedNames())];
    const missing = missingDecoys(listedNames(held, now()).size);
    const decoys = Array.from({ length: missing }, () => ({
      // As tokens are: some of this epoch, some of the next.
      epoch: epochOf(now()) + ((random(1)[0] ?? 0) & 1),
      name: random(8),
    }));
    const next = listedNames([...held, ...decoys], now());
    const changes = [
      ...[...this.#listed.keys()].filter((key) => !next.has(key)).map((key) => tables.feedName.drop(key)),
      ...[...next].filter(([key]) => !this.#listed.has(key)).map(([key, name]) => tables.feedName.put(key, name)),
    ];
    if (changes.length === 0) return false;
    await ledger.commit(changes);
    this.#listed = next;
    return true;
  }
}

function plain({ hash: _hash, ...manifest }: ReadManifest): Manifest {
  return manifest;
}
