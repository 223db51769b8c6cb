/** AES-256-GCM by Node's own crypto. */

import { createCipheriv, createDecipheriv } from "node:crypto";
import type { Cipher } from "../core/ports.js";

const ALGORITHM = "aes-256-gcm";
const TAG_BYTES = 16;

/** The cipher of stored rows: 12-byte nonce, the 16-byte tag behind the ciphertext. */
export const aesGcm: Cipher = {
  seal(key, nonce, plaintext, associated) {
    const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(associated);
    const out = new Uint8Array(plaintext.length + TAG_BYTES);
    out.set(cipher.update(plaintext));
    cipher.final();
    out.set(cipher.getAuthTag(), plaintext.length);
    return out;
  },

  open(key, nonce, ciphertext, associated) {
    if (ciphertext.length < TAG_BYTES) return undefined;
    const split = ciphertext.length - TAG_BYTES;
    const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(associated);
    decipher.setAuthTag(ciphertext.subarray(split));
    const plaintext = new Uint8Array(decipher.update(ciphertext.subarray(0, split)));
    try {
      decipher.final();
      return plaintext;
    } catch {
      return undefined;
    }
  },
};
