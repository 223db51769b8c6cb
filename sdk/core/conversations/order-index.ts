/** The places of one conversation in the order of acceptance: rows for what was accepted, memory for what is on its way. */

import type { ConversationId } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import { decodeRow, eachRow, keys, type Placement, type Row, range } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { orderRow, type Position, placementOf, placeOf } from "./placement.js";

/** Which rows are asked for. */
export interface Window {
  readonly count: number;
  /** The highest place that may be shown, and how many above it are on their way to the disk. */
  readonly durable: number;
  readonly undurable: number;
  readonly before: Position | undefined;
}

/** A place and its row. */
interface Found {
  readonly sequence: number;
  readonly row: Row<"item">;
}

/**
 * Finds places by their position.
 *
 * Messages on their way have no row here: an index row that is deleted again at acceptance would cost every message two
 * writes, and the outbox knows them after a restart.
 */
export class OrderIndex {
  /** Bounded by the outbox. */
  private readonly onTheirWay = new Set<number>();
  private remembering: Promise<void> | undefined;

  constructor(
    private readonly store: SealedStore,
    private readonly conversation: ConversationId,
  ) {}

  /** The change that gives a place its position. */
  place(sequence: number, placement: Placement): StoreChange {
    this.onTheirWay.delete(sequence);
    return orderRow(this.store, this.conversation, placement, sequence);
  }

  /** The change that takes a position away. */
  leave(placement: Placement): StoreChange {
    return { key: keys.order(this.store, this.conversation, placement), value: undefined };
  }

  /** This place waits for its acceptance. */
  wait(sequence: number): void {
    this.onTheirWay.add(sequence);
  }

  /** This place will show nothing. */
  forget(sequence: number): void {
    this.onTheirWay.delete(sequence);
  }

  /** The last rows before a position, oldest first, those on their way behind all others. Reads no more than it is asked for. */
  async latest(window: Window): Promise<readonly Found[]> {
    const waiting = await this.waiting(window);
    const placed = await this.placed({ ...window, count: window.count - waiting.length });
    // What was accepted between the two reads is in both.
    const isPlaced = new Set(placed.map(({ sequence }) => sequence));
    return [...placed, ...waiting.filter(({ sequence }) => !isPlaced.has(sequence))];
  }

  /**
   * The last rows on their way, in the order in which they were said. They are asked whether they still wait, because one
   * may have been accepted or taken back just now.
   */
  async waiting({ count, durable, before }: Window): Promise<readonly Found[]> {
    if (before?.kind === "placed") return [];
    this.remembering ??= this.remember();
    await this.remembering;
    const upTo = before === undefined ? durable : Math.min(durable, before.sequence - 1);
    const last = [...this.onTheirWay].filter((sequence) => sequence <= upTo).sort((a, b) => a - b);
    const rows = await this.rows(last.slice(-count));
    const isWaiting = ({ sequence, row }: Found) => row.shape === "content" && placementOf(row, sequence) === undefined;
    for (const found of rows) if (!isWaiting(found)) this.onTheirWay.delete(found.sequence);
    return rows.filter(isWaiting);
  }

  /** What an earlier run left on its way has an order in the outbox, also if it was given up. */
  private async remember(): Promise<void> {
    for await (const { value } of eachRow(this.store, keys.outboxAll)) {
      const { conversation, sequence, type } = decodeRow("outbox", value);
      const isHere = conversation === this.conversation && type === "content";
      if (isHere && sequence !== undefined) this.onTheirWay.add(sequence);
    }
  }

  private async placed({ count, durable, undurable, before }: Window): Promise<readonly Found[]> {
    if (count <= 0) return [];
    const sequences: number[] = [];
    const all = range(keys.orders(this.store, this.conversation), count + undurable);
    let end = before?.kind === "placed" ? keys.order(this.store, this.conversation, before.placement) : all.before;
    // One read, unless more came since `undurable` was counted than were asked for: those stand before what may be shown.
    while (sequences.length < count) {
      const page = await this.store.list({ ...all, before: end, order: "descending" });
      sequences.push(...page.map(({ value }) => placeOf(value)).filter((sequence) => sequence <= durable));
      const last = page.at(-1);
      if (last === undefined || page.length < count + undurable) break;
      end = last.key;
    }
    return this.rows(sequences.slice(0, count).reverse());
  }

  private async rows(sequences: readonly number[]): Promise<readonly Found[]> {
    if (sequences.length === 0) return [];
    const stored = await this.store.getMany(
      sequences.map((sequence) => keys.item(this.store, this.conversation, sequence)),
    );
    return sequences.flatMap((sequence, index) => {
      const value = stored[index];
      return value === undefined ? [] : [{ sequence, row: decodeRow("item", value) }];
    });
  }
}
