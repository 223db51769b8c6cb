/** Copies of received messages that outlive the callback they came in. */

/** One block holds a few messages; keeping a part of one for long keeps the block, so it is small. */
const BLOCK_BYTES = 16_384;

/**
 * Copies bytes into memory the receiver may keep. Small copies share blocks, because allocating a buffer for each costs
 * more than the rest of receiving it; none overlaps another, and none is written again.
 */
export class KeptBytes {
  private block = new ArrayBuffer(BLOCK_BYTES);
  private used = 0;

  copy(source: ArrayBuffer): Uint8Array {
    const size = source.byteLength;
    if (size > BLOCK_BYTES / 4) return new Uint8Array(source.slice(0));
    if (this.used + size > BLOCK_BYTES) {
      this.block = new ArrayBuffer(BLOCK_BYTES);
      this.used = 0;
    }
    const copy = new Uint8Array(this.block, this.used, size);
    copy.set(new Uint8Array(source));
    this.used += size;
    return copy;
  }
}
