/** The running times of one conversation's messages, as rows: when each began, and all ends in the order of time. */

import type { AccountId, ConversationId } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import { decodeRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { earlierLife, endOf, type Lifetime, readSinceMs, sentSinceMs, timerIn } from "./lifetime.js";

/** The time that messages end by. */
export interface Time {
  /** The relay's clock as far as this device knows it. */
  nowMs(): number;
  /** Something will end then. */
  ends(dueMs: number): void;
}

/** For what has to do with no time: nothing is ever over. */
export const TIMELESS: Time = { nowMs: () => 0, ends: () => undefined };

/** Which conversation. */
export interface LivesOf {
  readonly id: ConversationId;
  readonly peer?: AccountId | undefined;
}

/** Begins times and tells ends. Whoever calls holds the conversation's lock, and commits the changes in the same turn. */
export class Lives {
  constructor(
    private readonly store: SealedStore,
    private readonly of: LivesOf,
    private readonly time: Time,
  ) {}

  /**
   * The changes that begin the time of a message of this account, once it was accepted, for whoever puts its row in place. A row
   * that says the same as before begins nothing.
   */
  sent(sequence: number, before: Row<"item"> | undefined, row: Row<"item">): readonly StoreChange[] {
    const startedMs = sentSinceMs(row, this.of);
    const isSame = before !== undefined && before.shape === row.shape && sentSinceMs(before, this.of) === startedMs;
    if (startedMs === undefined || isSame) return [];
    const timerMs = timerIn(row);
    return timerMs === undefined ? [] : this.begin(sequence, { timerMs, startedMs });
  }

  /**
   * The changes that begin the time of somebody else's message, because it was read; none if it was read earlier, or has no timer.
   * For the turn of the commit: an end that was told before its row is there would be taken for none.
   */
  async read(sequence: number, row: Row<"item">, readMs: number): Promise<() => readonly StoreChange[]> {
    const life = this.ifRead(row, readMs);
    const before = life && (await this.at(sequence));
    const isNews = life !== undefined && (before === undefined || earlierLife(before, life) !== before);
    return () => (isNews ? this.begin(sequence, life) : []);
  }

  /** The changes that begin the time of somebody else's message that is new here and was read already. */
  readBefore(sequence: number, row: Row<"item">, readMs: number): readonly StoreChange[] {
    const life = this.ifRead(row, readMs);
    return life === undefined ? [] : this.begin(sequence, life);
  }

  /** When the message in a place began to run out; `undefined` if it has not. */
  async at(sequence: number): Promise<Lifetime | undefined> {
    const stored = await this.store.get(keys.lifetime(this.store, this.of.id, sequence));
    return stored === undefined ? undefined : decodeRow("lifetime", stored);
  }

  /** Whether the message in a place is over: from then on nothing shows it, also while what it leaves is being deleted. */
  async isOverAt(sequence: number): Promise<boolean> {
    const life = await this.at(sequence);
    return life !== undefined && this.hasEnded(life);
  }

  /** Whether a message that comes now is over already; `readMs` if it was read on another device. */
  isOver(row: Row<"item">, readMs: number | undefined): boolean {
    return this.overSince(row, readMs) !== undefined;
  }

  /** When a message that comes now ended already; `undefined` if it did not. `readMs` if it was read on another device. */
  overSince(row: Row<"item">, readMs: number | undefined): number | undefined {
    const timerMs = timerIn(row);
    if (timerMs === undefined) return undefined;
    const startedMs = sentSinceMs(row, this.of);
    const life = startedMs !== undefined ? { timerMs, startedMs } : readMs && this.ifRead(row, readMs);
    return life && this.hasEnded(life) ? endOf(life) : undefined;
  }

  /** Whether a life is over. */
  hasEnded(life: Lifetime): boolean {
    return endOf(life) <= this.time.nowMs();
  }

  private ifRead(row: Row<"item">, readMs: number): Lifetime | undefined {
    const timerMs = timerIn(row);
    if (timerMs === undefined) return undefined;
    return { timerMs, startedMs: readSinceMs(row.acceptedMs ?? row.atMs, readMs, this.time.nowMs()) };
  }

  private begin(sequence: number, life: Lifetime): readonly StoreChange[] {
    this.time.ends(endOf(life));
    return began(this.store, { conversation: this.of.id, peer: this.of.peer, sequence }, life);
  }
}

/** The rows of a running time. That of an earlier one stays, and is let go of at its end. */
export function began(
  store: SealedStore,
  place: Pick<Row<"due">, "conversation" | "peer" | "sequence">,
  life: Lifetime,
): readonly StoreChange[] {
  const due = encodeRow("due", { ...place, timerMs: life.timerMs });
  return [
    { key: keys.lifetime(store, place.conversation, place.sequence), value: encodeRow("lifetime", life) },
    { key: keys.due(store, endOf(life), place), value: due },
  ];
}
