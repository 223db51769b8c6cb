/** One conversation's timeline on this device: an append-only order of rows, some of which change in place. */

import type { AccountId, ConversationId } from "@sotto/protocol";
import { type Deferred, deferred } from "../deferred.js";
import type { AbortSignalLike, StoreChange } from "../ports.js";
import { decodeRow, encodeRow, keys, orderOf, type Row, range } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** Rows read at once while iterating. */
const PAGE = 64;
/** So few rows are read one by one: they are still in memory where a page would ask the disk. */
const FEW = 4;

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
  private readonly readers = new Set<() => void>();
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
    if (sequence <= this.durable) return;
    this.durable = sequence;
    this.wakeReaders();
  }

  /** Settles when the row in this place is no longer waited for, or the client closes. */
  resolved(sequence: number): Promise<void> {
    if (this.ended) return Promise.resolve();
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
    let wake = () => {};
    const abort = () => wake();
    signal?.addEventListener("abort", abort, { once: true });
    try {
      let position = after;
      while (!this.ended && signal?.aborted !== true) {
        const { durable } = this;
        if (position >= durable) {
          await new Promise<void>((resolve) => {
            wake = resolve;
            this.readers.add(resolve);
          });
          this.readers.delete(wake);
          continue;
        }
        const upTo = Math.min(durable, position + PAGE);
        for (const found of await this.page(position, upTo)) {
          if (this.ended || signal?.aborted) return;
          yield found;
        }
        position = upTo;
      }
    } finally {
      this.readers.delete(wake);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** The last durable rows, oldest first. */
  async latest(count: number): Promise<readonly TimelineRow[]> {
    const prefix = keys.timeline(this.store, this.id);
    const { durable } = this;
    const stored = await this.store.list(range(prefix, count, Math.max(0, durable - count)));
    return stored
      .map(({ key, value }) => ({ sequence: orderOf(key), row: decodeRow("item", value) }))
      .filter(({ sequence }) => sequence <= durable);
  }

  /** Ends every reader. Idempotent. */
  close(): void {
    this.ended = true;
    this.wakeReaders();
    for (const waiting of this.resolving.values()) waiting.resolve();
    this.resolving.clear();
  }

  private wakeReaders(): void {
    for (const wake of [...this.readers]) wake();
  }

  private async page(after: number, upTo: number): Promise<readonly TimelineRow[]> {
    if (upTo - after <= FEW) return this.few(after, upTo);
    const prefix = keys.timeline(this.store, this.id);
    const stored = await this.store.list(range(prefix, PAGE, after));
    return stored
      .map(({ key, value }) => ({ sequence: orderOf(key), row: decodeRow("item", value) }))
      .filter(({ sequence }) => sequence <= upTo);
  }

  private async few(after: number, upTo: number): Promise<readonly TimelineRow[]> {
    const found: TimelineRow[] = [];
    for (let sequence = after + 1; sequence <= upTo; sequence++) {
      const row = await this.row(sequence);
      if (row !== undefined) found.push({ sequence, row });
    }
    return found;
  }
}
