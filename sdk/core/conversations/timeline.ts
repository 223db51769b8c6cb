/**
 * One conversation's timeline on this device: places in the order of arrival, some of which change in place, and an index
 * of them in the order of acceptance, which is the same on every device.
 */

import type { AccountId, ConversationId, MessageId } from "@sotto/protocol";
import { type Deferred, deferred } from "../deferred.js";
import { Lives, TIMELESS, type Time } from "../disappearing/lives.js";
import type { AbortSignalLike, StoreChange } from "../ports.js";
import { decodeRow, encodeRow, keys, orderOf, type Placement, type Row, range } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { OrderIndex } from "./order-index.js";
import { type Position, placementOf, placesSince } from "./placement.js";

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
  /** How often a row was put in a place that had one: what was read before may be another now. */
  private rewritten = 0;
  /** Of each reading under way, the places that got another row meanwhile. */
  private readonly watches = new Set<Set<number>>();
  private readonly resolving = new Map<number, Deferred<void>>();
  private readonly index: OrderIndex;
  /** When the time of its messages began. */
  readonly lives: Lives;

  private constructor(
    private readonly store: SealedStore,
    private counters: Row<"conversation">,
    time: Time,
  ) {
    this.lives = new Lives(store, { id: counters.conversation, peer: counters.peer }, time);
    this.durable = counters.nextSequence - 1;
    this.index = new OrderIndex(store, counters.conversation);
  }

  /** Loads the timeline of a conversation, or begins it. Without a peer it is a group's. */
  static async load(
    store: SealedStore,
    conversation: ConversationId,
    peer?: AccountId,
    time: Time = TIMELESS,
  ): Promise<Timeline> {
    const stored = await store.get(keys.conversation(store, conversation));
    return new Timeline(
      store,
      stored === undefined
        ? { conversation, peer, nextSequence: 1, nextCounter: 1, lastSentMs: 0 }
        : decodeRow("conversation", stored),
      time,
    );
  }

  /** The conversation's id. */
  get id(): ConversationId {
    return this.counters.conversation;
  }

  /** Whom the conversation is with; of a group there is none. */
  get peer(): AccountId | undefined {
    return this.counters.peer;
  }

  /** The highest durable place; 0 if there is none. */
  get end(): number {
    return this.durable;
  }

  /**
   * Takes counter and time for a content of this device; neither ever goes back, whatever the clock does, so that of two
   * words of one device the later one counts everywhere. The time is at least `afterMs`. Committed with the next `append`
   * or `countersChange`.
   */
  stamp(nowMs: number, afterMs = 0): { readonly counter: number; readonly sentAtMs: number } {
    const { nextCounter: counter, lastSentMs } = this.counters;
    const sentAtMs = Math.max(nowMs, lastSentMs, afterMs);
    this.counters = { ...this.counters, nextCounter: counter + 1, lastSentMs: sentAtMs };
    return { counter, sentAtMs };
  }

  /** The content of this counter is not said after all: a gap would say that it was. Under the lock that it was stamped under. */
  unstamp({ counter }: { readonly counter: number }): void {
    if (this.counters.nextCounter === counter + 1) this.counters = { ...this.counters, nextCounter: counter };
  }

  /**
   * Time for a content that is not counted, because it is nobody's words: it repeats the last counter, so that a gap between two
   * others is something that was said.
   */
  stampUncounted(nowMs: number): { readonly counter: number; readonly sentAtMs: number } {
    const { nextCounter, lastSentMs } = this.counters;
    const sentAtMs = Math.max(nowMs, lastSentMs);
    this.counters = { ...this.counters, lastSentMs: sentAtMs };
    return { counter: Math.max(1, nextCounter - 1), sentAtMs };
  }

  /**
   * Leaves out so many counters, because a later state of this device may have used them; answers the change that stores
   * that.
   */
  skipCounters(count: number): StoreChange {
    this.counters = { ...this.counters, nextCounter: this.counters.nextCounter + count };
    return this.countersChange();
  }

  /** The change that stores the counters, for a content that takes no place. */
  countersChange(): StoreChange {
    return { key: keys.conversation(this.store, this.id), value: encodeRow("conversation", this.counters) };
  }

  /**
   * Takes the next place for a row. The caller commits the changes at once and calls `announce` when they are durable.
   *
   * With a placement it stands there in the order of acceptance. Without one, a message of this account waits for its
   * acceptance behind all others, and what is no message (a changed key, something undecryptable) stands where
   * `placementOf` puts it.
   */
  append(
    row: Row<"item">,
    placement?: Placement,
  ): { readonly sequence: number; readonly changes: readonly StoreChange[] } {
    const sequence = this.counters.nextSequence;
    this.counters = { ...this.counters, nextSequence: sequence + 1 };
    const placed = placement ?? placementOf(row, sequence);
    const stored = placed === undefined ? row : { ...row, acceptedMs: placed.acceptedMs };
    const begun = this.lives.sent(sequence, undefined, stored);
    const changes = [this.put(sequence, stored), this.countersChange(), ...begun];
    if (placed !== undefined) return { sequence, changes: [...changes, this.place(sequence, placed)] };
    if (row.shape !== "hidden") this.index.wait(sequence);
    return { sequence, changes };
  }

  /** The change that gives a place its position in the order of acceptance. The row there says the same `acceptedMs`. */
  place(sequence: number, placement: Placement): StoreChange {
    return this.index.place(sequence, placement);
  }

  /** The changes that put a row in a place that held `before`, and move it to the position it then has. For the turn of their commit. */
  move(sequence: number, before: Row<"item"> | undefined, row: Row<"item">): readonly StoreChange[] {
    const from = before === undefined ? undefined : placementOf(before, sequence);
    const to = placementOf(row, sequence);
    const left = from === undefined ? [] : [this.index.leave(from)];
    if (row.shape === "hidden") this.index.forget(sequence);
    else if (to === undefined) this.index.wait(sequence);
    // The last change of a key counts: a row that keeps its position is not lost by leaving it.
    const placed = to === undefined ? [] : [this.place(sequence, to)];
    return [...left, this.replace(sequence, row), ...placed, ...this.lives.sent(sequence, before, row)];
  }

  /** The change that puts another row in a place, where that does not change its position. For the turn of its commit. */
  replace(sequence: number, row: Row<"item">): StoreChange {
    this.rewritten += 1;
    for (const replaced of this.watches) replaced.add(sequence);
    return this.put(sequence, row);
  }

  private put(sequence: number, row: Row<"item">): StoreChange {
    return { key: keys.item(this.store, this.id, sequence), value: encodeRow("item", row) };
  }

  /** The key under which a content of this sender is found by its id. */
  indexKey(sender: AccountId, id: MessageId): string {
    return this.peer === undefined
      ? keys.groupMessage(this.store, this.id, id)
      : keys.message(this.store, this.id, sender, id);
  }

  /** The row in a place. */
  async row(sequence: number): Promise<Row<"item"> | undefined> {
    const stored = await this.store.get(keys.item(this.store, this.id, sequence));
    return stored === undefined ? undefined : decodeRow("item", stored);
  }

  /** Reads, and is told meanwhile which places get another row. */
  async watching<T>(read: (replaced: Set<number>) => Promise<T>): Promise<T> {
    const replaced = new Set<number>();
    this.watches.add(replaced);
    try {
      return await read(replaced);
    } finally {
      this.watches.delete(replaced);
    }
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

  /**
   * Every durable row behind a place, then new ones as they come, until the signal aborts or the client closes; each as it is when
   * it is taken.
   */
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
        const { rewritten } = this;
        for (const found of await this.page(position, upTo)) {
          // Whoever takes them may take long over one.
          const row = rewritten === this.rewritten ? found.row : await this.row(found.sequence);
          if (this.ended || signal?.aborted) return;
          if (row !== undefined) yield { sequence: found.sequence, row };
        }
        position = upTo;
      }
    } finally {
      this.readers.delete(wake);
      signal?.removeEventListener("abort", abort);
    }
  }

  /**
   * The last durable rows in the order of acceptance, those on their way behind all others; oldest first. With `before`,
   * the last ones before that position.
   */
  latest(count: number, before?: Position): Promise<readonly TimelineRow[]> {
    const durable = this.durable;
    return this.index.latest({ count, durable, undurable: this.counters.nextSequence - 1 - durable, before });
  }

  /** The last rows, also those that are not durable yet: for who decides under the conversation's lock, and shows none of them. */
  newest(count: number): Promise<readonly TimelineRow[]> {
    return this.index.latest({ count, durable: this.counters.nextSequence - 1, undurable: 0, before: undefined });
  }

  /** The rows of this account that are on their way, in the order in which they were said. */
  waiting(): Promise<readonly TimelineRow[]> {
    const durable = this.counters.nextSequence - 1;
    return this.index.waiting({ count: Number.MAX_SAFE_INTEGER, durable, undurable: 0, before: undefined });
  }

  /** The rows that the relay accepted at or after a time, in the order of acceptance. */
  async *since(acceptedMs: number): AsyncGenerator<TimelineRow> {
    for await (const sequence of placesSince(this.store, this.id, acceptedMs)) {
      const row = await this.row(sequence);
      if (row !== undefined) yield { sequence, row };
    }
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
