/** The sealed chunks of a blob as the relay sends them, over as many connections as it takes. Nothing is believed of it. */

import { SottoError, sealedChunkOffset } from "@sotto/protocol";
import type { AbortSignalLike, Random } from "../ports.js";
import { type AttemptParts, DownloadAttempt } from "./download-attempt.js";
import { Patience } from "./patience.js";
import { type DownloadPlan, rangeHeader, sealedChunkBytes } from "./ranges.js";
import { corrupt } from "./verify.js";

/** A relay that takes so long over one chunk is given up and asked anew, even if it says a word now and then. */
const CHUNK_MS = 120_000;
/** What asking again would not change. */
const FINAL: ReadonlySet<string> = new Set(["aborted", "attachmentGone", "attachmentCorrupt", "badRelay"]);
const WHOLE_BYTES = sealedChunkOffset(1);
const NOTHING = new Uint8Array(0);

/** What asking for chunks works with. */
export interface ChunkParts extends AttemptParts {
  readonly random: Random;
}

/** Which chunks, and where they are. */
export interface ChunkRequest {
  readonly url: string;
  readonly plan: DownloadPlan;
  readonly buffers: ChunkBuffers;
  readonly signal: AbortSignalLike;
}

/** One sealed chunk. Whoever has opened it gives the bytes back, to be filled anew. */
export interface SealedChunk {
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** Buffers of whole sealed chunks, used over and over: fresh ones for gigabytes cost more than what is done with them. */
export class ChunkBuffers {
  private readonly free: Uint8Array[] = [];

  /** A buffer of this length; what is in it is anything. */
  take(length: number): Uint8Array {
    const present = length === WHOLE_BYTES ? this.free.pop() : undefined;
    return present ?? new Uint8Array(length);
  }

  /** Takes a buffer back that nobody reads any more. */
  give(bytes: Uint8Array): void {
    if (bytes.length === WHOLE_BYTES) this.free.push(bytes);
  }
}

/**
 * The sealed chunks of a plan, in order, each of the exact size that it has by the attachment's size. A lost or silent line,
 * and a relay that is overloaded, is asked again from the next chunk on, after growing waits. No more is read while nobody
 * takes.
 *
 * @throws attachmentCorrupt for a byte too few or too many; attachmentGone; badRelay; aborted; offline, or tooManyRequests,
 *   once no chunk came for two minutes of trying.
 */
export async function* sealedChunks(parts: ChunkParts, request: ChunkRequest): AsyncGenerator<SealedChunk, void> {
  const { plan, signal } = request;
  const patience = new Patience({ ...parts, signal });
  let next = plan.firstChunk;
  while (next < plan.endChunk) {
    const first = next;
    try {
      for await (const bytes of answeredChunks(parts, request, first)) {
        yield { index: next, bytes };
        next += 1;
        patience.progressed();
      }
    } catch (error) {
      if (error instanceof SottoError && FINAL.has(error.code)) throw error;
      await patience.after(unreached(error));
      continue;
    }
    // A relay may answer with less than was asked for, but not with nothing whole.
    if (next === first) throw corrupt(`the blob ends in chunk ${first}`);
  }
}

/** The chunks of one answer, from one on; fewer than were asked for if it ends before. */
async function* answeredChunks(
  parts: ChunkParts,
  { url, plan, buffers, signal }: ChunkRequest,
  first: number,
): AsyncGenerator<Uint8Array, void> {
  const attempt = new DownloadAttempt(parts, signal);
  try {
    const from = await attempt.ask(url, rangeHeader(plan, first));
    let skipBytes = from === "asked" ? 0 : sealedChunkOffset(first);
    let piece: Uint8Array = NOTHING;
    for (let index = first; index < plan.endChunk; index++) {
      const chunk = buffers.take(sealedChunkBytes(plan, index));
      let untilMs = parts.clock.now() + CHUNK_MS;
      for (let filled = 0; filled < chunk.length; ) {
        if (piece.length === 0) {
          const came = await attempt.piece(untilMs);
          if (came === undefined) return;
          piece = came.subarray(Math.min(skipBytes, came.length));
          skipBytes -= came.length - piece.length;
          if (skipBytes > 0) untilMs = parts.clock.now() + CHUNK_MS;
        }
        const part = piece.subarray(0, chunk.length - filled);
        chunk.set(part, filled);
        filled += part.length;
        piece = piece.subarray(part.length);
      }
      yield chunk;
    }
    // Who sent the blob from its beginning was asked for less.
    const mayHaveMore = from === "fromBeginning" && plan.endChunk < plan.chunks;
    if (!mayHaveMore && (piece.length > 0 || (await hasMore(attempt, parts.clock.now() + CHUNK_MS))))
      throw corrupt("bytes stand behind the end");
  } finally {
    attempt.close();
  }
}

/** Whether another byte comes. A line that is lost now takes nothing that was asked for. */
async function hasMore(attempt: DownloadAttempt, untilMs: number): Promise<boolean> {
  try {
    for (;;) {
      const piece = await attempt.piece(untilMs);
      if (piece === undefined || piece.length > 0) return piece !== undefined;
    }
  } catch (error) {
    if (error instanceof SottoError && error.code === "aborted") throw error;
    return false;
  }
}

/** What is said of a failure that lasts. */
function unreached(error: unknown): SottoError {
  if (!(error instanceof SottoError)) return new SottoError("offline", { cause: error });
  const { code, retryAfterMs } = error;
  if (code === "tooManyRequests") return error;
  return new SottoError("offline", retryAfterMs === undefined ? { cause: error } : { cause: error, retryAfterMs });
}
