/** Turns at one blob: whatever changes its files, or looks at several of them, does so alone. */

import type { BlobId } from "../../ports.js";

/** Lets calls at one blob take place in their order. */
export class Turns {
  readonly #last = new Map<BlobId, Promise<unknown>>();

  /** Runs work when all before it at the blob has settled. */
  take<Result>(id: BlobId, work: () => Promise<Result>): Promise<Result> {
    const turn = (this.#last.get(id) ?? Promise.resolve()).then(work, work);
    const settled: Promise<void> = turn.then(
      () => this.#end(id, settled),
      () => this.#end(id, settled),
    );
    this.#last.set(id, settled);
    return turn;
  }

  /** Resolves when no turn is under way or waited for. */
  async idle(): Promise<void> {
    while (this.#last.size > 0) await Promise.all(this.#last.values());
  }

  #end(id: BlobId, settled: Promise<unknown>): void {
    if (this.#last.get(id) === settled) this.#last.delete(id);
  }
}
