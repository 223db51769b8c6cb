/** What came before the message it is about: which rows there are, and that they stay few. */

import type { StoreChange } from "../ports.js";
import { decodeRow, eachRow, keys } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { readStored } from "./stored-content.js";

/**
 * Rows held in all. Beyond that a newcomer is refused: rows have no order by age that a look would find, and whoever
 * fills them up must not push out what others wait for.
 */
export const MAX_EARLY = 10_000;

/** Rows held for one conversation, so that no contact takes all the room. */
export const MAX_EARLY_OF_ONE = 1_000;

/** What a row waits for comes within the relay's time to live, or never. */
const WAITS_MS = 31 * 24 * 3_600_000;
/** A full house is searched for what waited too long at most this often. */
const SWEEP_PAUSE_MS = 60 * 60_000;

/**
 * The early rows of all conversations.
 *
 * Their keys are in memory (some 60 bytes each), so that a message without any, which is nearly every message, asks the
 * disk for none.
 */
export class Early {
  /** Which conversation each row is of, under the name that its keys give it. */
  private readonly held = new Map<string, string>();
  private readonly counts = new Map<string, number>();
  private loading: Promise<void> | undefined;
  private sweptMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly store: SealedStore) {}

  /** Settles once it is known what is held. Nothing else here may be called before. */
  ready(): Promise<void> {
    this.loading ??= this.load();
    return this.loading;
  }

  /** Whether there is a row under this key. */
  has(key: string): boolean {
    return this.held.has(key);
  }

  /** The change that stores a row. The caller asked for `room` before, and commits at once. */
  put(conversation: string, key: string, value: Uint8Array): StoreChange {
    this.hold(key, this.nameOf(conversation));
    return { key, value };
  }

  /** The change that deletes a row. The caller commits at once. */
  drop(key: string): StoreChange {
    const name = this.held.get(key);
    if (name !== undefined) this.counts.set(name, (this.counts.get(name) ?? 0) - 1);
    this.held.delete(key);
    return { key, value: undefined };
  }

  /** Whether so many more rows of a conversation may be stored; deletes what waited too long if they may not. */
  async room(conversation: string, count: number, nowMs: number): Promise<boolean> {
    const name = this.nameOf(conversation);
    if (this.hasRoom(name, count)) return true;
    if (nowMs - this.sweptMs >= SWEEP_PAUSE_MS) await this.sweep(nowMs);
    return this.hasRoom(name, count);
  }

  private hasRoom(name: string, count: number): boolean {
    return this.held.size + count <= MAX_EARLY && (this.counts.get(name) ?? 0) + count <= MAX_EARLY_OF_ONE;
  }

  private hold(key: string, name: string): void {
    if (this.held.has(key)) return;
    this.held.set(key, name);
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  private nameOf(conversation: string): string {
    return keys.earlyReceiptsOf(this.store, conversation);
  }

  private async load(): Promise<void> {
    for await (const { key, value } of eachRow(this.store, keys.earlies)) {
      this.hold(key, this.nameOf(readStored(decodeRow("early", value).content).conversation));
    }
    for await (const { key } of eachRow(this.store, keys.earlyReceipts)) {
      this.hold(key, key.slice(0, key.lastIndexOf("/") + 1));
    }
  }

  private async sweep(nowMs: number): Promise<void> {
    this.sweptMs = nowMs;
    // A word's time is its sender's claim: one from far ahead would stay for as long as that says.
    const isOver = (sinceMs: number) => Math.abs(nowMs - sinceMs) > WAITS_MS;
    const over: string[] = [];
    for await (const { key, value } of eachRow(this.store, keys.earlies)) {
      if (isOver(readStored(decodeRow("early", value).content).sentAtMs)) over.push(key);
    }
    for await (const { key, value } of eachRow(this.store, keys.earlyReceipts)) {
      if (isOver(decodeRow("earlyReceipt", value).atMs)) over.push(key);
    }
    await this.store.commit(over.map((key) => this.drop(key)));
  }
}
