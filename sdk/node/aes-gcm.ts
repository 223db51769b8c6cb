/** AES-256-GCM by Node's own crypto: 12-byte nonces, the 16-byte tag behind the ciphertext. */

import { type CipherKey, createCipheriv, createDecipheriv } from "node:crypto";
import type { Cipher } from "../core/ports.js";

const ALGORITHM = "aes-256-gcm";
const TAG_BYTES = 16;

/** Seals under a key of 32 bytes, as bytes or made ready. */
export function seal(key: CipherKey, nonce: Uint8Array, plaintext: Uint8Array, associated: Uint8Array): Uint8Array {
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(associated);
  const sealed = new Uint8Array(plaintext.length + TAG_BYTES);
  sealed.set(cipher.update(plaintext));
  cipher.final();
  sealed.set(cipher.getAuthTag(), plaintext.length);
  return sealed;
}

/** Opens what `seal` made; `undefined` if the tag does not fit. */
export function open(
  key: CipherKey,
  nonce: Uint8Array,
  sealed: Uint8Array,
  associated: Uint8Array,
): Uint8Array | undefined {
  const split = sealed.length - TAG_BYTES;
  if (split < 0) return undefined;
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(associated);
  decipher.setAuthTag(sealed.subarray(split));
  const plaintext = decipher.update(sealed.subarray(0, split));
  try {
    decipher.final();
  } catch {
    // Only the tag can be wrong; nothing of the plaintext leaves.
    return undefined;
  }
  return new Uint8Array(plaintext.buffer, plaintext.byteOffset, plaintext.length);
}

/** The cipher of stored rows. */
export const aesGcm: Cipher = { seal, open };
