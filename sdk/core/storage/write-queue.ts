/** Group commit: what arrives while one write is under way goes into the next. */

import { SottoError } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";

/** Changes one write carries at most; a single commit is never cut. */
const MAX_CHANGES = 2_048;
/** Bytes one write carries at most; a single commit is never cut. */
const MAX_WRITE_BYTES = 4_194_304;
/** Bytes that may wait. A disk this far behind has failed. */
const MAX_WAITING_BYTES = 134_217_728;

interface Waiting {
  readonly number: number;
  readonly changes: readonly StoreChange[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: SottoError) => void;
}

/** What a queue needs of its owner. */
export interface WriteQueueOwner {
  /** Writes changes, all or none, in order; each key occurs once. */
  write(changes: readonly StoreChange[]): Promise<void>;
  /** Every commit up to this number is durable. Called before their promises resolve. */
  durable(number: number): void;
}

/**
 * Commits in order, several to a write.
 *
 *   idle ──commit──▶ writing ──written, none waits──▶ idle
 *                      │  ▲ └──written, some wait──┐
 *                      │  └────────────────────────┘
 *                      └──write fails──▶ failed (for good: everything waiting and later rejects storeFailed)
 */
export class WriteQueue {
  readonly #owner: WriteQueueOwner;
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #numbered = 0;
  #running: Promise<void> | undefined;
  #failure: SottoError | undefined;
  readonly failed: Promise<SottoError>;
  readonly #settleFailed: (error: SottoError) => void;

  constructor(owner: WriteQueueOwner) {
    this.#owner = owner;
    const { promise, resolve } = deferred<SottoError>();
    this.failed = promise;
    this.#settleFailed = resolve;
  }

  /** Why the queue failed, if it did. */
  get failure(): SottoError | undefined {
    return this.#failure;
  }

  /** Queues a commit. Its number is known at once; `done` resolves when it and all before it are durable. */
  add(changes: readonly StoreChange[]): { readonly number: number; readonly done: Promise<void> } {
    const number = ++this.#numbered;
    if (this.#failure !== undefined) return { number, done: Promise.reject(this.#failure) };
    const bytes = changes.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0);
    const done = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ number, changes, bytes, resolve, reject });
    });
    this.#waitingBytes += bytes;
    if (this.#waitingBytes > MAX_WAITING_BYTES) {
      this.#fail(new SottoError("storeFailed", { detail: "the disk does not keep up" }), []);
    } else {
      this.#running ??= this.#run();
    }
    return { number, done };
  }

  /** Resolves once nothing waits and nothing is being written, whether that went well or not. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // Whatever is committed in the same turn shares the first write.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#take();
      try {
        await this.#owner.write(lastOfEach(group));
      } catch (cause) {
        this.#fail(new SottoError("storeFailed", { detail: "a write failed", cause }), group);
        break;
      }
      this.#owner.durable((group.at(-1) as Waiting).number);
      for (const { resolve } of group) resolve();
    }
    this.#running = undefined;
  }

  #take(): readonly Waiting[] {
    let count = 0;
    let changes = 0;
    let bytes = 0;
    for (const next of this.#waiting) {
      changes += next.changes.length;
      bytes += next.bytes;
      if (count > 0 && (changes > MAX_CHANGES || bytes > MAX_WRITE_BYTES)) break;
      count++;
      this.#waitingBytes -= next.bytes;
    }
    return this.#waiting.splice(0, count);
  }

  #fail(error: SottoError, group: readonly Waiting[]): void {
    this.#failure = error;
    const waiting = this.#waiting.splice(0);
    this.#waitingBytes = 0;
    for (const { reject } of [...group, ...waiting]) reject(error);
    this.#settleFailed(error);
  }
}

/** The last change of each key: in one atomic write the earlier ones would never be seen. */
function lastOfEach(group: readonly Waiting[]): readonly StoreChange[] {
  const last = new Map<string, StoreChange>();
  for (const { changes } of group) for (const change of changes) last.set(change.key, change);
  return [...last.values()];
}

function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
