/**
 * The manifest of a realm: which epochs' keys count, what reports are sealed to, from which version on franks are shown.
 * Numbered, chained and signed by the realm's root, whose fingerprint apps pin (PROTOCOL.md, Franking).
 */

import { equalBytes } from "../bytes.js";
import { decodeRecord, encodeRecord } from "../codec.js";
import { digest, labelled } from "../derive.js";
import { SottoError } from "../failures.js";
import { toHex } from "../ids.js";
import { bytes, choice, list, optional, record, type TypeOf, text, timeMs, uint } from "../schema/field.js";
import type { Verify } from "./frank.js";
import { SEAL_PUBLIC_KEY_BYTES } from "./seal.js";
import { isInEpoch, type Realm } from "./token.js";

const u32 = uint(0xffff_ffff);
const publicKey = bytes(32);

/** Teams of moderators, each with a content key of its own, in the order of escalation. */
export const teams = ["community", "platform", "safety"] as const;
/** A team of moderators. */
export type Team = (typeof teams)[number];

/** What is said of an epoch: the key its tokens are signed with; from when on, if ever, they count no more. */
const epoch = record({ epoch: u32, issuerKey: publicKey, revokedAfterMs: optional(timeMs) });
/** A key that reports are sealed to: `triage` for what says who and when, a team's for the words. */
const deskKey = record({
  role: choice("triage", ...teams),
  /** The first 8 bytes of the SHA-256 of the key. */
  id: bytes(8),
  key: bytes(SEAL_PUBLIC_KEY_BYTES),
  notBeforeMs: timeMs,
  expiresMs: timeMs,
});

/** The fields of a manifest; PROTOCOL.md's table is made from this record. */
export const manifestFields = {
  version: uint(1, 1),
  /** Ed25519. */
  root: publicKey,
  /** Rises by one. */
  number: uint(0xffff_ffff, 1),
  /** The SHA-256 of the manifest before; zeros for the first. */
  previous: bytes(32),
  issuedMs: timeMs,
  minFrankVersion: uint(255, 1),
  epochs: list(epoch, 128),
  deskKeys: list(deskKey, 16),
  /** What signs what the desk says to relay and clients. Ed25519. */
  deskSigner: publicKey,
  /** The SHA-256 of the statement of what moderators can do. */
  statementHash: bytes(32),
} as const;

const signedPart = record(manifestFields);
const outer = record({ signed: bytes(1, 65_536), signature: bytes(64) });

/** A manifest. */
export type Manifest = Omit<TypeOf<typeof signedPart>, "version">;
/** A key that reports are sealed to. */
export type DeskKey = Manifest["deskKeys"][number];

/** The realm of a root key. */
export function realmOf(root: Uint8Array): Realm {
  return digest(root).slice(0, 16);
}

/** What apps pin: `sha256:` and the hex digits of the SHA-256 of the realm's root key. */
export function realmFingerprint(root: Uint8Array): string {
  return `sha256:${toHex(digest(root))}`;
}

/** The bytes of a manifest. `sign` is Ed25519 by the root. */
export function encodeManifest(manifest: Manifest, sign: (text: Uint8Array) => Uint8Array): Uint8Array<ArrayBuffer> {
  const signed = encodeRecord(signedPart, { version: 1, ...manifest });
  return encodeRecord(outer, { signed, signature: sign(manifestText(signed)) });
}

/** A manifest that was read and whose signature is its root's. */
export interface ReadManifest extends Manifest {
  /** What the next one names as `previous`. */
  readonly hash: Uint8Array;
}

/**
 * Reads a manifest and checks its root's signature. Whether the root is the right one is the caller's to check.
 *
 * @throws badFrame if the bytes are none, or the signature is not the root's.
 */
export function decodeManifest(encoded: Uint8Array, verify: Verify): ReadManifest {
  const { signed, signature } = decodeRecord(outer, encoded);
  const { version: _version, ...manifest } = decodeRecord(signedPart, signed);
  if (!verify(manifest.root, manifestText(signed), signature)) {
    throw new SottoError("badFrame", { detail: "a manifest that its root did not sign" });
  }
  return { ...manifest, hash: digest(encoded) };
}

/**
 * Whether a manifest may take the place of the one that is held: the same root, a higher number, and if it is the very next
 * one, chained to it.
 */
export function mayFollow(held: ReadManifest, next: ReadManifest): boolean {
  if (!equalBytes(held.root, next.root) || next.number <= held.number || next.issuedMs < held.issuedMs) return false;
  return next.number !== held.number + 1 || equalBytes(next.previous, held.hash);
}

/** The key that signs an epoch's tokens; `undefined` for an unknown epoch, or of what the relay took after it was revoked. */
export function epochKeyOf(manifest: Manifest, number: number, acceptedMs: number): Uint8Array | undefined {
  const row = manifest.epochs.find((one) => one.epoch === number);
  if (row === undefined || !isInEpoch(number, acceptedMs)) return undefined;
  return row.revokedAfterMs !== undefined && acceptedMs > row.revokedAfterMs ? undefined : row.issuerKey;
}

/** The key of a role that things are sealed to now: of several the one that is good for longest. */
export function deskKeyOf(manifest: Manifest, role: DeskKey["role"], nowMs: number): DeskKey | undefined {
  return manifest.deskKeys
    .filter((key) => key.role === role && key.notBeforeMs <= nowMs && nowMs < key.expiresMs)
    .sort((one, other) => other.expiresMs - one.expiresMs)[0];
}

/** How a manifest names a key. */
export function deskKeyId(key: Uint8Array): Uint8Array<ArrayBuffer> {
  return digest(key).slice(0, 8);
}

function manifestText(signed: Uint8Array): Uint8Array<ArrayBuffer> {
  return labelled("frank1/manifest", signed);
}

/** Names in one feed; beyond, those of the oldest epochs go. */
export const MAX_FEED_NAMES = 65_536;
const NAME_BYTES = 8;
/** A feed holds a multiple of so many names, so that its length says little of how many were suspended. */
export const FEED_STEP = 64;

const feedPart = record({
  version: uint(1, 1),
  atMs: timeMs,
  /** `tokenName`s of tokens that count no more, ascending, 8 bytes each, and as many made-up ones as pad it. */
  names: bytes(0, MAX_FEED_NAMES * NAME_BYTES),
});
const signedFeed = record({ signed: bytes(1, MAX_FEED_NAMES * NAME_BYTES + 64), signature: bytes(64) });

/** A revocation feed: which tokens count no more, of which mail may still wait. */
export type Feed = Omit<TypeOf<typeof feedPart>, "version">;

/** The bytes of a feed. `sign` is Ed25519 by the desk's signer. */
export function encodeFeed(feed: Feed, realm: Realm, sign: (text: Uint8Array) => Uint8Array): Uint8Array<ArrayBuffer> {
  const signed = encodeRecord(feedPart, { version: 1, ...feed });
  return encodeRecord(signedFeed, { signed, signature: sign(labelled("frank1/feed", realm, signed)) });
}

/** Reads a feed. @throws badFrame if the bytes are none, or the desk did not sign them. */
export function decodeFeed(encoded: Uint8Array, manifest: Manifest, verify: Verify): Feed {
  const { signed, signature } = decodeRecord(signedFeed, encoded);
  const { version: _version, ...feed } = decodeRecord(feedPart, signed);
  const text = labelled("frank1/feed", realmOf(manifest.root), signed);
  if (!isAscending(feed.names) || !verify(manifest.deskSigner, text, signature)) {
    throw new SottoError("badFrame", { detail: "a feed that the desk did not sign" });
  }
  return feed;
}

/** Whether they are names of 8 bytes, each greater than the one before: a list has one spelling. */
function isAscending(names: Uint8Array): boolean {
  if (names.length % NAME_BYTES !== 0) return false;
  const view = new DataView(names.buffer, names.byteOffset, names.length);
  for (let at = NAME_BYTES; at < names.length; at += NAME_BYTES) {
    if (view.getBigUint64(at - NAME_BYTES) >= view.getBigUint64(at)) return false;
  }
  return true;
}

/** Secrets of past epochs in one document; beyond, the oldest go. */
export const MAX_DISCLOSED = 128;

/** What a relay serves of its realm, to clients and at its well-known address. */
const realmDocument = record({
  manifest: bytes(1, 131_072),
  feed: bytes(1, MAX_FEED_NAMES * NAME_BYTES + 256),
  /** What moderators can do and cannot, for people. The manifest holds its hash. */
  statement: text(16_384),
  /** Secrets of issuer keys of epochs that ended two days ago and more: from here on anybody can make their tokens. */
  disclosed: list(record({ epoch: u32, secret: bytes(32) }), MAX_DISCLOSED),
});

/** What a relay serves of its realm. */
export type RealmDocument = TypeOf<typeof realmDocument>;

/** The bytes of a realm document. */
export function encodeRealm(document: RealmDocument): Uint8Array<ArrayBuffer> {
  return encodeRecord(realmDocument, document);
}

/** Reads a realm document. What it holds is not checked yet. @throws badFrame if the bytes are none. */
export function decodeRealm(encoded: Uint8Array): RealmDocument {
  return decodeRecord(realmDocument, encoded);
}

/** What the manifest holds of a statement. */
export function statementHash(statement: string): Uint8Array<ArrayBuffer> {
  return digest(labelled("frank1/statement", new TextEncoder().encode(statement)));
}
