/** Ed25519 signatures off the straight path: with torsion in R, or under a key with torsion. ZIP-215 takes them; strict libraries do not. */

import { createHash } from "node:crypto";
import { ED25519_TORSION_SUBGROUP, ed25519 } from "@noble/curves/ed25519.js";
import { secretOf } from "./realm.js";
import type { Signer } from "./signatures.js";

const { Point } = ed25519;
const { Fn } = Point;

/** The eight points of small order, as keys. */
export const smallOrderKeys: readonly Uint8Array[] = ED25519_TORSION_SUBGROUP.map(
  (hex) => new Uint8Array(Buffer.from(hex, "hex")),
);

/** Spellings of small-order points that are not canonical: y is not below 2^255 - 19, or x is zero with a sign. */
export const uncanonicalKeys: readonly Uint8Array[] = [
  // y = p, p + 1, and these with the sign bit.
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  // y = 1 and y = -1, x = 0 with the sign bit.
  "0100000000000000000000000000000000000000000000000000000000000080",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
].map((hex) => new Uint8Array(Buffer.from(hex, "hex")));

/** What is added to the honest value, by its place among the points of small order; 0 adds nothing. */
export interface Crookedness {
  readonly keyTorsion?: number;
  readonly nonceTorsion?: number;
}

/** Signs by RFC 8032's equation, but with torsion added to the key or to R. */
export function crookedSigner(name: string, { keyTorsion = 0, nonceTorsion = 0 }: Crookedness): Signer {
  const secret = Fn.create(littleEndian(secretOf(`crooked ${name}`)));
  const key = Point.BASE.multiply(secret).add(torsion(keyTorsion));
  const publicKey = key.toBytes();
  return {
    publicKey,
    sign(message) {
      const nonce = Fn.create(littleEndian(sha512(secretOf(`nonce ${name}`), message)));
      const commitment = Point.BASE.multiply(nonce).add(torsion(nonceTorsion)).toBytes();
      const challenge = Fn.create(littleEndian(sha512(commitment, publicKey, message)));
      const response = Fn.create(nonce + challenge * secret);
      return Uint8Array.of(...commitment, ...bytesOf(response));
    },
  };
}

/** A signature that holds for every message under a small-order key, in libraries that take such keys. */
export const emptySignature: Uint8Array = Uint8Array.of(1, ...new Uint8Array(63));

function torsion(index: number) {
  return Point.fromHex(ED25519_TORSION_SUBGROUP[index] ?? "", true);
}

function sha512(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha512");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
}

function bytesOf(scalar: bigint): Uint8Array {
  return new Uint8Array(Buffer.from(scalar.toString(16).padStart(64, "0"), "hex").reverse());
}
