/** Ends messages in time: one timer for a process, which counts the relay's time and takes what is due in the order of ends. */

import { type Conversations, type Thread, Conversations as Threads } from "../conversations/conversations.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { Clock, StoreChange } from "../ports.js";
import { decodeRow, dueMsOf, eachRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { began, type Time } from "./lives.js";
import { type RelayTime, STEP_MS } from "./relay-time.js";
import type { Removal } from "./removal.js";

/** Messages of one commit. */
const BATCH = 64;

/** What ending in time works with. */
export interface DisappearingParts {
  readonly store: SealedStore;
  readonly clock: Clock;
  readonly time: RelayTime;
  readonly conversations: Pick<Conversations, "threadOf">;
  readonly locks: KeyedLock;
  readonly removal: Pick<Removal, "of">;
  failed(error: unknown): void;
}

interface Due {
  readonly key: string;
  readonly row: Row<"due">;
}

/**
 * Watches over ends.
 *
 *   waiting ──the next end, or 10 s──▶ due? ──no──▶ waiting
 *                                       └──yes──▶ ending, batch by batch ──▶ waiting
 *
 * A batch is one commit, so a crash leaves each message whole or gone; what is left is due at the next start.
 */
export class Disappearing implements Time {
  private timer: { cancel(): void } | undefined;
  private nextMs = Number.POSITIVE_INFINITY;
  private work: Promise<void> = Promise.resolve();
  private state: "loading" | "waiting" | "ending" | "closed" = "loading";
  private isTold = false;

  constructor(private readonly parts: DisappearingParts) {}

  /** Takes up what an earlier run left, and ends what is due meanwhile. */
  async load(): Promise<void> {
    await this.parts.time.load();
    this.state = "waiting";
    await this.findNext();
    this.wait();
  }

  /** What time it is at the relay. */
  nowMs(): number {
    return this.parts.time.nowMs();
  }

  /** Something will end then. Called in the turn that commits its row. */
  ends(dueMs: number): void {
    if (dueMs >= this.nextMs) return;
    this.nextMs = dueMs;
    if (this.state === "waiting") this.wait();
  }

  /** The relay said what time it is. */
  told(relayMs: number): void {
    if (this.isClosed()) return;
    const { time, store } = this.parts;
    const isFirst = !this.isTold;
    this.isTold = true;
    const moved = time.told(relayMs);
    // What began while the clock was ahead, in this run or before, begins now at the latest.
    if (isFirst || moved === "back") this.afterwards(() => this.beginNoLater());
    const kept = time.keep();
    if (kept.length > 0) this.afterwards(() => store.commit(kept));
    if (this.state === "waiting") this.wait();
  }

  /** Ends nothing any more; what is due ends with the next client. Idempotent. */
  close(): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.timer?.cancel();
    this.afterwards(() => this.parts.store.commit(this.parts.time.keepNow()));
  }

  /**
   * Runs work when nothing that is due now is here any more, and ends nothing before that settles: what the work reads has not gone
   * when it commits, and whatever looks for it at its end looks behind that commit. The work waits for no conversation's lock.
   */
  still<T>(work: () => Promise<T>): Promise<T> {
    if (this.parts.time.nowMs() >= this.nextMs) this.look();
    const done = this.work.then(work);
    // If it fails, that is its caller's affair.
    this.work = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }

  /** Settles when what was begun is durable. */
  async settled(): Promise<void> {
    await this.work;
  }

  private afterwards(work: () => Promise<void>): void {
    this.work = this.work.then(work).catch((error: unknown) => this.parts.failed(error));
  }

  private wait(): void {
    const { clock, time } = this.parts;
    this.timer?.cancel();
    time.begin();
    const delayMs = Math.min(STEP_MS, Math.max(0, this.nextMs - time.nowMs()));
    this.timer = clock.after(delayMs, () => {
      time.step(delayMs);
      this.look();
    });
  }

  private look(): void {
    if (this.state !== "waiting") return;
    if (this.parts.time.nowMs() < this.nextMs) {
      this.wait();
      return;
    }
    this.state = "ending";
    this.afterwards(async () => {
      await this.end();
      if (this.isClosed()) return;
      this.state = "waiting";
      this.wait();
    });
  }

  /** Everything that is due. */
  private async end(): Promise<void> {
    const { store, time } = this.parts;
    // What was deleted just now is not read over again. What begins to be over meanwhile, and earlier, is due once more.
    let after: string = keys.dues;
    for (;;) {
      if (this.isClosed()) return;
      const before = keys.duesAt(store, time.nowMs() + 1);
      const due = await store.list({ after, before, limit: BATCH, order: "ascending" });
      const last = due.at(-1);
      if (last === undefined) break;
      after = last.key;
      const batch = due.map(({ key, value }) => ({ key, row: decodeRow("due", value) }));
      for (const rows of byConversation(batch)) await this.endIn(rows);
    }
    await this.findNext();
  }

  private async endIn(due: readonly [Due, ...Due[]]): Promise<void> {
    const { store, locks, removal, time } = this.parts;
    const thread = await this.threadOf(due[0].row);
    const ended = await locks.run(Threads.lockKey(thread), async () => {
      const { changes, told } = await removal.of(
        thread,
        due.map(({ key }) => key),
      );
      return { durable: store.commit([...changes(), ...time.keep()]), told };
    });
    await ended.durable;
    ended.told();
  }

  private async findNext(): Promise<void> {
    const { store } = this.parts;
    this.nextMs = Number.POSITIVE_INFINITY;
    const [first] = await store.list({ after: keys.dues, before: AFTER_DUES, limit: 1, order: "ascending" });
    if (first !== undefined) this.nextMs = Math.min(this.nextMs, dueMsOf(store, first.key));
  }

  /** Nothing began later than now: what says so was begun by a clock that was ahead. */
  private async beginNoLater(): Promise<void> {
    const { store, time, locks } = this.parts;
    for await (const { key, value } of eachRow(store, keys.dues)) {
      if (this.isClosed()) return;
      const row = decodeRow("due", value);
      const dueMs = dueMsOf(store, key);
      // The relay's own times may be ahead of what was counted since it was last heard.
      if (dueMs - row.timerMs <= time.nowMs() + STEP_MS) continue;
      const thread = await this.threadOf(row);
      await locks.run(Threads.lockKey(thread), async () => {
        const life = await thread.timeline.lives.at(row.sequence);
        const changes: StoreChange[] = [{ key, value: undefined }];
        const startedMs = time.nowMs();
        const isOf = life !== undefined && life.startedMs + life.timerMs === dueMs;
        if (isOf) changes.push(...began(store, row, { timerMs: row.timerMs, startedMs }));
        await store.commit(changes);
        if (isOf) this.ends(startedMs + row.timerMs);
      });
    }
  }

  private threadOf({ peer, conversation }: Row<"due">): Promise<Thread> {
    return this.parts.conversations.threadOf(peer === undefined ? { group: conversation } : { recipient: peer });
  }

  private isClosed(): boolean {
    return this.state === "closed";
  }
}

const AFTER_DUES = `${keys.dues.slice(0, -1)}0`;

/** The rows of each conversation, in their order. */
function byConversation(due: readonly Due[]): readonly (readonly [Due, ...Due[]])[] {
  const found = new Map<string, [Due, ...Due[]]>();
  for (const one of due) {
    const rows = found.get(one.row.conversation);
    if (rows === undefined) found.set(one.row.conversation, [one]);
    else rows.push(one);
  }
  return [...found.values()];
}
