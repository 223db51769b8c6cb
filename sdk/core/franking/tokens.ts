/**
 * The upkeep of this device's tokens. They are asked for in batches of always the same size, those of the next epoch at a random
 * time within the present one, so that asking says nothing about sending. Each is used once, but for the last one, which is used
 * until its epoch ends: sending never waits for the issuer within an epoch.
 */

import {
  EPOCH_MS,
  epochOf,
  type FrankSpeaker,
  SottoError,
  TOKENS_PER_BATCH,
  type Token,
  tokenHash,
  tokenName,
  tokenText,
} from "@sotto/protocol";
import type { Counters } from "../counters.js";
import { isFatal } from "../fatal.js";
import type { Clock, DeviceKeys, Log, Random } from "../ports.js";
import type { Relay } from "../relay.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { DeskAsks, DeskReply } from "./desk-asks.js";
import type { Realm } from "./realm.js";
import { type NewToken, TokenStock, type TokenUse } from "./token-stock.js";

/** With so few unused ones left the next batch is asked for. */
const FEW = 8;
/** How long after a failure it is tried again: doubled with each, up to a minute while nothing can be sent. */
const FIRST_DELAY_MS = 1_000;
const LONGEST_DRY_MS = 60_000;
const LONGEST_MS = 15 * 60_000;
/** So long before an epoch ends the next one's are asked for at the latest. */
const BEFORE_END_MS = 30 * 60_000;

/** What the upkeep works with. */
export interface TokenParts {
  readonly store: Pick<SealedStore, "list" | "commit">;
  readonly speaker: FrankSpeaker;
  readonly realm: Pick<Realm, "isKnown" | "id" | "epochKey" | "isRevoked" | "ensure">;
  readonly asks: Pick<DeskAsks, "ask">;
  readonly deviceKeys: Pick<DeviceKeys, "generate" | "signer" | "verify">;
  readonly relay: { readonly device: Pick<Relay["device"], "state">; nowMs(): number };
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counters: Counters;
  /** There are tokens again, or there will be none: what waited goes on. */
  moved(): void;
  failed(error: unknown): void;
}

/**
 * Keeps tokens at hand.
 *
 *   idle ──wake, timer──▶ looking ──enough──▶ idle (timer: prefetch, end of the epoch)
 *                            ├──woken meanwhile──▶ looking, unless it failed
 *                            ├──reconsidered meanwhile──▶ looking
 *                            └──failed──▶ backing off ──delay, reconsider──▶ looking
 */
export class Tokens {
  private readonly stock: TokenStock;
  private refused: SottoError | undefined;
  private state: "idle" | "looking" | "again" | "anew" | "backingOff" | "closed" = "idle";
  private failures = 0;
  private timer: { cancel(): void } | undefined;
  private prefetch: { readonly epoch: number; readonly atMs: number } | undefined;

  constructor(private readonly parts: TokenParts) {
    this.stock = new TokenStock(parts.store, parts.deviceKeys);
  }

  /** Takes up what an earlier run left. Called once, before the connection begins. */
  load(): Promise<void> {
    return this.stock.load();
  }

  /** How many of the present epoch were not used yet. */
  get left(): number {
    return this.stock.unused(this.epoch);
  }

  /**
   * The token to frank with now; `undefined` while there is none. The caller commits its changes in the same turn.
   *
   * @throws muted or suspended, by the moderators; identityMoved while they know another identity of this account.
   */
  next(): TokenUse | undefined {
    this.assertAllowed();
    const { relay, realm, counters } = this.parts;
    const { epoch } = this;
    // Without a key the realm does not know this epoch, or took it back.
    const isGood = realm.epochKey(epoch, relay.nowMs()) !== undefined;
    const use = isGood ? this.stock.take(epoch) : undefined;
    if (use?.isReused === true) counters.count("tokensReused");
    if (this.stock.unused(epoch) < FEW) this.wake();
    return use;
  }

  /** @throws muted, suspended or identityMoved, as the desk said last. */
  assertAllowed(): void {
    if (this.refused !== undefined) throw this.refused;
  }

  /**
   * Whether messages under a token are shown, as far as is known here: it was not taken back, and is of the realm that is held now,
   * which may be another than when it was issued.
   */
  counts(token: Token): boolean {
    const { realm, relay } = this.parts;
    const { epoch } = token;
    const issuerKey = realm.epochKey(epoch, Math.max(relay.nowMs(), epoch * EPOCH_MS));
    return !realm.isRevoked(tokenName(token.publicKey)) && issuerKey !== undefined && this.isIssued(token, issuerKey);
  }

  /** Looks whether some are needed, unless a failure has to be waited for. */
  wake(): void {
    if (this.state === "looking") this.state = "again";
    if (this.state !== "idle") return;
    this.state = "looking";
    this.timer?.cancel();
    this.look().catch(this.parts.failed);
  }

  /** The connection is ready, the realm is another, or the moderators have a word: looks now. */
  reconsider(): void {
    this.failures = 0;
    if (this.state === "looking" || this.state === "again") this.state = "anew";
    if (this.state === "backingOff") this.state = "idle";
    this.wake();
  }

  /** Nothing is asked for any more. Idempotent. */
  close(): void {
    this.state = "closed";
    this.timer?.cancel();
  }

  private get epoch(): number {
    return epochOf(this.parts.relay.nowMs());
  }

  private get canAsk(): boolean {
    const { realm, relay } = this.parts;
    return realm.isKnown && relay.device.state === "ready";
  }

  private async look(): Promise<void> {
    const { relay, store } = this.parts;
    let failure: unknown;
    try {
      if (this.canAsk) {
        const { epoch } = this;
        const dropped = this.stock.drop(epoch, (token) => this.counts(token));
        if (dropped.length > 0) await store.commit(dropped);
        if (this.stock.unused(epoch) < FEW) await this.fetch(epoch);
        if (this.prefetchMs(epoch) <= relay.nowMs() && !this.stock.has(epoch + 1)) await this.fetch(epoch + 1);
      }
    } catch (error) {
      if (isFatal(error)) throw error;
      failure = error;
    }
    this.rest(failure);
  }

  /** What comes after looking. */
  private rest(failure: unknown): void {
    const { state } = this;
    if (state === "closed") return;
    const delayMs = failure === undefined ? this.untilNext() : this.after(failure);
    if (failure === undefined) this.failures = 0;
    this.state = failure === undefined || state === "anew" ? "idle" : "backingOff";
    this.wait(delayMs);
    if (state === "again" || state === "anew") this.wake();
  }

  private wait(delayMs: number): void {
    this.timer?.cancel();
    this.timer = this.parts.clock.after(delayMs, () => {
      if (this.state === "backingOff") this.state = "idle";
      this.wake();
    });
  }

  /** How long a failure is waited for. What only people at the desk can change ends what waits to be sent. */
  private after(failure: unknown): number {
    const { code, retryAfterMs } = failure instanceof SottoError ? failure : new SottoError("internal");
    if (failure instanceof SottoError && (code === "muted" || code === "suspended" || code === "identityMoved")) {
      this.refused = failure;
      this.parts.moved();
      return Math.min(retryAfterMs ?? LONGEST_MS, LONGEST_MS);
    }
    // A relay or a desk that is away comes back; anything else somebody should look at.
    const isAway = code === "offline" || code === "busy" || code === "aborted";
    this.parts.log(isAway ? "info" : "warn", "tokens.notFetched", { code });
    const backOffMs = FIRST_DELAY_MS * 2 ** this.failures;
    this.failures = Math.min(this.failures + 1, 16);
    const longestMs = this.stock.has(this.epoch) ? LONGEST_MS : LONGEST_DRY_MS;
    return Math.min(Math.max(backOffMs, retryAfterMs ?? 0), longestMs);
  }

  private untilNext(): number {
    const { epoch } = this;
    const nowMs = this.parts.relay.nowMs();
    const endMs = (epoch + 1) * EPOCH_MS - nowMs;
    // Whoever cannot ask looks again when the connection is ready.
    if (!this.canAsk || this.stock.has(epoch + 1)) return endMs;
    return Math.max(0, Math.min(endMs, this.prefetchMs(epoch) - nowMs));
  }

  /** When the batch of the next epoch is asked for: chosen once for each epoch, anywhere in what is left of it. */
  private prefetchMs(epoch: number): number {
    if (this.prefetch?.epoch !== epoch) {
      const { random, relay } = this.parts;
      const nowMs = relay.nowMs();
      const spanMs = Math.max(0, (epoch + 1) * EPOCH_MS - BEFORE_END_MS - nowMs);
      const chance = new DataView(random.bytes(4).buffer).getUint32(0) / 2 ** 32;
      this.prefetch = { epoch, atMs: nowMs + chance * spanMs };
    }
    return this.prefetch.atMs;
  }

  /** Asks for one batch, and keeps it if every token in it is good: one that is not would make messages that nobody is shown. */
  private async fetch(epoch: number): Promise<void> {
    const { asks, deviceKeys, store, counters, realm, relay } = this.parts;
    const atMs = Math.max(relay.nowMs(), epoch * EPOCH_MS);
    if (realm.epochKey(epoch, atMs) === undefined) await realm.ensure(atMs, epoch);
    const issuerKey = realm.epochKey(epoch, atMs);
    if (issuerKey === undefined) throw new SottoError("busy", { detail: "the realm does not know this epoch yet" });
    const pairs = Array.from({ length: TOKENS_PER_BATCH }, () => deviceKeys.generate());
    const reply = await asks.ask("tokens", { epoch, keys: pairs.map(({ publicKey }) => publicKey) });
    const tokens = this.checked(tokensOf(reply, epoch, pairs), issuerKey);
    if (tokens === undefined) {
      counters.count("tokensRefused");
      throw new SottoError("badRelay", { detail: "tokens that the realm's issuer did not sign" });
    }
    await store.commit(this.stock.add(epoch, tokens));
    counters.count("tokensTaken");
    this.refused = undefined;
    this.parts.moved();
  }

  private checked(tokens: readonly NewToken[] | undefined, issuerKey: Uint8Array): readonly NewToken[] | undefined {
    return tokens?.every((token) => this.isIssued(token, issuerKey)) === true ? tokens : undefined;
  }

  private isIssued(token: Token, issuerKey: Uint8Array): boolean {
    const { realm, speaker, deviceKeys } = this.parts;
    const text = tokenText(realm.id, speaker, tokenHash(realm.id, token, token.accountTag));
    return deviceKeys.verify(issuerKey, text, token.signature);
  }
}

/** The answer's tokens, each with the key it was asked for; `undefined` for another answer. */
function tokensOf(
  reply: DeskReply,
  epoch: number,
  pairs: readonly ReturnType<DeviceKeys["generate"]>[],
): readonly NewToken[] | undefined {
  if (reply.kind !== "tokens" || reply.epoch !== epoch) return undefined;
  return pairs.flatMap((pair, index) => {
    const token = reply.tokens[index];
    return token === undefined ? [] : [{ ...pair, ...token, epoch }];
  });
}
