/**
 * An invisible salamander: one AES-256-GCM ciphertext with one tag and one nonce that opens under two keys to two different texts.
 * GHASH is linear, so one free block of ciphertext is enough to make both tags agree (Dodis, Grubbs, Ristenpart, Woodage 2018).
 */

import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import { secretOf } from "./realm.js";

const NONCE = new Uint8Array(12);
const BLOCK = 16;

/** One way to open it. */
interface Face {
  readonly key: Uint8Array;
  readonly plaintext: Uint8Array;
  readonly digest: Uint8Array;
}

/** A ciphertext with two faces. */
export interface Salamander {
  readonly one: Face;
  readonly two: Face;
  /** @throws Error for any other key. */
  open(key: Uint8Array): Uint8Array;
  digestOf(plaintext: Uint8Array): Uint8Array;
}

/** The first block of the one face and the second of the other are these words; what is left is noise. */
export function salamander(first: string, second: string): Salamander {
  const [keyOne, keyTwo] = [secretOf("salamander one"), secretOf("salamander two")];
  const ciphertext = new Uint8Array(3 * BLOCK);
  ciphertext.set(xor(keystream(keyOne, 2), block(first)), 0);
  ciphertext.set(xor(keystream(keyTwo, 3), block(second)), BLOCK);
  // tag(key) = E(J0) ^ c0·H^4 ^ c1·H^3 ^ c2·H^2 ^ len·H, and both are to be the same: solve for c2.
  const fixed = [keyOne, keyTwo].map((key) => tagWithout(key, ciphertext));
  const squares = [keyOne, keyTwo].map((key) => power(hashKey(key), 2));
  const difference = (fixed[0] as bigint) ^ (fixed[1] as bigint);
  const last = multiply(difference, inverse((squares[0] as bigint) ^ (squares[1] as bigint)));
  ciphertext.set(toBytes(last), 2 * BLOCK);
  const tag = toBytes((fixed[0] as bigint) ^ multiply(last, squares[0] as bigint));
  const open = (key: Uint8Array): Uint8Array => {
    const cipher = createDecipheriv("aes-256-gcm", key, NONCE);
    cipher.setAuthTag(tag);
    return new Uint8Array(Buffer.concat([cipher.update(ciphertext), cipher.final()]));
  };
  const face = (key: Uint8Array): Face => ({ key, plaintext: open(key), digest: digestOf(open(key)) });
  return { one: face(keyOne), two: face(keyTwo), open, digestOf };
}

function digestOf(plaintext: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(plaintext).digest());
}

function block(words: string): Uint8Array {
  const bytes = new Uint8Array(BLOCK).fill(0x20);
  bytes.set(new TextEncoder().encode(words).subarray(0, BLOCK));
  return bytes;
}

function xor(one: Uint8Array, other: Uint8Array): Uint8Array {
  return one.map((byte, at) => byte ^ (other[at] as number));
}

function encryptBlock(key: Uint8Array, plain: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-256-ecb", key, null).setAutoPadding(false);
  return new Uint8Array(cipher.update(plain));
}

/** The counter block after the nonce; the first of the text is 2. */
function keystream(key: Uint8Array, counter: number): Uint8Array {
  const plain = new Uint8Array(BLOCK);
  plain[BLOCK - 1] = counter;
  return encryptBlock(key, plain);
}

function hashKey(key: Uint8Array): bigint {
  return toField(encryptBlock(key, new Uint8Array(BLOCK)));
}

/** The tag without the third block's share. */
function tagWithout(key: Uint8Array, ciphertext: Uint8Array): bigint {
  const h = hashKey(key);
  const lengths = new Uint8Array(BLOCK);
  new DataView(lengths.buffer).setUint32(12, ciphertext.length * 8);
  const [c0, c1] = [ciphertext.subarray(0, BLOCK), ciphertext.subarray(BLOCK, 2 * BLOCK)];
  return (
    toField(keystream(key, 1)) ^
    multiply(toField(c0), power(h, 4)) ^
    multiply(toField(c1), power(h, 3)) ^
    multiply(toField(lengths), h)
  );
}

/** GCM's field: bit 0 of the polynomial is the highest bit of the first byte (NIST SP 800-38D §6.3). */
const REDUCTION = 0xe1n << 120n;

function toField(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
}

function toBytes(value: bigint): Uint8Array {
  return new Uint8Array(Buffer.from(value.toString(16).padStart(2 * BLOCK, "0"), "hex"));
}

function multiply(one: bigint, other: bigint): bigint {
  let product = 0n;
  let shifted = other;
  for (let bit = 127n; bit >= 0n; bit--) {
    if ((one >> bit) & 1n) product ^= shifted;
    shifted = shifted & 1n ? (shifted >> 1n) ^ REDUCTION : shifted >> 1n;
  }
  return product;
}

function power(base: bigint, exponent: number): bigint {
  let result = base;
  for (let times = 1; times < exponent; times++) result = multiply(result, base);
  return result;
}

/** By Fermat: the element to the power of 2^128 - 2. */
function inverse(value: bigint): bigint {
  let result = 1n << 127n;
  let square = value;
  for (let bit = 1; bit < 128; bit++) {
    square = multiply(square, square);
    result = multiply(result, square);
  }
  return result;
}
