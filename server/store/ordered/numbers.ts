/** Numbers that are never given twice by one store: revisions and mailbox numbers. */

import type { Engine } from "../engine.js";
import { singleKey, U48, u48 } from "../row-keys.js";
import type { Batch, Participant } from "./writer.js";

/** Hands out rising numbers and remembers the highest in the batch that uses it. */
export class Numbers implements Participant {
  readonly #key = singleKey("numbers");
  #highest = 0;
  #batch: Batch | undefined;

  /** Continues after the highest number in the store. */
  load(engine: Engine): void {
    this.#highest = engine.get(this.#key)?.readUIntBE(0, U48) ?? 0;
  }

  /** The next number; it counts as used once the batch is on disk. */
  next(batch: Batch): number {
    if (this.#batch !== batch) {
      this.#batch = batch;
      batch.join(this);
    }
    this.#highest += 1;
    return this.#highest;
  }

  seal(batch: Batch): () => void {
    batch.put(this.#key, u48(this.#highest));
    return () => {};
  }
}
