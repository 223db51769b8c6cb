/**
 * The one writer of a store. While a batch is being written the next one gathers, so that under load many calls share
 * one sync and an idle store commits at once. No timers.
 */

import { StoreError } from "../../ports.js";
import type { Durability, Engine, EngineBatch } from "../engine.js";

/** Calls in one batch: as many as envelopes of 1 KiB fit its bytes. More would only lengthen the wait of the first. */
const MAX_BATCH_CALLS = 4_096;
/** Bytes of one batch before it takes no further call. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** Full batches that may wait; then the disk is too slow and calls are refused. */
const MAX_WAITING_BATCHES = 16;

/** Something with a summary row that is written once per batch, however many calls changed it. */
export interface Participant {
  /** Adds the row, if one is due; answers what to do once the batch is on disk. */
  seal(batch: Batch): () => void;
}

/** Rows of several calls on their way to the disk together. */
export class Batch {
  /** Resolves when the rows are on disk; rejects with a fatal StoreError if the store failed. */
  readonly done: Promise<void>;
  calls = 0;
  bytes = 0;
  readonly #rows: EngineBatch;
  #participants: Participant[] = [];
  #afterwards: (() => void)[] = [];
  #resolve!: () => void;
  #reject!: (error: StoreError) => void;

  constructor(rows: EngineBatch) {
    this.#rows = rows;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Not every batch has a caller who waits; the failure itself is told through `Writer.failed`.
    this.done.catch(() => {});
  }

  put(key: Buffer, value: Buffer): void {
    this.#rows.put(key, value);
  }

  delete(key: Buffer): void {
    this.#rows.delete(key);
  }

  /** Has a participant add its row when the batch closes. Called once per participant and batch. */
  join(participant: Participant): void {
    this.#participants.push(participant);
  }

  /** Runs when the batch is on disk, before `done` resolves. */
  afterwards(work: () => void): void {
    this.#afterwards.push(work);
  }

  /** Collects the participants' rows; nothing is added afterwards. */
  seal(): void {
    for (const participant of this.#participants) this.#afterwards.push(participant.seal(this));
    this.#participants = [];
  }

  async write(durability: Durability): Promise<void> {
    await this.#rows.write(durability);
    for (const work of this.#afterwards) work();
  }

  resolve(): void {
    this.#resolve();
  }

  reject(error: StoreError): void {
    this.#reject(error);
  }
}

/** Takes changes synchronously and commits them in the order they came. */
export class Writer {
  /** Resolves with the reason when a write failed; every pending and later call rejects with it. */
  readonly failed: Promise<StoreError>;
  readonly #engine: Engine;
  readonly #durability: Durability;
  #state: "closed" | "open" | "closing" = "closed";
  #failure: StoreError | undefined;
  #reportFailure!: (error: StoreError) => void;
  #gathering: Batch | undefined;
  #waiting: Batch[] = [];
  #writing: Batch | undefined;

  constructor(engine: Engine, durability: Durability) {
    this.#engine = engine;
    this.#durability = durability;
    this.failed = new Promise((resolve) => {
      this.#reportFailure = resolve;
    });
  }

  /** Takes changes from now on. */
  open(): void {
    this.#state = "open";
  }

  /**
   * Returns if the store may be read.
   *
   * @throws StoreError `unavailable` if the store is not open, `fatal` if it has failed.
   */
  assertOpen(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#state !== "open") throw new StoreError("unavailable", "The store is not open.");
  }

  /**
   * Returns if a change would be taken now.
   *
   * @throws StoreError as `assertOpen`, and `unavailable` if too much waits already.
   */
  assertAccepting(): void {
    this.assertOpen();
    if (this.#waiting.length >= MAX_WAITING_BATCHES) {
      throw new StoreError("unavailable", "The disk is slower than the writes; too many wait.");
    }
  }

  /**
   * Adds the rows of one call, all of which share one commit. Answers the batch they are in.
   *
   * `sizeBytes` counts towards the batch's bound. If `change` throws, half a call may be in the batch: the store fails.
   *
   * @throws StoreError as `assertAccepting`.
   */
  change(sizeBytes: number, change: (batch: Batch) => void): Batch {
    this.assertAccepting();
    try {
      const batch = this.#batchWithRoom(sizeBytes);
      change(batch);
      batch.calls += 1;
      batch.bytes += sizeBytes;
      return batch;
    } catch (cause) {
      throw this.#fail(cause);
    }
  }

  /** Commits what waits, then takes nothing more. Idempotent. */
  async close(): Promise<void> {
    if (this.#state === "open") this.#state = "closing";
    for (let last = this.#last(); last !== undefined; last = this.#last()) await last.done.catch(() => {});
    this.#state = "closed";
  }

  #last(): Batch | undefined {
    return this.#gathering ?? this.#waiting.at(-1) ?? this.#writing;
  }

  #batchWithRoom(sizeBytes: number): Batch {
    const gathering = this.#gathering;
    if (gathering !== undefined) {
      if (gathering.calls < MAX_BATCH_CALLS && gathering.bytes + sizeBytes <= MAX_BATCH_BYTES) return gathering;
      gathering.seal();
      this.#waiting.push(gathering);
    }
    const batch = new Batch(this.#engine.batch());
    this.#gathering = batch;
    // Not at once: the caller's rows are not in it yet, and calls of the same turn may share the commit.
    if (this.#writing === undefined) queueMicrotask(() => this.#writeNext());
    return batch;
  }

  #writeNext(): void {
    if (this.#writing !== undefined || this.#failure !== undefined) return;
    const batch = this.#waiting.shift() ?? this.#gathering;
    if (batch === undefined) return;
    try {
      if (batch === this.#gathering) {
        this.#gathering = undefined;
        this.#writing = batch;
        batch.seal();
      }
      this.#writing = batch;
    } catch (cause) {
      this.#fail(cause);
      return;
    }
    batch.write(this.#durability).then(
      () => {
        this.#writing = undefined;
        this.#writeNext();
        batch.resolve();
      },
      (cause: unknown) => void this.#fail(cause),
    );
  }

  /** After a failed sync nobody knows what LevelDB's log holds: nothing is retried, the store must be reopened. */
  #fail(cause: unknown): StoreError {
    this.#failure ??= new StoreError("fatal", "A write failed; the store must be reopened.", { cause });
    const failure = this.#failure;
    for (const batch of [this.#writing, ...this.#waiting, this.#gathering]) batch?.reject(failure);
    this.#writing = undefined;
    this.#waiting = [];
    this.#gathering = undefined;
    this.#reportFailure(failure);
    return failure;
  }
}
