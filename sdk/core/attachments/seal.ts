/** Chunks sealed and put together into the parts that one request each carries. */

import {
  ATTACHMENT_CHUNK_BYTES,
  ATTACHMENT_TAG_BYTES,
  attachmentNonce,
  sealedAttachmentSize,
  sealedChunkOffset,
} from "@sotto/protocol";
import type { ChunkKey } from "../ports.js";
import type { SourceChunks } from "./source-chunks.js";

/** Chunks of the largest part: 8 MiB. One is sealed while another is under way. */
export const MAX_PART_CHUNKS = 128;
/** Chunks of the first part, and of all on a slow line: there is progress to be seen, and little to be lost. */
export const FIRST_PART_CHUNKS = 16;
const MIN_PART_CHUNKS = 4;
/** Chunks that are with the cipher at once: enough for every thread, and not so many that other work waits behind them. */
const MAX_SEALING = 16;
/** A part that took less is followed by a larger one, one that took more by a smaller one. */
const QUICK_MS = 500;
const SLOW_MS = 4_000;

/** How far a source was sealed under a key: that many chunks, with a plaintext of this SHA-256. */
export interface Mark {
  readonly chunks: number;
  readonly digest: Uint8Array;
}

/** A part: bytes of the blob from `from` to before `until`. They may leave only after `mark` is durable. */
export interface SealedPart {
  readonly from: number;
  readonly until: number;
  /** Overwritten by the part after the next. */
  readonly bytes: Uint8Array;
  readonly mark: Mark;
}

/** Chunks that a part has at most beside so many uploads under way: together they hold no more than one alone would. */
export function mostPartChunks(underway: number): number {
  return Math.floor(MAX_PART_CHUNKS / Math.max(1, underway));
}

/** How many chunks the next part takes, of at most so many, by how long a part of so many took. */
export function nextPartChunks(chunks: number, tookMs: number, most: number): number {
  const fitting = tookMs < QUICK_MS ? chunks * 2 : tookMs > SLOW_MS ? Math.floor(chunks / 2) : chunks;
  return Math.min(most, Math.max(MIN_PART_CHUNKS, fitting));
}

/** Bytes of the plaintext that so many bytes of its blob hold. */
export function plainBytesIn(sealedBytes: number, sizeBytes: number): number {
  const chunks = Math.floor(sealedBytes / sealedChunkOffset(1));
  const begun = Math.min(sealedBytes - sealedChunkOffset(chunks), ATTACHMENT_CHUNK_BYTES);
  return Math.min(sizeBytes, chunks * ATTACHMENT_CHUNK_BYTES + begun);
}

/** The chunk that a byte of the blob is in. */
export function chunkAt(sealedOffset: number): number {
  return Math.floor(sealedOffset / sealedChunkOffset(1));
}

/** Seals one attachment from a chunk on, part by part. */
export class PartSealer {
  private readonly sealedBytes: number;
  /** Two buffers in turn: one leaves while the other is filled. */
  private readonly buffers: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];
  private made = 0;
  private at: number;

  /** `held` are chunks that were read before; the next ones come from the source. */
  constructor(
    private readonly key: ChunkKey,
    private readonly chunks: SourceChunks,
    sizeBytes: number,
    private readonly held: Uint8Array[] = [],
  ) {
    this.sealedBytes = sealedAttachmentSize(sizeBytes);
    this.at = chunks.position - held.length;
  }

  /** The next part, of at most so many chunks; `undefined` after the last. Not called again before it has settled. */
  async next(most: number): Promise<SealedPart | undefined> {
    const first = this.at;
    const end = Math.min(first + most, this.chunks.total);
    if (first === end) return undefined;
    const from = sealedChunkOffset(first);
    const until = Math.min(sealedChunkOffset(end), this.sealedBytes);
    const bytes = this.buffer(until - from);
    const sealing: Promise<void>[] = [];
    for (let index = first; index < end; index++) {
      const chunk = this.held.shift() ?? (await this.chunks.next());
      if (chunk === undefined) throw new RangeError("a source has as many chunks as its size says");
      const sealed = this.seal(index, chunk, bytes.subarray(sealedChunkOffset(index) - from));
      sealed.catch(() => undefined);
      sealing.push(sealed);
      if (sealing.length >= MAX_SEALING) await sealing.shift();
    }
    await Promise.all(sealing);
    this.at = end;
    return { from, until, bytes, mark: { chunks: this.chunks.position, digest: this.chunks.soFar() } };
  }

  private async seal(index: number, chunk: Uint8Array, into: Uint8Array): Promise<void> {
    const sealed = await this.key.seal(attachmentNonce(index, index === this.chunks.total - 1), chunk);
    if (sealed.length !== chunk.length + ATTACHMENT_TAG_BYTES) throw new RangeError("a cipher adds a tag of 16 bytes");
    into.set(sealed);
  }

  private buffer(length: number): Uint8Array {
    const turn = this.made % 2 === 0 ? 0 : 1;
    this.made += 1;
    if (this.buffers[turn].length < length) this.buffers[turn] = new Uint8Array(length);
    return this.buffers[turn].subarray(0, length);
  }
}
