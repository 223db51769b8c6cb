/**
 * AES-256-GCM keys of attachments, by Node's own crypto on the main thread. WebCrypto would work beside it, and yet costs the
 * main thread more: it copies each chunk in and out of its threads, which takes longer than to seal it.
 */

import { createCipheriv, createDecipheriv, createSecretKey } from "node:crypto";
import type { ChunkKey } from "../core/ports.js";

const ALGORITHM = "aes-256-gcm";
const TAG_BYTES = 16;

/** Makes a key of 32 bytes; whoever made them may wipe them afterwards. */
export async function chunkKey(key: Uint8Array): Promise<ChunkKey> {
  const secret = createSecretKey(key);
  return {
    async seal(nonce, plaintext) {
      const cipher = createCipheriv(ALGORITHM, secret, nonce, { authTagLength: TAG_BYTES });
      const sealed = new Uint8Array(plaintext.length + TAG_BYTES);
      sealed.set(cipher.update(plaintext));
      cipher.final();
      sealed.set(cipher.getAuthTag(), plaintext.length);
      return sealed;
    },
    async open(nonce, sealed) {
      const split = sealed.length - TAG_BYTES;
      if (split < 0) return undefined;
      const decipher = createDecipheriv(ALGORITHM, secret, nonce, { authTagLength: TAG_BYTES });
      decipher.setAuthTag(sealed.subarray(split));
      const plaintext = decipher.update(sealed.subarray(0, split));
      try {
        decipher.final();
      } catch {
        // Only the tag can be wrong; nothing of the plaintext leaves.
        return undefined;
      }
      return new Uint8Array(plaintext.buffer, plaintext.byteOffset, plaintext.length);
    },
  };
}
