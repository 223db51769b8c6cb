/** A source as the chunks of an attachment: cut, padded, and hashed on the way. */

import { ATTACHMENT_CHUNK_BYTES, attachmentChunks, paddedAttachmentSize, SottoError } from "@sotto/protocol";
import { Cancellation } from "../cancellation.js";
import { unlessAborted } from "../devices/pause.js";
import type { AbortSignalLike, Hashing, ReadableSource } from "../ports.js";

/** What reading needs. */
export interface ChunkParts {
  readonly source: ReadableSource;
  readonly hashing: Hashing;
  readonly signal: AbortSignalLike;
}

/**
 * Reads a source once, from its beginning.
 *
 * Chunks are views of what was read where that is possible; nobody changes them. The one with the last byte is handed out
 * only when the source is seen to end there.
 */
export class SourceChunks {
  /** How many chunks there are, with the padding. */
  readonly total: number;
  private readonly pieces: AsyncIterator<Uint8Array>;
  private readonly paddedBytes: number;
  /** Of the piece that was read last, what no chunk holds yet. */
  private rest: Uint8Array = new Uint8Array(0);
  private given = 0;
  private readonly closing = new Cancellation();
  private readonly abort = () => this.close();

  constructor(private readonly parts: ChunkParts) {
    if (parts.signal.aborted) this.closing.abort();
    parts.signal.addEventListener("abort", this.abort, { once: true });
    this.paddedBytes = paddedAttachmentSize(parts.source.sizeBytes);
    this.total = attachmentChunks(this.paddedBytes);
    this.pieces = parts.source.read(0)[Symbol.asyncIterator]();
  }

  /** How many chunks were handed out. */
  get position(): number {
    return this.given;
  }

  /** The SHA-256 of the plaintext in what was handed out. */
  soFar(): Uint8Array {
    return this.parts.hashing.soFar();
  }

  /**
   * The next chunk; `undefined` after the last.
   *
   * @throws sourceUnreadable if the source is shorter or longer than it said, or cannot be read; aborted.
   */
  async next(): Promise<Uint8Array | undefined> {
    if (this.given === this.total) return undefined;
    const { sizeBytes } = this.parts.source;
    const begins = this.given * ATTACHMENT_CHUNK_BYTES;
    const length = Math.min(ATTACHMENT_CHUNK_BYTES, this.paddedBytes - begins);
    const plainBytes = Math.max(0, Math.min(length, sizeBytes - begins));
    const chunk = await this.fill(length, plainBytes);
    const isLast = begins + plainBytes === sizeBytes && (plainBytes > 0 || begins === 0);
    if (isLast) await this.assertEnd();
    this.parts.hashing.update(chunk.subarray(0, plainBytes));
    this.given += 1;
    return chunk;
  }

  /** Reads over chunks, which are hashed all the same. Same errors as `next`. */
  async skipTo(chunk: number): Promise<void> {
    while (this.given < chunk && (await this.next()) !== undefined);
  }

  /** Lets go of the source, as soon as it answers; who waits for a chunk is told `aborted`. Idempotent. */
  close(): void {
    this.closing.abort();
    this.parts.signal.removeEventListener("abort", this.abort);
    this.pieces.return?.().catch(() => undefined);
  }

  private async fill(length: number, plainBytes: number): Promise<Uint8Array> {
    if (plainBytes === length && this.rest.length === 0) await this.read();
    if (plainBytes === length && this.rest.length >= length) return this.take(length);
    const chunk = new Uint8Array(length);
    let filled = 0;
    while (filled < plainBytes) {
      if (this.rest.length === 0) await this.read();
      const piece = this.take(Math.min(this.rest.length, plainBytes - filled));
      chunk.set(piece, filled);
      filled += piece.length;
    }
    return chunk;
  }

  private take(length: number): Uint8Array {
    const taken = this.rest.subarray(0, length);
    this.rest = this.rest.subarray(length);
    return taken;
  }

  private async read(): Promise<void> {
    const piece = await this.pull();
    if (piece === undefined) throw unreadable("the source ended before the size it was said to have");
    this.rest = piece;
  }

  private async assertEnd(): Promise<void> {
    if (this.rest.length > 0 || (await this.pull()) !== undefined)
      throw unreadable("the source is longer than the size it was said to have");
  }

  /** The next piece that is not empty; `undefined` at the end. */
  private async pull(): Promise<Uint8Array | undefined> {
    for (;;) {
      const piece = await this.step();
      if (piece.done === true) return undefined;
      if (!(piece.value instanceof Uint8Array)) throw unreadable("a stream to upload yields Uint8Arrays");
      if (piece.value.length > 0) return piece.value;
    }
  }

  private async step(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await unlessAborted(this.pieces.next(), this.closing);
    } catch (cause) {
      if (cause instanceof SottoError) throw cause;
      throw new SottoError("sourceUnreadable", { cause });
    }
  }
}

function unreadable(detail: string): SottoError {
  return new SottoError("sourceUnreadable", { detail });
}
