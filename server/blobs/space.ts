/** How much is held and promised. */

import { BlobError } from "../ports.js";

/** Counts bytes against the most there may be. */
export class Space {
  readonly maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes room for a blob that begins. @throws BlobError full. */
  reserve(bytes: number): void {
    if (this.#bytes + bytes > this.maxBytes) throw new BlobError("full", "The blob storage holds all that it may.");
    this.#bytes += bytes;
  }

  /** Counts a blob that is there already, however little room is left. */
  count(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Gives the room of a blob back. */
  release(bytes: number): void {
    this.#bytes = Math.max(0, this.#bytes - bytes);
  }

  /** Forgets everything. */
  clear(): void {
    this.#bytes = 0;
  }
}
