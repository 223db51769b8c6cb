/** One at a time: whoever comes while somebody is inside waits for its turn. */

/** Runs pieces of work one after the other, by name. */
export class Locks {
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Runs `work` once everything before it under this name is over, however that ended. */
  async hold<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(name) ?? Promise.resolve();
    const mine = before.then(work, work);
    const tail = mine.then(ignore, ignore);
    this.#tails.set(name, tail);
    try {
      return await mine;
    } finally {
      if (this.#tails.get(name) === tail) this.#tails.delete(name);
    }
  }
}

function ignore(): void {}
