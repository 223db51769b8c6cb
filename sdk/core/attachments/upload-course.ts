/** How an upload sets out: with a fresh key, or with what an earlier call wrote down, once its source is seen to be the same. */

import { deriveAttachmentKey, equalBytes, sealedAttachmentSize, sealedChunkOffset } from "@sotto/protocol";
import type { AbortSignalLike, ChunkKey, Clock, Hashing, Random, ReadableSource } from "../ports.js";
import type { Row } from "../rows.js";
import type { Patience } from "./patience.js";
import type { PendingUploads, Place } from "./pending.js";
import { chunkAt, PartSealer } from "./seal.js";
import { SourceChunks } from "./source-chunks.js";
import type { Tus } from "./tus.js";
import type { UploadLeave } from "./upload-leave.js";
import { resumption } from "./upload-verdict.js";

/** How long a relay keeps an upload that does not say so, and the longest time it is believed to keep one. */
const KEPT_MS = 86_400_000;
const MAX_KEPT_MS = 30 * KEPT_MS;

/** What uploading works with. */
export interface UploadParts {
  readonly tus: Tus;
  readonly leave: UploadLeave;
  readonly pending: PendingUploads;
  readonly clock: Clock;
  readonly random: Random;
  readonly chunkKey: (key: Uint8Array) => Promise<ChunkKey>;
  readonly sha256: () => Hashing;
  /** Chunks that a part has at most now. */
  readonly mostPartChunks: () => number;
  /** Deletes an upload at the relay, sooner or later, or never: it is of no use there any more, and expires. */
  readonly abandon: (uploadId: Uint8Array) => void;
}

/** One blob to upload. No other upload of the same place runs meanwhile. */
export interface UploadJob {
  readonly place: Place;
  readonly source: ReadableSource;
  /** By what it is known again in a later run, blinded; none if it cannot be. */
  readonly identity: string | undefined;
  readonly name: string | undefined;
  readonly signal: AbortSignalLike;
  /** Bytes of the plaintext that are durable at the relay. Does not throw. */
  readonly sent: (bytes: number) => void;
}

/** An upload between two parts. Whoever has it closes `chunks`. */
export interface Course {
  row: Row<"upload">;
  readonly chunks: SourceChunks;
  readonly sealer: PartSealer;
  /** Bytes of the blob that are durable at the relay. */
  offset: number;
  /** When the relay lets go of the blob, as it said last. */
  expiresMs: number | undefined;
}

/** Begins with a fresh key. Nothing is written down yet. @throws what `UploadLeave.obtain` throws. */
export async function setOut(parts: UploadParts, job: UploadJob, patience: Patience): Promise<Course> {
  const { clock, random, leave, sha256 } = parts;
  const { source, identity, name, signal } = job;
  const key = random.bytes(32);
  const { uploadId, expiresMs } = await leave.obtain(sealedAttachmentSize(source.sizeBytes), patience, signal);
  patience.progressed();
  const startedMs = clock.now();
  const row: Row<"upload"> = {
    ...{ uploadId, key, identity, name, startedMs },
    sizeBytes: source.sizeBytes,
    expiresMs: Math.min(expiresMs ?? startedMs + KEPT_MS, startedMs + MAX_KEPT_MS),
    durable: 0,
    mark: { chunks: 0, digest: sha256().digest() },
  };
  const chunkKey = await parts.chunkKey(deriveAttachmentKey(key));
  const chunks = new SourceChunks({ source, hashing: sha256(), signal });
  return { row, chunks, sealer: new PartSealer(chunkKey, chunks, source.sizeBytes), offset: 0, expiresMs };
}

/**
 * Goes on with an earlier upload; `undefined` if that cannot be, because of the source or of the relay.
 *
 * What is behind the relay's offset and was sealed before is sealed again from the very bytes that are compared here: had the
 * source changed, another plaintext would meet a nonce that was used.
 *
 * @throws sourceUnreadable; what patience throws; aborted.
 */
export async function goOn(
  parts: UploadParts,
  job: UploadJob,
  patience: Patience,
  row: Row<"upload">,
): Promise<Course | undefined> {
  const { source, identity, signal } = job;
  if (identity === undefined || row.identity !== identity || row.sizeBytes !== source.sizeBytes) return undefined;
  const found = await look(parts, job, patience, row);
  if (found === undefined) return undefined;
  const { mark, durable } = row;
  const sealed = Math.min(sealedChunkOffset(mark.chunks), sealedAttachmentSize(row.sizeBytes));
  const onward = resumption(found.offset, { durable, sealed, sealedChunks: mark.chunks }, chunkAt);
  if (onward.kind === "afresh") return undefined;
  const chunks = new SourceChunks({ source, hashing: parts.sha256(), signal });
  try {
    await chunks.skipTo(onward.chunk);
    const held: Uint8Array[] = [];
    // Copies: a source may fill the memory that it handed out anew, and what is sealed is what was compared.
    while (chunks.position < mark.chunks) held.push((await chunks.next())?.slice() ?? new Uint8Array(0));
    if (equalBytes(chunks.soFar(), mark.digest)) {
      const key = await parts.chunkKey(deriveAttachmentKey(row.key));
      return { row, chunks, sealer: new PartSealer(key, chunks, source.sizeBytes, held), ...found };
    }
  } catch (error) {
    chunks.close();
    throw error;
  }
  chunks.close();
  return undefined;
}

/** Where an earlier upload is; `undefined` if it is no more, or nothing that is said of it can be built upon. */
async function look(
  { tus }: UploadParts,
  { signal }: UploadJob,
  patience: Patience,
  { uploadId, sizeBytes }: Row<"upload">,
): Promise<Pick<Course, "offset" | "expiresMs"> | undefined> {
  for (;;) {
    const answer = await tus.look(uploadId, sealedAttachmentSize(sizeBytes), signal);
    switch (answer.kind) {
      case "at":
        patience.progressed();
        return { offset: answer.offset, expiresMs: answer.expiresMs };
      case "later":
        await patience.after(answer.error);
        break;
      case "moved":
        await patience.afterContradiction();
        break;
      default:
        return undefined;
    }
  }
}
