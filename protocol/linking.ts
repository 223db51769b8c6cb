/**
 * Linking a new device: what the old device shows, what the two leave for each other at the relay, and the keys and the
 * code that both derive. The relay carries four sealed bodies and can open none of them.
 *
 *   old: shows the URI {relay, root, link, own ephemeral key, secret}
 *   new ──join──▶ old        own ephemeral key; sealed: name and registration id
 *   new ◀──challenge── old   sealed: 32 random bytes, chosen only once the join is fixed
 *        both show a code of six digits; the user compares
 *   new ──approve──▶ old     sealed: whether the new side's user said yes
 *   new ◀──provision── old   sealed: the account; only after the old side was given the new side's digits
 */

import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { decodeRecord, encodeRecord } from "./codec.js";
import { digest, labelled } from "./derive.js";
import { SottoError } from "./failures.js";
import { firstContactPolicies } from "./frames.js";
import { fromHex, toHex } from "./ids.js";
import { limits } from "./limits.js";
import { accountId, bytes, choice, type Field, optional, record, type TypeOf, text, uint } from "./schema/field.js";

const encoder = new TextEncoder();
const curveKey = bytes(33);
const version = uint(0xffff_ffff);

/** What a link's URI holds: where to meet, whom to believe, and a secret that the relay never sees. */
const offer = record({
  relay: text(512, 1),
  root: bytes(32),
  link: bytes(16),
  key: curveKey,
  secret: bytes(32),
});

/** What a link's URI holds. `root` is the SHA-256 of the relay's root key, `key` the old device's ephemeral key. */
export type LinkOffer = TypeOf<typeof offer>;

/** The body of `join` as it lies at the relay: what the old device needs to open the rest. */
const join = record({ key: curveKey, sealed: bytes(1, 2_048) });

/** What each side seals for the other, by step. */
export const linkRecords = {
  join: record({ name: optional(text(limits.deviceNameBytes.value, 1)), registrationId: uint(0x3fff, 1) }),
  challenge: record({ challenge: bytes(32) }),
  approve: record({ answer: choice("no", "yes") }),
  provision: record({
    account: accountId,
    userId: optional(text(limits.userIdBytes.value, 1)),
    identityPublic: curveKey,
    identityPrivate: bytes(32),
    profileKey: bytes(32),
    profileKeyVersion: version,
    name: optional(text(limits.profileNameBytes.value, 1)),
    nameVersion: version,
    policy: choice(...firstContactPolicies),
    policyVersion: version,
  }),
} as const;

/** A step of a link, in the order they are left. */
export type LinkStep = keyof typeof linkRecords;
/** What is sealed in one step. */
export type LinkRecord<Step extends LinkStep> = TypeOf<(typeof linkRecords)[Step]>;

const SCHEME = "sotto:link/";
const URI_VERSION = "1";
const URI = /^sotto:link\/(\d{1,9})\/([0-9a-f]+)$/i;
/** The longest URI there can be: scheme, version and two digits for each byte of the largest offer. */
const MAX_URI_LENGTH = 2_048;

/**
 * The URI of a link. Case does not matter in it, so in upper case a QR code holds it in its alphanumeric mode.
 *
 * @throws invalidArgument for a field out of bounds.
 */
export function encodeLinkUri(fields: LinkOffer): string {
  return `${SCHEME}${URI_VERSION}/${toHex(encodeRecord(offer, fields))}`;
}

/**
 * Reads a link's URI; blanks around it do not matter.
 *
 * @throws invalidArgument if the text is no link; unsupportedVersion if it is one of another version.
 */
export function decodeLinkUri(uri: string): LinkOffer {
  if (typeof uri !== "string" || uri.length > MAX_URI_LENGTH) throw noLink();
  const [, uriVersion, hex] = URI.exec(uri.trim()) ?? [];
  if (uriVersion === undefined || hex === undefined) throw noLink();
  if (uriVersion !== URI_VERSION) throw new SottoError("unsupportedVersion");
  let fields: LinkOffer;
  try {
    fields = decodeRecord(offer, fromHex(hex));
  } catch (cause) {
    throw noLink(cause);
  }
  if (fields.key[0] !== CURVE_TYPE) throw noLink();
  return fields;
}

/** libsignal's type byte of a Montgomery public key. */
const CURVE_TYPE = 5;

function noLink(cause?: unknown): SottoError {
  return new SottoError("invalidArgument", { detail: "this is no complete link of a device", cause });
}

/** The body of `join`: the new device's ephemeral key, and what it sealed. */
export function encodeJoin(fields: TypeOf<typeof join>): Uint8Array<ArrayBuffer> {
  return encodeRecord(join, fields);
}

/**
 * Reads the body of `join`.
 *
 * @throws linkInvalid if it is none.
 */
export function decodeJoin(body: Uint8Array): TypeOf<typeof join> {
  try {
    return decodeRecord(join, body);
  } catch (cause) {
    throw new SottoError("linkInvalid", { detail: "a join that does not parse", cause });
  }
}

/** What both sides know once the join is fixed: the agreed secret, and a hash of everything said in the open. */
export interface LinkSecrets {
  /** X25519 of the two ephemeral keys. */
  readonly shared: Uint8Array;
  /** The URI's. */
  readonly secret: Uint8Array;
  readonly transcript: Uint8Array;
}

/** The hash of whom this link is between: the relay's root, the link's id and both ephemeral keys. */
export function linkTranscript({ root, link, key }: LinkOffer, joinedKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return digest(labelled("sotto/link/1", root, link, key, joinedKey));
}

/** The same hash once the challenge is known: the code, and whatever comes after it, depend on both. */
export function challengedTranscript(
  transcript: Uint8Array,
  said: { readonly join: Uint8Array; readonly challenge: Uint8Array },
): Uint8Array<ArrayBuffer> {
  return digest(labelled("sotto/link-challenged/1", transcript, digest(said.join), said.challenge));
}

/** The key that seals one step. It seals one body, so the nonce may be all zeros. */
export function linkStepKey(secrets: LinkSecrets, step: LinkStep): Uint8Array<ArrayBuffer> {
  return expand(secrets, `sotto/link-step/1/${step}`, 32);
}

/** Decimal digits of the code that people compare: a guess is right once in a million, and there is one guess. */
export const LINK_CODE_DIGITS = 6;

/** The code both sides show. Its secrets hold the transcript behind the challenge. */
export function linkCode(secrets: LinkSecrets): string {
  const drawn = expand(secrets, "sotto/link-code/1", 8);
  const view = new DataView(drawn.buffer, drawn.byteOffset);
  // 53 of 64 bits: a million does not divide them evenly, by less than one part in a thousand millions.
  const number = (view.getUint32(0) & 0x1f_ffff) * 2 ** 32 + view.getUint32(4);
  return `${number % 10 ** LINK_CODE_DIGITS}`.padStart(LINK_CODE_DIGITS, "0");
}

function expand({ shared, secret, transcript }: LinkSecrets, label: string, size: number): Uint8Array<ArrayBuffer> {
  const input = new Uint8Array(shared.length + secret.length);
  input.set(shared);
  input.set(secret, shared.length);
  const out = hkdf(sha256, input, transcript, encoder.encode(label), size) as Uint8Array<ArrayBuffer>;
  input.fill(0);
  return out;
}

/** Plaintexts are padded to multiples of this, so that a body's length does not tell that of a name. */
const BUCKET_BYTES = 512;

/** The padded bytes of what is sealed in a step. */
export function encodeLinkRecord<Step extends LinkStep>(step: Step, fields: LinkRecord<Step>): Uint8Array<ArrayBuffer> {
  const plain = encodeRecord(linkRecords[step] as unknown as Field<LinkRecord<Step>>, fields);
  const padded = new Uint8Array(Math.ceil((plain.length + 1) / BUCKET_BYTES) * BUCKET_BYTES);
  padded.set(plain);
  padded[plain.length] = 0x80;
  plain.fill(0);
  return padded;
}

/**
 * Reads the padded bytes of a step. Byte fields are views of `padded`.
 *
 * @throws linkInvalid if they are anything else.
 */
export function decodeLinkRecord<Step extends LinkStep>(step: Step, padded: Uint8Array): LinkRecord<Step> {
  try {
    const end = padded.findLastIndex((byte) => byte !== 0);
    if (padded[end] !== 0x80) throw new SottoError("badFrame", { detail: "wrong padding" });
    return decodeRecord(linkRecords[step] as unknown as Field<LinkRecord<Step>>, padded.subarray(0, end));
  } catch (cause) {
    throw new SottoError("linkInvalid", { detail: `a ${step} that does not parse`, cause });
  }
}
