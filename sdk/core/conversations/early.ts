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
  private readonly held = new Set<string>();
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
  put(key: string, value: Uint8Array): StoreChange {
    this.held.add(key);
    return { key, value };
  }

  /** The change that deletes a row. The caller commits at once. */
  drop(key: string): StoreChange {
    this.held.delete(key);
    return { key, value: undefined };
  }

  /** Whether so many more rows may be stored; deletes what waited too long if they may not. */
  async room(count: number, nowMs: number): Promise<boolean> {
    if (this.held.size + count <= MAX_EARLY) return true;
    if (nowMs - this.sweptMs >= SWEEP_PAUSE_MS) await this.sweep(nowMs);
    return this.held.size + count <= MAX_EARLY;
  }

  private async load(): Promise<void> {
    for (const prefix of [keys.earlies, keys.earlyReceipts]) {
      for await (const { key } of eachRow(this.store, prefix)) this.held.add(key);
    }
  }

  private async sweep(nowMs: number): Promise<void> {
    this.sweptMs = nowMs;
    const isOver = (sinceMs: number) => nowMs - sinceMs > WAITS_MS;
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
