/** What came before the message it is about: which rows there are, and that they stay few. */

import { type AccountId, type Content, type MessageId, parseMessageId } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import { decodeRow, eachRow, keys } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { readStored } from "./stored-content.js";

/**
 * Rows held in all. Beyond that a newcomer is refused: rows have no order by age that a look would find, and whoever
 * fills them up must not push out what others wait for.
 */
export const MAX_EARLY = 10_000;

/** Rows held for one holder, so that no contact and no member takes all the room. */
export const MAX_EARLY_OF_ONE = 1_000;

/** What a row waits for comes within the relay's time to live, or never. */
const WAITS_MS = 31 * 24 * 3_600_000;
/** A full house is searched for what waited too long at most this often. */
const SWEEP_PAUSE_MS = 60 * 60_000;

/** Whose room a word takes: its conversation's; in a group, whose contents name a revision, each member has its own. */
export function holderOf({ conversation, revision, sender }: Content): string {
  return revision === undefined ? conversation : `${conversation}/${sender}`;
}

/** What is remembered of a row. */
interface Held {
  /** Whose room it takes, under the name that keys give it. */
  readonly holder: string;
  /** The message that a word is about, and who says it. */
  readonly about?: { readonly message: string; readonly sender: AccountId } | undefined;
  /** Rises with everything that is put. */
  readonly number: number;
}

/**
 * The early rows of all conversations.
 *
 * Their keys are in memory (some 200 bytes each), so that a message without any, which is nearly every message, asks the
 * disk for none.
 */
export class Early {
  private readonly held = new Map<string, Held>();
  private readonly counts = new Map<string, number>();
  /** How many rows of each account there are about a message. */
  private readonly words = new Map<string, Map<AccountId, number>>();
  private loading: Promise<void> | undefined;
  private sweptMs = Number.NEGATIVE_INFINITY;
  private sweeping: Promise<void> | undefined;
  /** How often a row was put. */
  private puts = 0;

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

  /** Who said something about a message before it came. */
  speakers(conversation: string, message: MessageId): readonly AccountId[] {
    return [...(this.words.get(`${conversation}/${message}`)?.keys() ?? [])];
  }

  /** How many rows of an account there are about a message. */
  rowsOf(conversation: string, message: MessageId, sender: AccountId): number {
    return this.words.get(`${conversation}/${message}`)?.get(sender) ?? 0;
  }

  /** The messages that an account said something about before they came. */
  targetsOf(conversation: string, sender: AccountId): readonly MessageId[] {
    const prefix = `${conversation}/`;
    return [...this.words].flatMap(([message, speakers]) =>
      message.startsWith(prefix) && speakers.has(sender) ? [parseMessageId(message.slice(prefix.length))] : [],
    );
  }

  /** The change that stores a row, of a word if it is one. The caller asked for `room` before, and commits at once. */
  put(holder: string, key: string, value: Uint8Array, word?: Content): StoreChange {
    this.hold(key, { holder: this.nameOf(holder), about: word && aboutOf(word) });
    return { key, value };
  }

  /** The change that deletes a row. The caller commits at once. */
  drop(key: string): StoreChange {
    const row = this.held.get(key);
    if (row !== undefined) this.count(row, -1);
    this.held.delete(key);
    return { key, value: undefined };
  }

  /** Whether a holder may store so many more rows; deletes what waited too long if it may not. */
  async room(holder: string, count: number, nowMs: number): Promise<boolean> {
    const name = this.nameOf(holder);
    if (this.hasRoom(name, count)) return true;
    if (nowMs - this.sweptMs >= SWEEP_PAUSE_MS) {
      this.sweptMs = nowMs;
      this.sweeping = this.sweep(nowMs);
    }
    // Also one that somebody else began: it makes room for all.
    await this.sweeping;
    return this.hasRoom(name, count);
  }

  private hasRoom(name: string, count: number): boolean {
    return this.held.size + count <= MAX_EARLY && (this.counts.get(name) ?? 0) + count <= MAX_EARLY_OF_ONE;
  }

  private hold(key: string, row: Omit<Held, "number">): void {
    if (!this.held.has(key)) this.count(row, 1);
    this.puts += 1;
    this.held.set(key, { ...row, number: this.puts });
  }

  private count({ holder, about }: Omit<Held, "number">, by: 1 | -1): void {
    this.counts.set(holder, (this.counts.get(holder) ?? 0) + by);
    if (about === undefined) return;
    const { message, sender } = about;
    const speakers = this.words.get(message) ?? new Map<AccountId, number>();
    this.words.set(message, speakers);
    const rows = (speakers.get(sender) ?? 0) + by;
    if (rows > 0) speakers.set(sender, rows);
    else speakers.delete(sender);
    if (speakers.size === 0) this.words.delete(message);
  }

  private nameOf(holder: string): string {
    return keys.earlyReceiptsOf(this.store, holder);
  }

  private async load(): Promise<void> {
    for await (const { key, value } of eachRow(this.store, keys.earlies)) {
      const word = readStored(decodeRow("early", value).content);
      this.hold(key, { holder: this.nameOf(holderOf(word)), about: aboutOf(word) });
    }
    for await (const { key } of eachRow(this.store, keys.earlyReceipts)) {
      this.hold(key, { holder: key.slice(0, key.lastIndexOf("/") + 1) });
    }
  }

  private async sweep(nowMs: number): Promise<void> {
    const before = this.puts;
    // A word's time is its sender's claim: one from far ahead would stay for as long as that says.
    const isOver = (sinceMs: number) => Math.abs(nowMs - sinceMs) > WAITS_MS;
    const over: string[] = [];
    for await (const { key, value } of eachRow(this.store, keys.earlies)) {
      if (isOver(readStored(decodeRow("early", value).content).sentAtMs)) over.push(key);
    }
    for await (const { key, value } of eachRow(this.store, keys.earlyReceipts)) {
      if (isOver(decodeRow("earlyReceipt", value).atMs)) over.push(key);
    }
    // Under the key of what was read something else may have been put meanwhile.
    const isStill = (key: string) => (this.held.get(key)?.number ?? 0) <= before;
    await this.store.commit(over.filter(isStill).map((key) => this.drop(key)));
  }
}

function aboutOf(word: Content): Held["about"] {
  return "target" in word ? { message: `${word.conversation}/${word.target}`, sender: word.sender } : undefined;
}
