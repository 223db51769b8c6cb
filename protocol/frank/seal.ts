/**
 * Sealing to one key pair, for what waits in storage before it is opened: X-Wing (X25519 and ML-KEM-768) and AES-256-GCM,
 * padded, with an explicit commitment to the key, so that no sealed text opens as two different ones (PROTOCOL.md, Reports).
 *
 * Sealed is `kemct(1120) ‖ commit(32) ‖ AES-256-GCM(padded)`, under a key that is used once; the nonce is zero, and the associated
 * data are the context, the KEM's ciphertext and the commitment.
 */

import { gcm } from "@noble/ciphers/aes.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { ml_kem768_x25519 as xWing } from "@noble/post-quantum/hybrid.js";
import { equalBytes } from "../bytes.js";
import { labelled } from "../derive.js";
import { SottoError } from "../failures.js";

/** Bytes of a public key. */
export const SEAL_PUBLIC_KEY_BYTES = 1_216;
/** Bytes of a secret key, which is a seed. */
export const SEAL_SECRET_KEY_BYTES = 32;
const KEM_BYTES = 1_120;
const COMMIT_BYTES = 32;
const HEAD_BYTES = KEM_BYTES + COMMIT_BYTES;
const NONCE = new Uint8Array(12);
const FIRST_STEP_BYTES = 4_096;
const LAST_STEP_BYTES = 65_536;
const encoder = new TextEncoder();

/** A key pair to seal to. */
export interface SealKeys {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

/** The pair of a 32-byte random or derived seed. */
export function sealKeysOf(seed: Uint8Array): SealKeys {
  if (seed.length !== SEAL_SECRET_KEY_BYTES) throw new SottoError("invalidArgument", { detail: "a seed has 32 bytes" });
  const { publicKey, secretKey } = xWing.keygen(seed);
  return { publicKey, secretKey };
}

/**
 * Seals to a public key. `context` says what it is and for whom: it opens in no other.
 *
 * @throws invalidArgument for a key that is none.
 */
export function seal(publicKey: Uint8Array, context: Uint8Array, plaintext: Uint8Array): Uint8Array<ArrayBuffer> {
  if (publicKey.length !== SEAL_PUBLIC_KEY_BYTES)
    throw new SottoError("invalidArgument", { detail: `a key to seal to has ${SEAL_PUBLIC_KEY_BYTES} bytes` });
  const { cipherText, sharedSecret } = xWing.encapsulate(publicKey);
  const { key, commit } = keysOf(sharedSecret, cipherText, context);
  const ciphertext = gcm(key, NONCE, labelled("frank1/seal", context, cipherText, commit)).encrypt(pad(plaintext));
  const sealed = new Uint8Array(HEAD_BYTES + ciphertext.length);
  sealed.set(cipherText);
  sealed.set(commit, KEM_BYTES);
  sealed.set(ciphertext, HEAD_BYTES);
  return sealed;
}

/** Opens what was sealed; `undefined` if it was sealed to another key or for another context, or is not what was sealed. */
export function unseal(secretKey: Uint8Array, context: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  if (sealed.length <= HEAD_BYTES) return undefined;
  const cipherText = sealed.subarray(0, KEM_BYTES);
  try {
    const { key, commit } = keysOf(xWing.decapsulate(cipherText, secretKey), cipherText, context);
    if (!equalBytes(commit, sealed.subarray(KEM_BYTES, HEAD_BYTES))) return undefined;
    const associated = labelled("frank1/seal", context, cipherText, commit);
    return unpad(gcm(key, NONCE, associated).decrypt(sealed.subarray(HEAD_BYTES)));
  } catch {
    // Noble throws for a wrong tag, and for a ciphertext or a key of the wrong form.
    return undefined;
  }
}

/** The size a plaintext of this many bytes is padded to, its end mark included: 4 KiB doubled up to 64 KiB, then steps of 64 KiB. */
export function sealedPlaintextSize(sizeBytes: number): number {
  const needed = sizeBytes + 1;
  if (needed > LAST_STEP_BYTES) return Math.ceil(needed / LAST_STEP_BYTES) * LAST_STEP_BYTES;
  let size = FIRST_STEP_BYTES;
  while (size < needed) size *= 2;
  return size;
}

function keysOf(sharedSecret: Uint8Array, cipherText: Uint8Array, context: Uint8Array) {
  const root = hmac(sha256, sharedSecret, labelled("frank1/report", cipherText, context));
  const derived = (purpose: string) => hmac(sha256, root, encoder.encode(purpose));
  return { key: derived("frank1/seal/key"), commit: derived("frank1/seal/commit") };
}

function pad(plaintext: Uint8Array): Uint8Array {
  const padded = new Uint8Array(sealedPlaintextSize(plaintext.length));
  padded.set(plaintext);
  padded[plaintext.length] = 0x80;
  return padded;
}

function unpad(padded: Uint8Array): Uint8Array | undefined {
  const end = padded.findLastIndex((byte) => byte !== 0);
  if (end < 0 || padded[end] !== 0x80 || padded.length !== sealedPlaintextSize(end)) return undefined;
  return padded.subarray(0, end);
}
