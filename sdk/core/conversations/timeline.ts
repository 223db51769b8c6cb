/** One conversation's timeline on this device: an append-only order of rows, some of which change in place. */

import type { AccountId, ConversationId } from "@sotto/protocol";
import { type Deferred, deferred } from "../deferred.js";
import type { AbortSignalLike, StoreChange } from "../ports.js";
import { decodeRow, encodeRow, keys, orderOf, type Row, range } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** Rows read at once while iterating. */
const PAGE = 64;

/** One row and its place. */
export interface TimelineRow {
  readonly sequence: number;
  readonly row: Row<"item">;
}

/**
 * The order of a conversation. Places are given in memory and committed by the caller **without an await in between**, so
 * that the counters on disk never go back; readers see a place only once it is durable, so a cursor never names a row
 * that a crash took away.
 */
export class Timeline {
  private durable: number;
  private changed: Deferred<void> = deferred();
  private ended = false;
  private readonly resolving = new Map<number, Deferred<void>>();

  private constructor(
    private readonly store: SealedStore,
    private counters: Row<"conversation">,
  ) {
    this.durable = counters.nextSequence - 1;
  }

  /** Loads the timeline of a conversation, or begins it. */
  static async load(store: SealedStore, conversation: ConversationId, peer: AccountId): Promise<Timeline> {
    const stored = await store.get(keys.conversation(store, conversation));
    return new Timeline(
      store,
      stored === undefined
        ? { conversation, peer, nextSequence: 1, nextCounter: 1 }
        : decodeRow("conversation", stored),
    );
  }

  /** The conversation's id. */
  get id(): ConversationId {
    return this.counters.conversation;
  }

  /** The highest durable place; 0 if there is none. */
  get end(): number {
    return this.durable;
  }

  /** Takes the next counter for a content of this device. Committed with the next `append` or `countersChange`. */
  nextCounter(): number {
    const counter = this.counters.nextCounter;
    this.counters = { ...this.counters, nextCounter: counter + 1 };
    return counter;
  }

  /** The change that stores the counters, for a content that takes no place. */
  countersChange(): StoreChange {
    return { key: keys.conversation(this.store, this.id), value: encodeRow("conversation", this.counters) };
  }

  /** Takes the next place for a row. The caller commits the changes at once and calls `announce` when they are durable. */
  append(row: Row<"item">): { readonly sequence: number; readonly changes: readonly StoreChange[] } {
    const sequence = this.counters.nextSequence;
    this.counters = { ...this.counters, nextSequence: sequence + 1 };
    return { sequence, changes: [this.replace(sequence, row), this.countersChange()] };
  }

  /** The change that puts another row in a place. */
  replace(sequence: number, row: Row<"item">): StoreChange {
    return { key: keys.item(this.store, this.id, sequence), value: encodeRow("item", row) };
  }

  /** The row in a place. */
  async row(sequence: number): Promise<Row<"item"> | undefined> {
    const stored = await this.store.get(keys.item(this.store, this.id, sequence));
    return stored === undefined ? undefined : decodeRow("item", stored);
  }

  /** Makes everything up to a place visible to readers. Commits become durable in order, so this never skips one. */
  announce(sequence: number): void {
    if (sequence > this.durable) this.durable = sequence;
    const { changed } = this;
    this.changed = deferred();
    changed.resolve();
  }

  /** Settles when the row in this place is no longer undecryptable. */
  resolved(sequence: number): Promise<void> {
    const waiting = this.resolving.get(sequence) ?? deferred<void>();
    this.resolving.set(sequence, waiting);
    return waiting.promise;
  }

  /** Tells who waits that the row in this place resolved. */
  settle(sequence: number): void {
    this.resolving.get(sequence)?.resolve();
    this.resolving.delete(sequence);
  }

  /** Every durable row behind a place, then new ones as they come, until the signal aborts or the client closes. */
  async *follow(after: number, signal: AbortSignalLike | undefined): AsyncGenerator<TimelineRow> {
    const aborted = deferred<void>();
    const abort = () => aborted.resolve();
    signal?.addEventListener("abort", abort, { once: true });
    try {
      let position = after;
      while (!this.ended && signal?.aborted !== true) {
        const { changed, durable } = this;
        if (position < durable) {
          for (const found of await this.page(position, durable)) {
            position = found.sequence;
            if (this.ended || signal?.aborted) return;
            yield found;
          }
          continue;
        }
        await Promise.race([changed.promise, aborted.promise]);
      }
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** The last durable rows, oldest first. */
  async latest(count: number): Promise<readonly TimelineRow[]> {
    const prefix = keys.timeline(this.store, this.id);
    const stored = await this.store.list({ ...range(prefix, count), order: "descending" });
    return stored
      .map(({ key, value }) => ({ sequence: orderOf(key), row: decodeRow("item", value) }))
      .filter(({ sequence }) => sequence <= this.durable)
      .reverse();
  }

  /** Ends every reader. Idempotent. */
  close(): void {
    this.ended = true;
    this.changed.resolve();
  }

  private async page(after: number, upTo: number): Promise<readonly TimelineRow[]> {
    const prefix = keys.timeline(this.store, this.id);
    const stored = await this.store.list(range(prefix, PAGE, after));
    return stored
      .map(({ key, value }) => ({ sequence: orderOf(key), row: decodeRow("item", value) }))
      .filter(({ sequence }) => sequence <= upTo);
  }
}
