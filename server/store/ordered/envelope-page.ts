/** Reads a stretch of a mailbox from the disk, and puts bodies with a shared end together. */

import { type StoredEnvelope, StoreError } from "../../ports.js";
import type { Engine } from "../engine.js";
import { envelopesBetween, readEnvelopeKey } from "../row-keys.js";
import { readEnvelope } from "../row-values.js";
import type { Mailbox, Page } from "./mailbox.js";
import type { SharedEnds } from "./shared-ends.js";

/** A row with a shared end, still without it. */
interface Unfinished {
  readonly key: Buffer;
  readonly sharedEnd: number;
}

/** Reads pages of committed envelopes. */
export class EnvelopePages {
  readonly #engine: Engine;
  readonly #ends: SharedEnds;

  constructor(engine: Engine, ends: SharedEnds) {
    this.#engine = engine;
    this.#ends = ends;
  }

  /** The envelopes of a page that are still held, bodies whole. */
  async read(mailbox: Mailbox, { first, last }: Page): Promise<readonly StoredEnvelope[]> {
    const range = envelopesBetween(mailbox.number, first.cursor, last.cursor);
    const rows = await this.#engine.entries(range, Number.POSITIVE_INFINITY);
    const unfinished = new Map<number, Unfinished>();
    const items = rows.map(([key, value]) => {
      const { cursor, sharedEnd } = readEnvelopeKey(key);
      if (sharedEnd !== undefined) unfinished.set(cursor, { key, sharedEnd });
      return readEnvelope(cursor, value);
    });
    const whole = unfinished.size === 0 ? items : await this.#finish(items, unfinished);
    // A row whose deletion is on its way to the disk is no longer counted in the page.
    return whole.filter(({ cursor }) => mailbox.sizeOf(cursor) !== undefined);
  }

  async #finish(
    items: readonly StoredEnvelope[],
    unfinished: ReadonlyMap<number, Unfinished>,
  ): Promise<readonly StoredEnvelope[]> {
    const ends = await this.#ends.read(new Set([...unfinished.values()].map(({ sharedEnd }) => sharedEnd)));
    return items.flatMap((item) => {
      const row = unfinished.get(item.cursor);
      if (row === undefined) return [item];
      const end = ends.get(row.sharedEnd);
      if (end !== undefined) return [{ ...item, body: Buffer.concat([item.body, end]) }];
      // Both go in one batch: an end that has gone since the rows were read has taken the row with it.
      if (this.#engine.get(row.key) === undefined) return [];
      throw new StoreError("unavailable", "The shared end of an envelope is missing.");
    });
  }
}
