/** Vectors of attachments: sizes, nonces, keys, ids, whole blobs, and every way in which a blob can be wrong. */

import { createHash } from "node:crypto";
import {
  attachmentChunks,
  attachmentNonce,
  blobIdOf,
  deriveAttachmentKey,
  limits,
  paddedAttachmentSize,
  sealedAttachmentSize,
} from "@sotto/protocol";
import { hex } from "../../test/protocol/spelling.js";
import { goodBlob, plaintextOf } from "./attachment-blobs.js";
import { refusedBlobs } from "./attachment-refusals.js";

const counting = (length: number) => Uint8Array.from({ length }, (_, at) => at);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Sizes at and around every step of the rule. */
const SIZES = [
  ...[0, 1, 2, 4_095, 4_096, 4_097, 4_352, 4_353, 8_191, 8_192, 8_193, 8_704, 8_705],
  ...[65_519, 65_535, 65_536, 65_537, 69_632, 131_071, 131_072, 131_073, 200_000, 1_000_000, 1_048_576, 1_048_577],
  ...[4_194_304, 4_194_305, 10_000_000, 16_777_217, 100_000_000, 1_073_741_825, 2_147_483_648, 2_147_483_649],
  ...[3_000_000_000, 4_294_967_295, limits.attachmentBytes.value],
];
/** Sizes of the blobs that are there as a whole. The last has a chunk of nothing but padding. */
const BLOBS = [0, 1, 4_095, 4_096, 4_097, 65_535, 65_536, 65_537, 131_072, 131_073, 200_000, 4_194_305];
/** Blobs up to this size are printed. */
const PRINTED_BYTES = 4_112;

/** The good and the refused. */
export async function attachmentVectors() {
  return {
    sizes: SIZES.map((sizeBytes) => {
      const paddedBytes = paddedAttachmentSize(sizeBytes);
      const sealedBytes = sealedAttachmentSize(sizeBytes);
      return { sizeBytes, paddedBytes, chunks: attachmentChunks(paddedBytes), sealedBytes };
    }),
    nonces: [0, 1, 255, 256, 65_535, 65_536, 0xffff_ffff].flatMap((index) =>
      (["no", "yes"] as const).map((last) => ({ index, last, nonce: hex(attachmentNonce(index, last === "yes")) })),
    ),
    keys: [counting(32), new Uint8Array(32).fill(0xff)].map((key) => ({
      key: hex(key),
      derived: hex(deriveAttachmentKey(key)),
    })),
    blobIds: [counting(16), new Uint8Array(16).fill(0xff)].map((uploadId) => ({
      uploadId: hex(uploadId),
      blobId: hex(blobIdOf(uploadId)),
    })),
    accepted: await Promise.all(BLOBS.map(acceptedBlob)),
    refused: refusedBlobs(),
  };
}

async function acceptedBlob(sizeBytes: number) {
  const { key, blob, chunks } = await goodBlob(sizeBytes);
  const printed = blob.length <= PRINTED_BYTES ? { hex: hex(blob) } : {};
  return {
    name: `${sizeBytes} bytes`,
    sizeBytes,
    key: hex(key),
    digest: sha256(plaintextOf(sizeBytes)),
    sealedBytes: blob.length,
    sealedSha256: sha256(blob),
    chunks: chunks.map((chunk, index) => ({
      nonce: hex(attachmentNonce(index, index === chunks.length - 1)),
      sealedBytes: chunk.length,
      head: hex(chunk.subarray(0, 16)),
      tag: hex(chunk.subarray(-16)),
    })),
    ...printed,
  };
}
