/** How much of all bodies may lie in memory at a time. */

/**
 * Room for the bytes that came and that nobody has taken yet. Reading is what fills it, by more than was asked for, so a
 * socket is read on only while there is room: what lies here is at most the room and what one socket brings at once.
 */
export class SharedRoom {
  private usedBytes = 0;
  private readonly queue = new Set<() => void>();

  constructor(private readonly sizeBytes: number) {}

  /** What lies in memory. */
  get bytes(): number {
    return this.usedBytes;
  }

  /** Bytes came. */
  fill(bytes: number): void {
    this.usedBytes += bytes;
  }

  /** Bytes were taken or thrown away. */
  empty(bytes: number): void {
    this.usedBytes -= bytes;
    for (const work of this.queue) {
      if (!this.isFree) return;
      this.queue.delete(work);
      work();
    }
  }

  /** Runs work when there is room, in the order of the calls: at once if there is now. */
  whenFree(work: () => void): void {
    if (this.isFree && this.queue.size === 0) work();
    else this.queue.add(work);
  }

  /** Work that waits is not run any more. */
  forget(work: () => void): void {
    this.queue.delete(work);
  }

  private get isFree(): boolean {
    return this.usedBytes < this.sizeBytes;
  }
}
