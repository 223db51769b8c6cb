/** One lock per key: work under the same key runs one after the other, in the order it was asked for. */

/** Serialises asynchronous work by key. libsignal does not serialise its own calls; two at once would reuse a message key. */
export class KeyedLock {
  private readonly tails = new Map<string, Promise<unknown>>();

  /** Runs the work after all earlier work of this key has settled. Keys without work take no memory. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.tails.get(key);
    const turn = before === undefined ? work() : before.then(work, work);
    this.tails.set(key, turn);
    try {
      return await turn;
    } finally {
      if (this.tails.get(key) === turn) this.tails.delete(key);
    }
  }
}
