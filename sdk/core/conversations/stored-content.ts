/** Content bytes as they lie in the store. */

import { type Content, decodeContent, digest, SottoError } from "@sotto/protocol";

/** The hash a reply quotes and an index row keeps: SHA-256 of the canonical content bytes. */
export function contentHash(content: Uint8Array): Uint8Array {
  return digest(content);
}

/**
 * Reads content bytes that were checked before they were stored.
 *
 * @throws storeCorrupt if they do not parse.
 */
export function readStored(content: Uint8Array): Content {
  try {
    return decodeContent(content);
  } catch (cause) {
    throw new SottoError("storeCorrupt", { detail: "a stored content does not parse", cause });
  }
}
