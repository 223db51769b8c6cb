/**
 * AES-256-GCM keys of attachments, on the main thread. WebCrypto would work beside it, and yet costs the main thread more: it
 * copies each chunk in and out of its threads, which takes longer than to seal it.
 */

import { createSecretKey } from "node:crypto";
import type { ChunkKey } from "../core/ports.js";
import { open, seal } from "./aes-gcm.js";

const NOTHING = new Uint8Array(0);

/** Makes a key of 32 bytes; whoever made them may wipe them afterwards. */
export async function chunkKey(key: Uint8Array): Promise<ChunkKey> {
  const secret = createSecretKey(key);
  return {
    seal: async (nonce, plaintext) => seal(secret, nonce, plaintext, NOTHING),
    open: async (nonce, sealed) => open(secret, nonce, sealed, NOTHING),
  };
}
