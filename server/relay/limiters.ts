/** The table of limiters at work: one bounded map of buckets for each row. */

import { SottoError } from "@sotto/protocol";
import type { Clock, Metrics } from "../ports.js";
import { type Bucket, type BucketShape, fullBucket, isFull, take } from "./limiter.js";
import { LIMITER_KEYS, type LimiterName, type LimiterRow, limiterTable } from "./limiter-table.js";

/** How many keys are looked at to make room for a newcomer; the next newcomer looks at the next ones. */
const ROOM_SEARCH = 8;

interface Row {
  readonly shape: BucketShape;
  readonly whenCrowded: LimiterRow["whenCrowded"];
  /** In the order in which keys came, or were last passed over by the search for room. */
  readonly buckets: Map<string, Bucket>;
}

/** Counts what callers do, and says when it is too much. Holds at most `keys` buckets a row. */
export class Limiters {
  private readonly rows: Readonly<Record<LimiterName, Row>>;

  constructor(
    private readonly clock: Clock,
    private readonly metrics: Metrics,
    scale: number,
    private readonly keys = LIMITER_KEYS,
  ) {
    this.rows = mapRows((row) => ({
      shape: { capacity: row.capacity * scale, refillPerMs: (row.refillPerSecond * scale) / 1_000 },
      whenCrowded: row.whenCrowded,
      buckets: new Map(),
    }));
  }

  /** Takes `cost` tokens. Answers 0 if they were there, else the milliseconds to wait. */
  take(name: LimiterName, key: string, cost = 1): number {
    const row = this.rows[name];
    const nowMs = this.clock.monotonic();
    let bucket = row.buckets.get(key);
    if (bucket === undefined) {
      if (row.buckets.size >= this.keys && !this.makeRoom(row, nowMs)) return this.limited(name, CROWDED_RETRY_MS);
      bucket = fullBucket(row.shape, nowMs);
      row.buckets.set(key, bucket);
    }
    const waitMs = take(row.shape, bucket, nowMs, cost);
    return waitMs === 0 ? 0 : this.limited(name, waitMs);
  }

  /** As `take`. @throws tooManyRequests with the time to wait. */
  spend(name: LimiterName, key: string, cost = 1): void {
    const retryAfterMs = this.take(name, key, cost);
    if (retryAfterMs > 0) throw new SottoError("tooManyRequests", { retryAfterMs });
  }

  /** A bucket the caller keeps itself, for rows keyed by connection. */
  own(name: LimiterName): Bucket {
    return fullBucket(this.rows[name].shape, this.clock.monotonic());
  }

  /** As `take`, from a bucket the caller keeps. */
  takeOwn(name: LimiterName, bucket: Bucket, nowMs: number): number {
    const waitMs = take(this.rows[name].shape, bucket, nowMs);
    return waitMs === 0 ? 0 : this.limited(name, waitMs);
  }

  private limited(name: LimiterName, waitMs: number): number {
    this.metrics.count("limited", name);
    return waitMs;
  }

  /** Forgets a bucket that is full again; if none is near, in a row that fails open, the one used longest ago of those near. */
  private makeRoom({ shape, whenCrowded, buckets }: Row, nowMs: number): boolean {
    let oldest: string | undefined;
    let oldestMs = Number.POSITIVE_INFINITY;
    const near: [string, Bucket][] = [];
    for (const entry of buckets) {
      const [key, bucket] = entry;
      if (isFull(shape, bucket, nowMs)) {
        buckets.delete(key);
        return true;
      }
      if (bucket.atMs < oldestMs) {
        oldest = key;
        oldestMs = bucket.atMs;
      }
      if (near.push(entry) === ROOM_SEARCH) break;
    }
    for (const [key, bucket] of near) {
      buckets.delete(key);
      buckets.set(key, bucket);
    }
    if (whenCrowded === "closed" || oldest === undefined) return false;
    return buckets.delete(oldest);
  }
}

/** What a newcomer is told to wait when a row that fails closed is crowded. */
const CROWDED_RETRY_MS = 60_000;

function mapRows<T>(map: (row: LimiterRow) => T): Readonly<Record<LimiterName, T>> {
  const names = Object.keys(limiterTable) as LimiterName[];
  return Object.fromEntries(names.map((name) => [name, map(limiterTable[name])])) as Record<LimiterName, T>;
}
