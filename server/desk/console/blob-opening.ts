/** Opens an attachment that a reporter chose to show: chunk by chunk with the browser's own cipher, and only if it is the very file. */

import {
  ATTACHMENT_CHUNK_BYTES,
  ATTACHMENT_TAG_BYTES,
  attachmentChunks,
  attachmentNonce,
  deriveAttachmentKey,
  equalBytes,
  paddedAttachmentSize,
  sealedAttachmentSize,
  sealedChunkOffset,
} from "@sotto/protocol";
import type { BlobKey } from "./disclosed.js";

/** Above this a file is not opened here: it lies in memory as a whole. */
export const MAX_VIEWED_BYTES = 67_108_864;

/** What came of opening a blob. `differs`: it is not what the message said it was. */
export type OpenedBlob =
  | { readonly kind: "opened"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "refused"; readonly reason: "differs" | "tooLarge" };

/** Opens sealed bytes. `subtle` is WebCrypto's. */
export async function openBlob(
  sealed: Uint8Array<ArrayBuffer>,
  { key, digest, sizeBytes }: BlobKey,
  subtle: SubtleCrypto,
): Promise<OpenedBlob> {
  if (sizeBytes > MAX_VIEWED_BYTES) return { kind: "refused", reason: "tooLarge" };
  if (sealed.length !== sealedAttachmentSize(sizeBytes)) return { kind: "refused", reason: "differs" };
  const aes = await subtle.importKey("raw", deriveAttachmentKey(key), "AES-GCM", false, ["decrypt"]);
  const padded = new Uint8Array(paddedAttachmentSize(sizeBytes));
  const chunks = attachmentChunks(padded.length);
  for (let index = 0; index < chunks; index++) {
    const start = sealedChunkOffset(index);
    const chunk = sealed.subarray(start, start + ATTACHMENT_CHUNK_BYTES + ATTACHMENT_TAG_BYTES);
    const opened = await openChunk(subtle, aes, attachmentNonce(index, index === chunks - 1), chunk);
    if (opened === undefined) return { kind: "refused", reason: "differs" };
    padded.set(opened, index * ATTACHMENT_CHUNK_BYTES);
  }
  const bytes = padded.subarray(0, sizeBytes);
  const isPadded = padded.subarray(sizeBytes).every((byte) => byte === 0);
  if (!isPadded || !equalBytes(new Uint8Array(await subtle.digest("SHA-256", bytes)), digest))
    return { kind: "refused", reason: "differs" };
  return { kind: "opened", bytes };
}

async function openChunk(
  subtle: SubtleCrypto,
  key: CryptoKey,
  iv: Uint8Array<ArrayBuffer>,
  chunk: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await subtle.decrypt({ name: "AES-GCM", iv }, key, chunk));
  } catch {
    // WebCrypto rejects for a wrong tag.
    return undefined;
  }
}
