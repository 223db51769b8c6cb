/** Which chunks of a blob a download needs, and where in it they lie. */

import {
  ATTACHMENT_CHUNK_BYTES,
  ATTACHMENT_TAG_BYTES,
  attachmentChunks,
  limits,
  paddedAttachmentSize,
  SottoError,
  sealedChunkOffset,
} from "@sotto/protocol";

/** Bytes of an attachment as its sender had it: from `start` to before `end`, or to its end. */
export interface ByteRange {
  readonly start: number;
  readonly end?: number | undefined;
}

/** What a download asks for and gives out. A `whole` one reads to the end of the blob, behind the padding. */
export interface DownloadPlan {
  readonly kind: "whole" | "part";
  readonly sizeBytes: number;
  readonly start: number;
  readonly end: number;
  /** The first chunk that is needed, and the one behind the last. */
  readonly firstChunk: number;
  readonly endChunk: number;
  /** Chunks of the blob. */
  readonly chunks: number;
}

/**
 * Plans a download. Without a range, and with one that covers everything, it is whole.
 *
 * @throws invalidArgument for a size no attachment has, or a range that does not lie within it.
 */
export function planDownload(sizeBytes: number, { start, end = sizeBytes }: ByteRange = { start: 0 }): DownloadPlan {
  const { value: most } = limits.attachmentBytes;
  if (!isOffset(sizeBytes, most)) throw wrong(`an attachment has 0 to ${most} bytes`);
  if (!isOffset(end, sizeBytes) || !isOffset(start, end))
    throw wrong(`a range has whole numbers with 0 <= start <= end <= ${sizeBytes}`);
  const chunks = attachmentChunks(paddedAttachmentSize(sizeBytes));
  const given = { sizeBytes, start, end, chunks };
  if (start === 0 && end === sizeBytes) return { ...given, kind: "whole", firstChunk: 0, endChunk: chunks };
  const firstChunk = Math.floor(start / ATTACHMENT_CHUNK_BYTES);
  const endChunk = start === end ? firstChunk : attachmentChunks(end);
  return { ...given, kind: "part", firstChunk, endChunk };
}

/** Bytes of a sealed chunk: all are alike but the last. */
export function sealedChunkBytes({ sizeBytes, chunks }: DownloadPlan, index: number): number {
  if (index < chunks - 1) return ATTACHMENT_CHUNK_BYTES + ATTACHMENT_TAG_BYTES;
  return paddedAttachmentSize(sizeBytes) - index * ATTACHMENT_CHUNK_BYTES + ATTACHMENT_TAG_BYTES;
}

/**
 * The `Range` header that asks for a plan's chunks from one on; `undefined` where everything is asked for. What reaches to
 * the blob's end is left open there, so that bytes behind it come to light.
 */
export function rangeHeader(plan: DownloadPlan, fromChunk: number): string | undefined {
  const from = sealedChunkOffset(fromChunk);
  if (plan.endChunk === plan.chunks) return from === 0 ? undefined : `bytes=${from}-`;
  return `bytes=${from}-${sealedChunkOffset(plan.endChunk) - 1}`;
}

function isOffset(value: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= most;
}

function wrong(detail: string): SottoError {
  return new SottoError("invalidArgument", { detail });
}
