/** A store that can stop as if its process were killed: from then on nothing is written and nothing is answered. */

import type { Store, StoreChange, StoreRange } from "@sotto/sdk";

/** When a store stops, and what became of the last batch: on disk though nobody heard of it, or not. */
export interface Fuse {
  /** Batches that are still written; the next one is the last. */
  readonly afterWrites: number;
  readonly lastWrite: "kept" | "lost";
}

/** What a call to a dead process answers. */
const NEVER = new Promise<never>(() => undefined);

/** One life's store. */
export class CrashableStore implements Store {
  private fuse: { left: number; readonly lastWrite: Fuse["lastWrite"] } | undefined;
  private isDead = false;
  private readonly running = new Set<Promise<unknown>>();
  private died: () => void = () => undefined;
  /** Resolves when the store stopped. */
  readonly stopped = new Promise<void>((resolve) => {
    this.died = resolve;
  });

  constructor(private readonly inner: Store) {}

  get location(): string {
    return this.inner.location;
  }

  /** Stops at one of the next batches. */
  light({ afterWrites, lastWrite }: Fuse): void {
    this.fuse = { left: afterWrites, lastWrite };
  }

  /** Stops at once. Idempotent. */
  stop(): void {
    this.isDead = true;
    this.died();
  }

  /** Stops, waits for the batch the disk was at, and closes the database below, so that the next life can open it. */
  async bury(): Promise<void> {
    this.stop();
    await Promise.allSettled(this.running);
    await this.inner.close();
  }

  open(): Promise<void> {
    return this.answer(() => this.inner.open());
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.answer(() => this.inner.get(key));
  }

  getMany(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.answer(() => this.inner.getMany(keys));
  }

  list(range: StoreRange): Promise<readonly { readonly key: string; readonly value: Uint8Array }[]> {
    return this.answer(() => this.inner.list(range));
  }

  write(changes: readonly StoreChange[]): Promise<void> {
    if (this.fuse !== undefined && !this.isDead) {
      this.fuse.left -= 1;
      if (this.fuse.left < 0) {
        if (this.fuse.lastWrite === "kept") void this.track(this.inner.write(changes));
        this.stop();
      }
    }
    return this.answer(() => this.inner.write(changes));
  }

  close(): Promise<void> {
    return this.answer(() => this.inner.close());
  }

  clear(): Promise<void> {
    return this.answer(() => this.inner.clear());
  }

  private async answer<T>(work: () => Promise<T>): Promise<T> {
    if (this.isDead) return NEVER;
    try {
      return await this.track(work());
    } finally {
      // What the disk finished behind the crash, nobody hears of.
      if (this.isDead) await NEVER;
    }
  }

  private track<T>(work: Promise<T>): Promise<T> {
    this.running.add(work);
    const done = () => this.running.delete(work);
    work.then(done, done);
    return work;
  }
}
