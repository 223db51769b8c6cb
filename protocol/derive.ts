/** What both sides derive from keys and ids, each with its own label so that no value serves two purposes. */

import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { FirstContactPolicy } from "./frames.js";
import { type AccountId, accountIdToBytes, type ConversationId, type DeviceId, toHex } from "./ids.js";

const encoder = new TextEncoder();

/** Labels are few and come again with every message; what is beyond is encoded anew. */
const MAX_LABELS = 256;
const labels = new Map<string, Uint8Array>();

function encodedLabel(label: string): Uint8Array {
  const held = labels.get(label);
  if (held !== undefined) return held;
  const encoded = encoder.encode(label);
  if (labels.size < MAX_LABELS) labels.set(label, encoded);
  return encoded;
}

/** `u8 length ‖ label ‖ (u32be length ‖ bytes)*`: injective, so that no two lists of fields spell the same bytes. */
export function labelled(label: string, ...fields: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const name = encodedLabel(label);
  let size = 1 + name.length;
  for (const field of fields) size += 4 + field.length;
  const out = new Uint8Array(size);
  out[0] = name.length;
  out.set(name, 1);
  let at = 1 + name.length;
  for (const field of fields) {
    const { length } = field;
    // By hand, for a view of each text would be a fifth of the time that this takes.
    out[at] = length >>> 24;
    out[at + 1] = length >>> 16;
    out[at + 2] = length >>> 8;
    out[at + 3] = length;
    out.set(field, at + 4);
    at += 4 + length;
  }
  return out;
}

/** SHA-256 of a text: 32 bytes. */
export type Sha256 = (text: Uint8Array) => Uint8Array<ArrayBuffer>;

let hashOf: Sha256 = (text) => sha256(text) as Uint8Array<ArrayBuffer>;

/** Puts a platform's own SHA-256 in the place of the portable one, as `useHmac` does. */
export function useSha256(platforms: Sha256): void {
  hashOf = platforms;
}

/** SHA-256 of a byte string. */
export function digest(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return hashOf(bytes);
}

/** The fingerprint an app pins: `sha256:` and the hex digits of the SHA-256 of the relay's root public key. */
export function rootFingerprint(root: Uint8Array): string {
  return `sha256:${toHex(digest(root))}`;
}

/** The id of the one conversation between two accounts, the same from both sides. */
export function directConversationId(one: AccountId, other: AccountId): ConversationId {
  const [first, second] = [one, other].sort() as [AccountId, AccountId];
  const hash = digest(labelled("sotto/dm/1", accountIdToBytes(first), accountIdToBytes(second)));
  return toHex(hash.subarray(0, 16)) as ConversationId;
}

/** The 16-byte delivery key that a 32-byte profile key yields. */
export function deriveDeliveryKey(profileKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return hkdf(sha256, profileKey, undefined, encoder.encode("sotto/delivery-key/1"), 16) as Uint8Array<ArrayBuffer>;
}

const DELIVERY_KEY_BYTES = 16;
const DELIVERY_KEY_LABEL = "sotto/delivery-key-hash/1";
/** What is hashed of a delivery key, up to the key itself: the relay checks one for every send. */
const beforeDeliveryKey = labelled(DELIVERY_KEY_LABEL, new Uint8Array(DELIVERY_KEY_BYTES)).slice(
  0,
  -DELIVERY_KEY_BYTES,
);

/** What the relay keeps of a delivery key: enough to check it, useless to send with. */
export function hashDeliveryKey(deliveryKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return digest(deliveryKeyText(deliveryKey));
}

/** What is hashed of a delivery key, for who has a faster SHA-256. */
export function deliveryKeyText(deliveryKey: Uint8Array): Uint8Array<ArrayBuffer> {
  if (deliveryKey.length !== DELIVERY_KEY_BYTES) return labelled(DELIVERY_KEY_LABEL, deliveryKey);
  const text = new Uint8Array(beforeDeliveryKey.length + DELIVERY_KEY_BYTES);
  text.set(beforeDeliveryKey);
  text.set(deliveryKey, beforeDeliveryKey.length);
  return text;
}

/** What a device signs to authenticate: the relay's nonce and root, so that no other relay can use the answer. */
export function authenticationText(
  { nonce, root }: { readonly nonce: Uint8Array; readonly root: Uint8Array },
  account: AccountId,
  device: DeviceId,
): Uint8Array<ArrayBuffer> {
  return labelled("sotto/authenticate/1", nonce, root, accountIdToBytes(account), Uint8Array.of(device));
}

/** What the desk signs to authenticate. */
export function deskText({
  nonce,
  root,
}: {
  readonly nonce: Uint8Array;
  readonly root: Uint8Array;
}): Uint8Array<ArrayBuffer> {
  return labelled("sotto/desk/1", nonce, root);
}

/** What a registering device signs, with its identity key and with its authentication key. */
export function registrationText(
  { nonce, root }: { readonly nonce: Uint8Array; readonly root: Uint8Array },
  keys: {
    readonly mode: "first" | "add" | "reset";
    readonly identityKey: Uint8Array;
    readonly authenticationKey: Uint8Array;
    readonly registrationId: number;
    readonly deliveryKeyHash: Uint8Array;
    readonly replaces?: DeviceId | undefined;
  },
): Uint8Array<ArrayBuffer> {
  return labelled(
    "sotto/register/1",
    nonce,
    root,
    encoder.encode(keys.mode),
    keys.identityKey,
    keys.authenticationKey,
    Uint8Array.of(keys.registrationId >> 8, keys.registrationId & 0xff),
    keys.deliveryKeyHash,
    Uint8Array.of(keys.replaces ?? 0),
  );
}

/** What the relay keeps of the token a device leaves behind with `park`. */
export function hashResumeToken(token: Uint8Array): Uint8Array<ArrayBuffer> {
  return digest(labelled("sotto/resume/1", token));
}

/** The hash of an account's access settings, by which a device finds out whether the relay holds what it set. */
export function accessDigest(access: {
  readonly deliveryKeyHash: Uint8Array;
  readonly firstContact: FirstContactPolicy;
  readonly blocked: readonly AccountId[];
}): Uint8Array<ArrayBuffer> {
  const blocked = [...access.blocked].sort().map(accountIdToBytes);
  return digest(labelled("sotto/access/1", access.deliveryKeyHash, encoder.encode(access.firstContact), ...blocked));
}

/** One published key of a device, as the digest sees it. */
interface DigestedKey {
  readonly id: number;
  readonly key: Uint8Array;
}

/** The hash of a device's long-lived published keys; relay and device compare it at every start (drift check). */
export function keyDigest(keys: {
  readonly identityKey: Uint8Array;
  readonly registrationId: number;
  readonly signedPrekey: DigestedKey;
  readonly lastResortPrekey: DigestedKey;
}): Uint8Array<ArrayBuffer> {
  const id = (value: number) => Uint8Array.of(value >> 16, (value >> 8) & 0xff, value & 0xff);
  return digest(
    labelled(
      "sotto/key-digest/1",
      keys.identityKey,
      id(keys.registrationId),
      id(keys.signedPrekey.id),
      keys.signedPrekey.key,
      id(keys.lastResortPrekey.id),
      keys.lastResortPrekey.key,
    ),
  );
}
