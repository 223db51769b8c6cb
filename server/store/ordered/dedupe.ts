/**
 * Which sends were already accepted. A row lies under the generation of its time, so that forgetting deletes whole
 * stretches of keys and needs no index; a lookup asks the two generations a week can touch.
 */

import type { Engine } from "../engine.js";
import {
  allDedupe,
  dedupeBelow,
  dedupeKeyScratch,
  readDedupeGeneration,
  U48,
  u48,
  writeDedupeKey,
} from "../row-keys.js";
import type { Batch } from "./writer.js";

/** How long a repeated send is recognised: longer than any client keeps a message in its outbox. 7 days. */
export const DEDUPE_MS = 7 * 24 * 60 * 60 * 1000;

/** An accepted send. `written` is set while it is still on its way to the disk. */
export interface AcceptedSend {
  readonly acceptedMs: number;
  readonly written: Promise<void> | undefined;
}

/** The memory of accepted sends. */
export class Dedupe {
  readonly #engine: Engine;
  readonly #key = dedupeKeyScratch();
  readonly #inFlight = new Map<string, AcceptedSend>();
  /** No row lies in a generation below: saves the second lookup of a young store. */
  #oldest = Number.POSITIVE_INFINITY;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Finds the oldest row. */
  async load(): Promise<void> {
    const [first] = await this.#engine.keys(allDedupe(), 1);
    this.#oldest = first === undefined ? Number.POSITIVE_INFINITY : readDedupeGeneration(first);
  }

  /** The first send with this id, if it was accepted within `DEDUPE_MS` before `nowMs`. */
  find(messageId: Uint8Array, nowMs: number): AcceptedSend | undefined {
    const generation = generationOf(nowMs);
    const key = writeDedupeKey(this.#key, generation, messageId);
    const inFlight = this.#inFlight.get(nameOf(key));
    if (inFlight !== undefined) return inFlight;
    let row = this.#engine.get(key);
    if (row === undefined && this.#oldest < generation) {
      row = this.#engine.get(writeDedupeKey(this.#key, generation - 1, messageId));
    }
    const acceptedMs = row?.readUIntBE(0, U48);
    if (acceptedMs === undefined || acceptedMs + DEDUPE_MS <= nowMs) return undefined;
    return { acceptedMs, written: undefined };
  }

  /** Adds the row of a send to the batch that stores it. */
  remember(batch: Batch, messageId: Uint8Array, acceptedMs: number): void {
    const generation = generationOf(acceptedMs);
    if (generation < this.#oldest) this.#oldest = generation;
    const key = writeDedupeKey(this.#key, generation, messageId);
    batch.put(key, u48(acceptedMs));
    const name = nameOf(key);
    this.#inFlight.set(name, { acceptedMs, written: batch.done });
    batch.afterwards(() => this.#inFlight.delete(name));
  }

  /** Up to `limit` keys of rows that are forgotten by now; none when the purge is done. */
  async forgotten(nowMs: number, limit: number): Promise<readonly Buffer[]> {
    const keep = generationOf(nowMs) - 1;
    if (this.#oldest >= keep) return [];
    const keys = await this.#engine.keys(dedupeBelow(keep), limit);
    if (keys.length === 0) await this.load();
    return keys;
  }
}

function generationOf(ms: number): number {
  return Math.floor(ms / DEDUPE_MS);
}

/** The message id in a dedupe key, as a string that a Map can find. */
function nameOf(key: Buffer): string {
  return key.toString("latin1", 3);
}
