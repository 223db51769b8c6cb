/**
 * The realm: whose tokens count, since when, and which ones do not any more. Its root is pinned by the app, or on first use in
 * development mode, and never changed silently; what the relay serves of it is checked before it counts (PROTOCOL.md, Franking).
 */

import {
  epochKeyOf,
  epochOf,
  equalBytes,
  isInEpoch,
  type Manifest,
  type Realm as RealmId,
  realmFingerprint,
  SottoError,
  type Verify,
} from "@sotto/protocol";
import type { Counters } from "../counters.js";
import { deferred } from "../deferred.js";
import { isFatal } from "../fatal.js";
import type { Clock, Log } from "../ports.js";
import type { Relay } from "../relay.js";
import { decodeRow, encodeRow, keys } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { type HeldRealm, judgeRealm, type RealmRefusal, readRealm } from "./realm-document.js";

const FINGERPRINT = /^sha256:[0-9a-f]{64}$/;
/** How often the feed of revoked tokens is looked for. */
const POLL_MS = 15 * 60_000;
/** How soon a fetch that failed, or found nothing, is repeated while nothing is held. */
const RETRY_MS = 30_000;
/** How seldom an unknown epoch, which anybody can name in a message, makes this ask. */
const ENSURE_EVERY_MS = 5_000;
/** A feed that was not renewed for so long is worth a word to the operator. */
const STALE_FEED_MS = 24 * 3_600_000;

/** What the realm works with. */
export interface RealmParts {
  /** The app's pin, `sha256:` and 64 hex digits. */
  readonly pinned: string | undefined;
  readonly store: Pick<SealedStore, "get" | "commit">;
  readonly relay: { readonly device: Pick<Relay["device"], "request" | "state">; nowMs(): number };
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Counters;
  readonly verify: Verify;
  /** Whether the relay says that it runs in development mode. */
  isDevelopment(): boolean;
  /** Something of the realm is another than before: what waited for it may go on. */
  moved(): void;
  failed(error: unknown): void;
}

/** What came of looking for an epoch: known now; not known to the realm; or the relay could not be asked. */
export type Ensured = "covered" | "unknown" | "unreached";

/** Holds the realm. */
export class Realm {
  private held: HeldRealm | undefined;
  private refused: SottoError | undefined;
  private readonly first = deferred<void>();
  private fetching: Promise<"fetched" | "unreached"> | undefined;
  /** What is fetched now may be older than what the relay said since. */
  private isNews = false;
  private timer: { cancel(): void } | undefined;
  /** The relay's clock when the last answer was asked for. */
  private askedMs = Number.NEGATIVE_INFINITY;
  private ensuredMs = Number.NEGATIVE_INFINITY;
  private isClosed = false;

  /** @throws invalidArgument for a pin that is none. */
  constructor(private readonly parts: RealmParts) {
    assertRealmPin(parts.pinned);
    // Whoever waits for it handles it; nobody may.
    this.first.promise.catch(() => undefined);
  }

  /** Takes what an earlier run held, if it is still of the pinned realm. Called once, before the connection begins. */
  async load(): Promise<void> {
    const { store, pinned, verify } = this.parts;
    const stored = await store.get(keys.realm);
    if (stored === undefined) return;
    const held = readRealm(decodeRow("realm", stored).document, verify);
    if (held === undefined) throw new SottoError("storeCorrupt", { detail: "a stored realm that does not check" });
    if (pinned !== undefined && realmFingerprint(held.manifest.root) !== pinned) return;
    this.held = held;
    this.first.resolve();
  }

  /** Whether a realm is held; until then nothing is franked and nothing is shown. */
  get isKnown(): boolean {
    return this.held !== undefined;
  }

  /** The realm's 16 bytes, which are in every label. @throws what `assertKnown` does; offline while there is none yet. */
  get id(): RealmId {
    return this.usable.id;
  }

  /** The manifest that is held. @throws as `id`. */
  get current(): Manifest {
    return this.usable.manifest;
  }

  private get usable(): HeldRealm {
    this.assertUsable();
    if (this.held === undefined) throw new SottoError("offline", { detail: "the realm is not known yet" });
    return this.held;
  }

  /** Why there will be no realm until something changes: wrongRealm or realmRequired. */
  get refusal(): SottoError | undefined {
    return this.held === undefined ? this.refused : undefined;
  }

  /** @throws wrongRealm, realmRequired while no realm is held for that reason. */
  assertUsable(): void {
    if (this.refusal !== undefined) throw this.refusal;
  }

  /** Resolves once a realm is held. @throws closed. */
  known(): Promise<void> {
    return this.first.promise;
  }

  /** Whether the key of an epoch is known that a message taken at this time may bear, or it can be none at that time anyway. */
  covers(acceptedMs: number, epoch: number = epochOf(acceptedMs)): boolean {
    if (this.held === undefined) return false;
    if (!isInEpoch(epoch, acceptedMs)) return true;
    return this.held.manifest.epochs.some((row) => row.epoch === epoch);
  }

  /**
   * Asks the relay once more if the epoch of a time is unknown. A realm that was fetched since that time is not asked again: it
   * names epochs before tokens of them are issued. Rejects only for what ends the client.
   */
  async ensure(acceptedMs: number, epoch: number = epochOf(acceptedMs)): Promise<Ensured> {
    if (this.covers(acceptedMs, epoch)) return "covered";
    const nowMs = this.parts.relay.nowMs();
    const isAnswered = this.held !== undefined && this.askedMs >= Math.min(acceptedMs, nowMs);
    if (isAnswered) return "unknown";
    if (this.held !== undefined && nowMs < this.ensuredMs + ENSURE_EVERY_MS) {
      // What nobody answered is not unknown: whoever asks waits.
      return this.askedMs >= this.ensuredMs ? "unknown" : "unreached";
    }
    this.ensuredMs = nowMs;
    const fetched = await this.fetch();
    if (this.covers(acceptedMs, epoch)) return "covered";
    return fetched === "fetched" && this.held !== undefined ? "unknown" : "unreached";
  }

  /** The key that signs an epoch's tokens; `undefined` for an unknown epoch, or one that was revoked at that time. */
  readonly epochKey = (epoch: number, acceptedMs: number): Uint8Array | undefined =>
    this.held === undefined ? undefined : epochKeyOf(this.held.manifest, epoch, acceptedMs);

  /** Whether the feed names this token. */
  readonly isRevoked = (name: Uint8Array): boolean => this.held?.isNamed(name) === true;

  /** The oldest version of franks that the realm takes. */
  get minVersion(): number {
    return this.current.minFrankVersion;
  }

  /** What moderators can do and cannot, in the realm's own words. */
  get statement(): string | undefined {
    return this.held?.statement;
  }

  /** The connection is ready, or the relay says that there is something new. */
  wake(): void {
    if (this.fetching === undefined) this.fetch().catch(this.parts.failed);
    else this.isNews = true;
  }

  /** Nothing is fetched any more; who waits hears `closed`. Idempotent. */
  close(): void {
    this.isClosed = true;
    this.timer?.cancel();
    this.first.reject(new SottoError("closed"));
  }

  /** One request at a time, shared by all who wait. */
  private fetch(): Promise<"fetched" | "unreached"> {
    this.fetching ??= this.ask().finally(() => {
      this.fetching = undefined;
      this.plan();
      if (!this.isNews) return;
      this.isNews = false;
      this.wake();
    });
    return this.fetching;
  }

  private async ask(): Promise<"fetched" | "unreached"> {
    const { relay } = this.parts;
    if (this.isClosed || relay.device.state !== "ready") return "unreached";
    const askedMs = relay.nowMs();
    try {
      const answer = await relay.device.request({ type: "fetchRealm", known: this.held?.hash });
      const isTaken = answer.document === undefined || (await this.take(answer.document));
      if (answer.available === "no" || !isTaken) return "unreached";
      this.askedMs = askedMs;
      this.watchFeed(askedMs);
      return "fetched";
    } catch (error) {
      if (isFatal(error)) throw error;
      return "unreached";
    }
  }

  /** Takes a document if it may take the held one's place; what may not is refused and counted, and the held one goes on. */
  private async take(encoded: Uint8Array): Promise<boolean> {
    const { store, pinned, verify } = this.parts;
    const verdict = judgeRealm(this.held, encoded, { pinned, verify });
    if (verdict.kind === "refused") return this.refuse(verdict.reason);
    if (this.held === undefined && pinned === undefined && !this.trustsFirst()) return false;
    if (this.held !== undefined && equalBytes(this.held.hash, verdict.held.hash)) return true;
    await store.commit([{ key: keys.realm, value: encodeRow("realm", { document: verdict.held.document }) }]);
    this.held = verdict.held;
    this.refused = undefined;
    this.first.resolve();
    this.parts.moved();
    return true;
  }

  /** Without a pin, the first realm of a relay in development mode is trusted from then on. */
  private trustsFirst(): boolean {
    const { log } = this.parts;
    if (this.parts.isDevelopment()) {
      log("warn", "trusting the realm on first use: for development only, pass realm in production");
      return true;
    }
    if (this.refused === undefined) log("error", "realm.required");
    this.refused = new SottoError("realmRequired");
    this.parts.moved();
    return false;
  }

  private refuse(reason: RealmRefusal): false {
    const { counters, log } = this.parts;
    counters.count("realmRefused");
    log("warn", "realm.refused", { reason });
    if (reason === "otherRoot" && this.held === undefined) {
      this.refused = new SottoError("wrongRealm");
      this.parts.moved();
    }
    return false;
  }

  private watchFeed(nowMs: number): void {
    const { held } = this;
    if (held === undefined || nowMs - held.feedMs < STALE_FEED_MS) return;
    this.parts.counters.count("feedStale");
    this.parts.log("warn", "realm.feedStale");
  }

  private plan(): void {
    if (this.isClosed) return;
    this.timer?.cancel();
    this.timer = this.parts.clock.after(this.held === undefined ? RETRY_MS : POLL_MS, () => this.wake());
  }
}

/** @throws invalidArgument for a pin that is none. */
export function assertRealmPin(pinned: string | undefined): void {
  if (pinned !== undefined && !FINGERPRINT.test(pinned)) {
    throw new SottoError("invalidArgument", { detail: "realm is written sha256: and 64 hex digits" });
  }
}
