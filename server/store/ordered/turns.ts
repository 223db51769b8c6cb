/** Turns of changes at one key, where one of them must wait for the disk before it can decide. */

import { StoreError } from "../../ports.js";

/** Calls that may wait for their turn, over all keys. */
const MAX_WAITING_CALLS = 1_024;

/** Lets changes at one key take effect in the order of the calls. */
export class Turns<Key> {
  readonly #last = new Map<Key, Promise<void>>();
  #waiting = 0;

  /**
   * Runs a change when all before it at the key have had their turn; at once if none waits. The turn ends when `change`
   * returns, not when its promise settles.
   *
   * @throws StoreError `unavailable` if too many calls wait.
   */
  async take<Result>(key: Key, change: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key);
    return before === undefined ? change() : this.#queue(key, before, change);
  }

  /** As `take`, with something to wait for at the beginning of the turn; if it fails, so does the call. */
  async takeAfter<Prepared, Result>(
    key: Key,
    prepare: () => Promise<Prepared>,
    change: (prepared: Prepared) => Promise<Result>,
  ): Promise<Result> {
    const before = this.#last.get(key);
    return this.#queue(key, before === undefined ? prepare() : before.then(prepare), change);
  }

  async #queue<Prepared, Result>(
    key: Key,
    ready: Promise<Prepared>,
    change: (prepared: Prepared) => Promise<Result>,
  ): Promise<Result> {
    ready.catch(() => {});
    if (this.#waiting >= MAX_WAITING_CALLS) throw new StoreError("unavailable", "Too many calls wait for a log.");
    this.#waiting += 1;
    let begun: Promise<Result> | undefined;
    const end = () => {
      this.#waiting -= 1;
      if (this.#last.get(key) === turn) this.#last.delete(key);
    };
    const turn = ready.then(
      (prepared) => {
        end();
        begun = change(prepared);
        begun.catch(() => {});
      },
      (cause: unknown) => {
        end();
        begun = Promise.reject(cause);
        begun.catch(() => {});
      },
    );
    this.#last.set(key, turn);
    await turn;
    if (begun === undefined) throw new StoreError("unavailable", "The change never began.");
    return begun;
  }
}
