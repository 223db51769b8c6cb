/** The two keyed functions that frank/1 is made of, and how numbers are spelled in them (PROTOCOL.md, Franking). */

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { digest, labelled } from "../derive.js";
import { SottoError } from "../failures.js";

const encoder = new TextEncoder();
const purposes = {
  m: encoder.encode("frank1/kdf/m"),
  o: encoder.encode("frank1/kdf/o"),
  r: encoder.encode("frank1/kdf/r"),
  t: encoder.encode("frank1/kdf/t"),
} as const;

/** HMAC-SHA-256 of a text: 32 bytes. */
export type HmacSha256 = (key: Uint8Array, text: Uint8Array) => Uint8Array<ArrayBuffer>;

let hmacSha256: HmacSha256 = (key, text) => hmac(sha256, key, text) as Uint8Array<ArrayBuffer>;

/**
 * Puts a platform's own HMAC-SHA-256 in the place of the portable one: the same bytes, in Node in half the time, and a frank is nine
 * of them. For whoever puts a platform together, once, before anything else.
 */
export function useHmac(platforms: HmacSha256): void {
  hmacSha256 = platforms;
}

/** Bytes of every MAC key: HMAC pads shorter ones with zeros, and two keys would then commit to the same. */
const MAC_KEY_BYTES = 32;

/**
 * HMAC-SHA-256 over `labelled(label, …fields)`: 32 bytes.
 *
 * @throws invalidArgument for a key that has not exactly 32 bytes.
 */
export function mac(key: Uint8Array, label: string, ...fields: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  if (key.length !== MAC_KEY_BYTES) throw new SottoError("invalidArgument", { detail: "a MAC key has 32 bytes" });
  return hmacSha256(key, labelled(label, ...fields));
}

/** A key derived from a message's secret, by its purpose. */
export function deriveFrankKey(secret: Uint8Array, purpose: keyof typeof purposes): Uint8Array<ArrayBuffer> {
  return hmacSha256(secret, purposes[purpose]);
}

/** SHA-256 over `labelled(label, …fields)`: 32 bytes. */
export function hash(label: string, ...fields: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return digest(labelled(label, ...fields));
}

/** Four bytes, big-endian. */
export function u32(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** Eight bytes, big-endian, of a safe integer. */
export function u64(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}
