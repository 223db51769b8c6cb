/** One lock per key: work under the same key runs one after the other, in the order it was asked for. */

import { SottoError } from "@sotto/protocol";

/** Serialises asynchronous work by key. libsignal does not serialise its own calls; two at once would reuse a message key. */
export class KeyedLock {
  private readonly tails = new Map<string, Promise<unknown>>();
  private isClosed = false;

  /**
   * Runs the work after all earlier work of this key has settled. Keys without work take no memory.
   *
   * @throws closed once the lock is; the work does not run then.
   */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    if (this.isClosed) throw new SottoError("closed");
    const before = this.tails.get(key);
    const turn = before === undefined ? work() : before.then(work, work);
    this.tails.set(key, turn);
    try {
      return await turn;
    } finally {
      if (this.tails.get(key) === turn) this.tails.delete(key);
    }
  }

  /** Settles once all work asked for has; from now on no other begins. Idempotent. */
  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.allSettled(this.tails.values());
  }
}
