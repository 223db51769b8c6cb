/**
 * How an attachment becomes the blob that the relay keeps: padded, cut into chunks, each sealed with AES-256-GCM. Sizes,
 * nonces and the key; the cipher itself is the platform's. Written down in PROTOCOL.md, attachments.
 *
 * plaintext ‖ zeros up to `paddedAttachmentSize`, in chunks of 65,536 bytes of which the last may be shorter and none is
 * empty. Each chunk is sealed by itself, without associated data, under the derived key and a nonce of its number and a
 * mark that only the last chunk has, so that none can be left out, doubled, moved or put behind the end.
 */

import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { digest, labelled } from "../derive.js";
import { limits } from "../limits.js";

/** Plaintext bytes of every chunk but the last. */
export const ATTACHMENT_CHUNK_BYTES = 65_536;
/** Bytes of the tag behind each sealed chunk. */
export const ATTACHMENT_TAG_BYTES = 16;
/** Nothing is padded to less. */
export const MIN_PADDED_ATTACHMENT_BYTES = 4_096;

const SEALED_CHUNK_BYTES = ATTACHMENT_CHUNK_BYTES + ATTACHMENT_TAG_BYTES;
const encoder = new TextEncoder();

/**
 * The size a plaintext is padded to: Padmé (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and
 * Communication with PURBs", PETS 2019, §4), at least 4,096. Adds at most 12 %, and less the larger the file is.
 *
 * @throws RangeError if the size is no integer from 0 to `limits.attachmentBytes`.
 */
export function paddedAttachmentSize(sizeBytes: number): number {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0 || sizeBytes > limits.attachmentBytes.value)
    throw new RangeError(`an attachment has 0 to ${limits.attachmentBytes.value} bytes`);
  if (sizeBytes <= MIN_PADDED_ATTACHMENT_BYTES) return MIN_PADDED_ATTACHMENT_BYTES;
  const exponent = floorLog2(sizeBytes);
  const step = 2 ** (exponent - (floorLog2(exponent) + 1));
  return Math.ceil(sizeBytes / step) * step;
}

/** Bytes of the blob that the relay keeps of a plaintext of this size. Same errors as `paddedAttachmentSize`. */
export function sealedAttachmentSize(sizeBytes: number): number {
  const padded = paddedAttachmentSize(sizeBytes);
  return padded + attachmentChunks(padded) * ATTACHMENT_TAG_BYTES;
}

/** How many chunks a padded plaintext has. */
export function attachmentChunks(paddedBytes: number): number {
  return Math.ceil(paddedBytes / ATTACHMENT_CHUNK_BYTES);
}

/** Where a sealed chunk begins in its blob. */
export function sealedChunkOffset(index: number): number {
  return index * SEALED_CHUNK_BYTES;
}

/** The 12-byte nonce of a chunk: seven zero bytes, its number from 0 (u32), and 1 for the last, else 0. */
export function attachmentNonce(index: number, isLast: boolean): Uint8Array<ArrayBuffer> {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setUint32(7, index);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

/** The AES-256 key that the 32 bytes in a content yield. Every blob has fresh ones: that keeps the nonces unique. */
export function deriveAttachmentKey(key: Uint8Array): Uint8Array<ArrayBuffer> {
  return hkdf(sha256, key, undefined, encoder.encode("sotto/attachment/1"), 32) as Uint8Array<ArrayBuffer>;
}

/**
 * The 16-byte id under which everybody who was told it downloads a blob, from the 16-byte id of its upload. Who holds the
 * latter may write and delete, and it cannot be had from the former.
 */
export function blobIdOf(uploadId: Uint8Array): Uint8Array<ArrayBuffer> {
  return digest(labelled("sotto/blob/1", uploadId)).slice(0, 16);
}

/** Exact for every safe integer, which a logarithm in floating point is not. */
function floorLog2(value: number): number {
  let exponent = 0;
  while (2 ** (exponent + 1) <= value) exponent += 1;
  return exponent;
}
