/** Downloads attachments: verified chunks in order, from a relay that is trusted with nothing. */

import { attachmentNonce, type BlobReference, deriveAttachmentKey, SottoError, toHex } from "@sotto/protocol";
import type { AbortSignalLike, ChunkKey, Hashing, Log } from "../ports.js";
import { ChunkBuffers, type ChunkParts, type SealedChunk, sealedChunks } from "./download-chunks.js";
import { openAhead } from "./open-ahead.js";
import { type ByteRange, type DownloadPlan, planDownload } from "./ranges.js";
import { corrupt, Verifying } from "./verify.js";

/** What downloading works with. */
export interface DownloadParts extends ChunkParts {
  /** Where the relay's HTTP paths begin: `https://host/v1`. */
  readonly address: string;
  /** Takes the 32 bytes of `deriveAttachmentKey`. */
  readonly chunkKey: (key: Uint8Array) => Promise<ChunkKey>;
  readonly sha256: () => Hashing;
  readonly log: Log;
}

/** How far a download is: bytes that were verified and given out, of those that were asked for. */
export interface DownloadProgress {
  readonly receivedBytes: number;
  readonly totalBytes: number;
}

/** How an attachment is downloaded. */
export interface DownloadOptions {
  /** Only these bytes; nothing else is asked of the relay but the rest of the chunks they lie in. */
  readonly range?: ByteRange | undefined;
  /** Called before each piece is given out. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Ends the download and frees its connection; so does leaving the loop. */
  readonly signal?: AbortSignalLike | undefined;
}

/**
 * The bytes of an attachment, in pieces of at most 64 KiB, in order, the first as soon as it came. Iterate it once. The relay
 * is asked when the first piece is, and read on only as fast as pieces are taken, a few ahead.
 *
 * Every piece was sealed under this attachment's key for this very place, before it is given out; who holds the key is its
 * sender, and everybody who was sent it. Without a range the pieces are, besides, exactly what the sender had: the last of
 * them is given out only if the SHA-256 of all bytes is the one in the message, and the loop ends without an error only if
 * nothing is missing, the padding is zero and nothing stands behind it. Of a range no more is known than of its pieces, so
 * that one of those whom it was sent to could, with the relay's help, have put others there.
 *
 * What was given out before an error stays as good as that. A lost line is taken up again from the next piece.
 *
 * @throws invalidArgument at once, for a reference or range that cannot be; later attachmentGone, attachmentCorrupt, offline
 *   after two minutes without progress, tooManyRequests with `retryAfterMs`, badRelay, aborted.
 */
export function downloadAttachment(
  parts: DownloadParts,
  reference: BlobReference,
  options: DownloadOptions = {},
): AsyncGenerator<Uint8Array, void> {
  const { id, key, digest, sizeBytes } = reference;
  if (id.length !== 16 || key.length !== 32 || digest.length !== 32)
    throw new SottoError("invalidArgument", {
      detail: "an attachment has an id of 16 bytes, a key and a digest of 32",
    });
  return verifiedPieces(parts, { reference, plan: planDownload(sizeBytes, options.range), options });
}

interface Download {
  readonly reference: BlobReference;
  readonly plan: DownloadPlan;
  readonly options: DownloadOptions;
}

async function* verifiedPieces(
  parts: DownloadParts,
  { reference, plan, options: { onProgress, signal } }: Download,
): AsyncGenerator<Uint8Array, void> {
  const url = `${parts.address}/blobs/${toHex(reference.id)}`;
  const derived = deriveAttachmentKey(reference.key);
  const key = await parts.chunkKey(derived);
  derived.fill(0);
  const verifying = new Verifying(plan, reference.digest, plan.kind === "whole" ? parts.sha256() : undefined);
  const totalBytes = plan.end - plan.start;
  let receivedBytes = 0;
  const buffers = new ChunkBuffers();
  const opened = openAhead({
    sealed: (cancelled) => sealedChunks(parts, { url, plan, buffers, signal: cancelled }),
    async open(chunk: SealedChunk) {
      const one = await openChunk(key, chunk, plan);
      buffers.give(chunk.bytes);
      return one;
    },
    signal,
  });
  for await (const { index, plaintext } of opened) {
    const piece = verifying.take(index, plaintext);
    if (piece.length === 0) continue;
    receivedBytes += piece.length;
    tell(parts.log, onProgress, { receivedBytes, totalBytes });
    yield piece;
  }
}

/** An app's bug in its progress bar is no reason to download once more. */
function tell(log: Log, onProgress: DownloadOptions["onProgress"], progress: DownloadProgress): void {
  try {
    onProgress?.(progress);
  } catch {
    log("error", "listener failed", { type: "onProgress" });
  }
}

async function openChunk(key: ChunkKey, { index, bytes }: SealedChunk, { chunks }: DownloadPlan) {
  const plaintext = await key.open(attachmentNonce(index, index === chunks - 1), bytes);
  if (plaintext === undefined) throw corrupt(`chunk ${index} does not open`);
  return { index, plaintext };
}
