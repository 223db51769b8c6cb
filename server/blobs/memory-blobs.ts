/** Blobs in memory, for fast tests of rules. */

import { type AbortSignalLike, type BlobAppend, BlobError, type BlobId, type BlobState, type Blobs } from "../ports.js";
import { assertRange, assertWhole } from "./check.js";
import { Space } from "./space.js";

const MOST = 2 ** 48 - 1;
/** The largest piece a reader hands out. */
const PIECE_BYTES = 65_536;

interface Held {
  readonly lengthBytes: number;
  readonly expiresMs: number;
  readonly unfinishedMs: number;
  bytes: Buffer;
  append: MemoryAppend | undefined;
}

/** What blobs in memory need. */
export interface MemoryBlobsOptions {
  readonly maxBytes: number;
}

/** Keeps everything in memory and nothing after the process. Blobs outlive `close` and another `open`. */
export function memoryBlobs({ maxBytes }: MemoryBlobsOptions): Blobs {
  return new MemoryBlobs(maxBytes);
}

class MemoryBlobs implements Blobs {
  readonly #space: Space;
  readonly #held = new Map<BlobId, Held>();
  #isOpen = false;

  constructor(maxBytes: number) {
    this.#space = new Space(maxBytes);
  }

  async open(): Promise<void> {
    this.#isOpen = true;
  }

  async create(
    id: BlobId,
    { lengthBytes, expiresMs, unfinishedMs }: Pick<Held, "lengthBytes" | "expiresMs" | "unfinishedMs">,
  ): Promise<"created" | "exists"> {
    this.#assertOpen();
    assertWhole("lengthBytes", lengthBytes, MOST);
    assertWhole("expiresMs", expiresMs, MOST);
    assertWhole("unfinishedMs", unfinishedMs, MOST);
    if (this.#held.has(id)) return "exists";
    this.#space.reserve(lengthBytes);
    this.#held.set(id, { lengthBytes, expiresMs, unfinishedMs, bytes: Buffer.alloc(0), append: undefined });
    return "created";
  }

  async find(id: BlobId): Promise<BlobState | undefined> {
    this.#assertOpen();
    const held = this.#held.get(id);
    if (held === undefined) return undefined;
    const { lengthBytes, expiresMs, bytes } = held;
    return { lengthBytes, expiresMs, offset: bytes.length };
  }

  async append(id: BlobId, offset: number) {
    this.#assertOpen();
    const held = this.#held.get(id);
    if (held === undefined) return undefined;
    if (held.append !== undefined) return { kind: "busy" } as const;
    if (held.bytes.length !== offset) return { kind: "moved", offset: held.bytes.length } as const;
    held.append = new MemoryAppend(held);
    return { kind: "append", append: held.append } as const;
  }

  async *read(id: BlobId, range: { readonly from: number; readonly to: number }): AsyncGenerator<Uint8Array> {
    this.#assertOpen();
    const held = this.#held.get(id);
    if (held === undefined || held.bytes.length < held.lengthBytes || held.append !== undefined)
      throw new BlobError("unavailable", "There is no such complete blob.");
    assertRange(range, held.lengthBytes);
    for (let at = range.from; at < range.to; at += PIECE_BYTES) {
      yield Uint8Array.from(held.bytes.subarray(at, Math.min(range.to, at + PIECE_BYTES)));
      this.#assertOpen();
    }
  }

  async delete(id: BlobId): Promise<void> {
    this.#assertOpen();
    this.#remove(id);
  }

  async expire(nowMs: number, signal: AbortSignalLike): Promise<number> {
    this.#assertOpen();
    let gone = 0;
    for (const [id, { expiresMs, unfinishedMs, bytes, lengthBytes, append }] of this.#held) {
      if (signal.aborted) break;
      const isUnfinished = bytes.length < lengthBytes && unfinishedMs <= nowMs;
      if (append !== undefined || (expiresMs > nowMs && !isUnfinished)) continue;
      this.#remove(id);
      gone += 1;
    }
    return gone;
  }

  usage(): { readonly bytes: number; readonly maxBytes: number } {
    return { bytes: this.#space.bytes, maxBytes: this.#space.maxBytes };
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    await Promise.all([...this.#held.values()].map(({ append }) => append?.commit()));
  }

  #remove(id: BlobId): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    held.append?.abandon();
    this.#held.delete(id);
    this.#space.release(held.lengthBytes);
  }

  #assertOpen(): void {
    if (!this.#isOpen) throw new BlobError("unavailable", "The blob storage is not open.");
  }
}

class MemoryAppend implements BlobAppend {
  readonly #held: Held;
  #pieces: Uint8Array[] = [];
  #length: number;
  #committed = 0;
  #state: "open" | "over" | "deleted" = "open";

  constructor(held: Held) {
    this.#held = held;
    this.#length = held.bytes.length;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#state !== "open") throw new BlobError("unavailable", "The append has ended.");
    if (this.#length + bytes.length > this.#held.lengthBytes)
      throw new BlobError("corrupt", "More bytes came than the blob is long.");
    this.#pieces.push(Uint8Array.from(bytes));
    this.#length += bytes.length;
  }

  async commit(): Promise<number> {
    if (this.#state === "deleted") throw new BlobError("unavailable", "The blob was deleted.");
    if (this.#state === "open") {
      this.#held.bytes = Buffer.concat([this.#held.bytes, ...this.#pieces]);
      this.#end("over");
    }
    return this.#committed;
  }

  async discard(): Promise<void> {
    if (this.#state === "open") this.#end("over");
  }

  /** Ends the append because the blob goes. */
  abandon(): void {
    this.#end("deleted");
  }

  #end(state: "over" | "deleted"): void {
    this.#state = state;
    this.#committed = this.#held.bytes.length;
    this.#pieces = [];
    this.#held.append = undefined;
  }
}
