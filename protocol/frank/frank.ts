/**
 * A frank: what makes a message one that can be reported. Its sender makes it once for all recipients; a recipient checks it
 * before anything is shown, and keeps the evidence (PROTOCOL.md, Franking).
 *
 * A frank is `version(1) ‖ s(32) ‖ epoch(4) ‖ pk(32) ‖ y(32) ‖ sigT(64) ‖ sigS(64)`, the epoch big-endian.
 */

import { equalBytes } from "../bytes.js";
import { SottoError } from "../failures.js";
import { type AccountId, accountIdToBytes } from "../ids.js";
import { deriveFrankKey, hash, mac } from "./encoding.js";
import type { Evidence } from "./evidence.js";
import { directRoster, type Roster, type RosterOpening } from "./roster.js";
import { STAMP_BYTES } from "./stamp.js";
import {
  CLOCK_SKEW_MS,
  type FrankSpeaker,
  isInEpoch,
  type Realm,
  type Token,
  tokenHash,
  tokenName,
  tokenText,
} from "./token.js";

/** The version of franks that this file makes. */
export const FRANK_VERSION = 1;
/** Bytes of a frank. */
export const FRANK_BYTES = 229;
/** Bytes of a message's secret. */
export const FRANK_SECRET_BYTES = 32;

/** An Ed25519 signature (RFC 8032) by a key the caller holds. */
export type Sign = (message: Uint8Array) => Uint8Array;
/** Whether an Ed25519 signature is by this key. False for anything malformed. */
export type Verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;

/** Whom a message is meant for: one account, or everybody in a group as its log was read to some entry. */
export type Audience =
  | { readonly kind: "account"; readonly account: AccountId }
  | { readonly kind: "group"; readonly roster: Roster };

/** A frank, and the commitment that travels beside the ciphertext. */
export interface Franked {
  readonly frank: Uint8Array;
  readonly commitment: Uint8Array;
}

/** What making a frank takes. */
export interface Franking {
  readonly realm: Realm;
  readonly speaker: FrankSpeaker;
  readonly token: Token;
  /** 32 random bytes, used once. */
  readonly secret: Uint8Array;
  /** The words, in the form that is committed to (committed.ts). */
  readonly committed: Uint8Array;
  readonly audience: Audience;
  /** By the token's key. */
  readonly sign: Sign;
}

/**
 * Franks a message.
 *
 * @throws invalidArgument for a secret that has not exactly `FRANK_SECRET_BYTES`.
 */
export function makeFrank(franking: Franking): Franked {
  const { realm, speaker, token, secret, committed, sign } = franking;
  if (secret.length !== FRANK_SECRET_BYTES)
    throw new SottoError("invalidArgument", { detail: `a frank's secret has ${FRANK_SECRET_BYTES} bytes` });
  const { roster } = rosterFor(realm, secret, franking.audience);
  const wordsHash = wordsHashOf(realm, deriveFrankKey(secret, "m"), committed);
  const token32 = tokenHash(realm, token, token.accountTag);
  const signature = sign(frankText(realm, speaker, { wordsHash, root: roster.root, token: token32 }));
  const tokenMac = mac(deriveFrankKey(secret, "t"), "frank1/tS", token.signature);
  const outer = { wordsHash, root: roster.root, token: token32, tokenMac, signature };
  const commitment = commitmentOf(realm, deriveFrankKey(secret, "o"), outer);
  return { commitment, frank: encodeFrank({ secret, token, signature }) };
}

/** What is hashed and signed by the token's key (`sigS` is over this). */
export function frankText(
  realm: Realm,
  { account, device }: FrankSpeaker,
  over: { readonly wordsHash: Uint8Array; readonly root: Uint8Array; readonly token: Uint8Array },
): Uint8Array<ArrayBuffer> {
  const who = [accountIdToBytes(account), Uint8Array.of(device)];
  return hash("frank1/frank", realm, ...who, over.wordsHash, over.root, over.token);
}

/** The commitment (`C`) to everything that was signed. */
export function commitmentOf(
  realm: Realm,
  outerKey: Uint8Array,
  over: {
    readonly wordsHash: Uint8Array;
    readonly root: Uint8Array;
    readonly token: Uint8Array;
    readonly tokenMac: Uint8Array;
    readonly signature: Uint8Array;
  },
): Uint8Array<ArrayBuffer> {
  const { wordsHash, root, token, tokenMac, signature } = over;
  return mac(outerKey, "frank1/outer", realm, wordsHash, root, token, tokenMac, signature);
}

/** The commitment to the words (`mC`). */
export function wordsHashOf(realm: Realm, wordsKey: Uint8Array, committed: Uint8Array): Uint8Array<ArrayBuffer> {
  return mac(wordsKey, "frank1/msg", realm, committed);
}

/**
 * Why a frank did not pass. Nothing of the message is shown then, and its sender is not told.
 *
 * `unfranked`: there is none, or no stamp · `malformed` · `version`: a version below what the realm asks for, or above what this
 * one knows · `epoch`: of an epoch that this realm does not know, or has revoked · `time`: the relay took it outside of the
 * token's life, or in the future · `commitment`: what the relay took is something else · `roster`: not meant for this account ·
 * `token`: not issued to who sent it · `signature`: not signed by the token's key · `revoked`: by a token of somebody who was
 * suspended.
 */
export type FrankRefusal =
  | "unfranked"
  | "malformed"
  | "version"
  | "epoch"
  | "time"
  | "commitment"
  | "roster"
  | "token"
  | "signature"
  | "revoked";

/** What checking a frank takes. */
export interface FrankCheck {
  readonly realm: Realm;
  /** Whom the session (or sender key) belongs to, as the engine authenticated it. */
  readonly speaker: FrankSpeaker;
  /** Whose roster leaf is opened: this account. */
  readonly me: AccountId;
  readonly audience: Audience;
  /** The words, in the form that is committed to. */
  readonly committed: Uint8Array;
  readonly frank: Uint8Array;
  readonly commitment: Uint8Array;
  readonly acceptedMs: number;
  readonly stamp: Uint8Array;
  /** What the stamp is for, if not for `me`: what a sender was told of its own send. */
  readonly stampedFor?: Uint8Array | undefined;
  /** The relay's clock. */
  readonly nowMs: number;
  /** What the realm says of an epoch; `undefined` if it knows none of this number, or has revoked it at that time. */
  epochKey(epoch: number, acceptedMs: number): Uint8Array | undefined;
  /** The oldest version that the realm takes. */
  readonly minVersion: number;
  /** Whether the realm's feed names this token. */
  isRevoked(name: Uint8Array): boolean;
  readonly verify: Verify;
}

/** What came of a check. */
export type Checked =
  | { readonly kind: "genuine"; readonly evidence: Evidence }
  | { readonly kind: "refused"; readonly reason: FrankRefusal };

/**
 * Checks a frank. That the words name the same sender, device and conversation as the session, and that no such message was
 * there before, are the caller's to check.
 */
export function checkFrank(check: FrankCheck): Checked {
  const { realm, speaker, me, committed, acceptedMs, nowMs } = check;
  const version = check.frank[0];
  if (version === undefined || check.stamp.length !== STAMP_BYTES) return refused("unfranked");
  if (version < check.minVersion || version > FRANK_VERSION) return refused("version");
  const opened = decodeFrank(check.frank);
  if (opened === undefined) return refused("malformed");
  const { secret, token, signature } = opened;
  const epochKey = check.epochKey(token.epoch, acceptedMs);
  if (epochKey === undefined) return refused("epoch");
  if (!isInEpoch(token.epoch, acceptedMs) || acceptedMs > nowMs + CLOCK_SKEW_MS) return refused("time");
  if (check.isRevoked(tokenName(token.publicKey))) return refused("revoked");

  const { roster, opening } = rosterFor(realm, secret, check.audience, me);
  // The leaf of somebody else is evidence only of what this account sent; of what came, the desk would refuse it.
  const isMine = check.audience.kind === "group" || check.audience.account === me || check.stampedFor !== undefined;
  if (opening === undefined || !isMine) return refused("roster");
  const wordsKey = deriveFrankKey(secret, "m");
  const outerKey = deriveFrankKey(secret, "o");
  const wordsHash = wordsHashOf(realm, wordsKey, committed);
  const token32 = tokenHash(realm, token, token.accountTag);
  const tokenMac = mac(deriveFrankKey(secret, "t"), "frank1/tS", token.signature);
  const signed = { wordsHash, root: roster.root, token: token32 };
  const commitment = commitmentOf(realm, outerKey, { ...signed, tokenMac, signature });
  if (!equalBytes(commitment, check.commitment)) return refused("commitment");
  if (!check.verify(epochKey, tokenText(realm, speaker, token32), token.signature)) return refused("token");
  if (!check.verify(token.publicKey, frankText(realm, speaker, signed), signature)) return refused("signature");

  const { account, device } = speaker;
  const { epoch, publicKey, accountTag } = token;
  const { salt, path } = opening;
  const recipient = check.audience.kind === "account" ? check.audience.account : me;
  const head = {
    ...{ account, device, epoch, publicKey, accountTag },
    ...{ wordsHash, outerKey, recipient, salt, path, tokenMac, signature },
    ...{ acceptedMs, stampedFor: check.stampedFor ?? accountIdToBytes(me), stamp: check.stamp },
  };
  return { kind: "genuine", evidence: { head, wordsKey, commitment } };
}

/** The token that a frank bears; `undefined` for what is no frank. For who has to know whether it still counts. */
export function tokenOfFrank(frank: Uint8Array): Token | undefined {
  return decodeFrank(frank)?.token;
}

function rosterFor(
  realm: Realm,
  secret: Uint8Array,
  audience: Audience,
  me?: AccountId,
): { readonly roster: Roster; readonly opening: RosterOpening | undefined } {
  if (audience.kind === "group") {
    return { roster: audience.roster, opening: me === undefined ? undefined : audience.roster.openingOf(me) };
  }
  const roster = directRoster(realm, deriveFrankKey(secret, "r"), audience.account);
  return { roster, opening: roster.openingOf(audience.account) };
}

function refused(reason: FrankRefusal): Checked {
  return { kind: "refused", reason };
}

interface Opened {
  readonly secret: Uint8Array;
  readonly token: Token;
  readonly signature: Uint8Array;
}

function encodeFrank({ secret, token, signature }: Opened): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FRANK_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[0] = FRANK_VERSION;
  bytes.set(secret, 1);
  view.setUint32(33, token.epoch);
  bytes.set(token.publicKey, 37);
  bytes.set(token.accountTag, 69);
  bytes.set(token.signature, 101);
  bytes.set(signature, 165);
  return bytes;
}

function decodeFrank(bytes: Uint8Array): Opened | undefined {
  if (bytes.length !== FRANK_BYTES || bytes[0] !== FRANK_VERSION) return undefined;
  const epoch = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(33);
  const token = {
    ...{ epoch, publicKey: bytes.slice(37, 69) },
    ...{ accountTag: bytes.slice(69, 101), signature: bytes.slice(101, 165) },
  };
  return { secret: bytes.slice(1, 33), token, signature: bytes.slice(165) };
}
