/** How much one address and one session may ask: token buckets, in bounded maps. */

import type { Clock } from "../../ports.js";
import { type Bucket, type BucketShape, fullBucket, isFull, take } from "../../relay/limiter.js";

/** What is counted, by whom, and why so much. */
const shapes = {
  /** Anything, by address: pages, and a console that looks at its queue every few seconds, for a team behind one address. */
  requests: { capacity: 600, refillPerMs: 20 / 1_000 },
  /** Codes, challenges and proofs, by address: nobody needs more, and whoever guesses gets no further. */
  strangers: { capacity: 20, refillPerMs: 1 / 6_000 },
  /** Anything, by session: one person at one console. */
  session: { capacity: 300, refillPerMs: 5 / 1_000 },
  /** Blobs, by session: the attachments of some long reports at once. */
  blobs: { capacity: 128, refillPerMs: 1 / 1_000 },
} as const satisfies Record<string, BucketShape>;

/** What is counted. */
export type CallerLimit = keyof typeof shapes;

/** Buckets a limit remembers; beyond, the oldest is forgotten. The desk has few callers, and all of them are limited together. */
const MAX_KEYS = 10_000;

/** Counts what callers do. */
export class Callers {
  readonly #clock: Clock;
  readonly #buckets: Readonly<Record<CallerLimit, Map<string, Bucket>>> = {
    requests: new Map(),
    strangers: new Map(),
    session: new Map(),
    blobs: new Map(),
  };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes one token. Answers 0 if it was there, else the milliseconds to wait. */
  take(limit: CallerLimit, key: string): number {
    const shape = shapes[limit];
    const buckets = this.#buckets[limit];
    const nowMs = this.#clock.monotonic();
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      this.#makeRoom(buckets, shape, nowMs);
      bucket = fullBucket(shape, nowMs);
      buckets.set(key, bucket);
    }
    return take(shape, bucket, nowMs);
  }

  #makeRoom(buckets: Map<string, Bucket>, shape: BucketShape, nowMs: number): void {
    if (buckets.size < MAX_KEYS) return;
    for (const [key, bucket] of buckets) if (isFull(shape, bucket, nowMs)) buckets.delete(key);
    const [oldest] = buckets.keys();
    if (buckets.size >= MAX_KEYS && oldest !== undefined) buckets.delete(oldest);
  }
}
