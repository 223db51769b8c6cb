/**
 * Tokens: what the issuer says of a key that one device made, so that a recipient can tell whose it is and the desk can tell
 * again later. A token travels only inside ciphertext (PROTOCOL.md, Franking).
 */

import { labelled } from "../derive.js";
import { type AccountId, accountIdToBytes, type DeviceId } from "../ids.js";
import { hash, mac, u32 } from "./encoding.js";

/** How long an epoch lasts. Its number is how many have passed since 1970. */
export const EPOCH_MS = 24 * 3_600_000;
/** How far the clocks of devices and relay may lie apart. */
export const CLOCK_SKEW_MS = 5 * 60_000;
/** Keys in one request for tokens: always as many, so that a request says nothing about sending. */
export const TOKENS_PER_BATCH = 32;
/** How long after the relay took it a message can be reported; then the keys that prove anything are destroyed. */
export const REPORT_WINDOW_MS = 30 * 24 * 3_600_000;
/** How long after its end the secret key of an epoch is published; from then on a token proves nothing to third parties. */
export const DISCLOSE_AFTER_MS = 48 * 3_600_000;

/** The first 16 bytes of the SHA-256 of the realm's root key: in every label, so that nothing counts in another realm. */
export type Realm = Uint8Array;

/** Who speaks. */
export interface FrankSpeaker {
  readonly account: AccountId;
  readonly device: DeviceId;
}

/** What a token says of itself. It is good for its epoch, and says nothing of when it was issued. */
export interface TokenTerms {
  readonly epoch: number;
  /** Ed25519. */
  readonly publicKey: Uint8Array;
}

/** A token as its device holds it. */
export interface Token extends TokenTerms {
  /** The issuer's tag on the account (`y`). */
  readonly accountTag: Uint8Array;
  /** The issuer's signature (`sigT`). */
  readonly signature: Uint8Array;
}

/** The number of the epoch that a time falls into. */
export function epochOf(atMs: number): number {
  return Math.floor(atMs / EPOCH_MS);
}

/**
 * Whether the relay took a message while tokens of this epoch were good. The bounds follow from the number alone: once the key
 * of an epoch is published anybody can make tokens under it, and none of them is good at any later time.
 */
export function isInEpoch(epoch: number, acceptedMs: number): boolean {
  const startMs = epoch * EPOCH_MS;
  return acceptedMs >= startMs - CLOCK_SKEW_MS && acceptedMs <= startMs + EPOCH_MS + CLOCK_SKEW_MS;
}

/** The tag by which only who holds the epoch's account key can tell whom a token was issued to (`y`). */
export function accountTag(
  accountKey: Uint8Array,
  realm: Realm,
  { account, device }: FrankSpeaker,
  { epoch, publicKey }: TokenTerms,
): Uint8Array<ArrayBuffer> {
  const who = [accountIdToBytes(account), Uint8Array.of(device)];
  return mac(accountKey, "frank1/acct", realm, ...who, u32(epoch), publicKey);
}

/** What stands for a token in everything that is signed (`tc`). */
export function tokenHash(realm: Realm, terms: TokenTerms, tag: Uint8Array): Uint8Array<ArrayBuffer> {
  return hash("frank1/token", realm, u32(terms.epoch), terms.publicKey, tag);
}

/** What the issuer signs (`sigT` is over this). */
export function tokenText(realm: Realm, { account, device }: FrankSpeaker, token: Uint8Array): Uint8Array<ArrayBuffer> {
  return labelled("frank1/sigT", realm, accountIdToBytes(account), Uint8Array.of(device), token);
}

/** How a revocation feed names a token: the first 8 bytes of the SHA-256 of its key. */
export function tokenName(publicKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return hash("frank1/token-name", publicKey).slice(0, 8);
}
