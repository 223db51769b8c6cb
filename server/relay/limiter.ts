/** Token buckets as arithmetic: no clock, no map, no policy. */

/** The shape of a bucket: what it holds when full, and how fast it fills. */
export interface BucketShape {
  readonly capacity: number;
  readonly refillPerMs: number;
}

/** One bucket. It starts full; `at` is the monotonic time of the last look. */
export interface Bucket {
  tokens: number;
  atMs: number;
}

/** A bucket that nobody has taken from. */
export function fullBucket(shape: BucketShape, nowMs: number): Bucket {
  return { tokens: shape.capacity, atMs: nowMs };
}

/**
 * Takes tokens, all or none. Answers 0 if they were there, else the milliseconds after which they will be.
 *
 * A cost above the capacity counts as the capacity, so that nothing is impossible for ever. A clock that stands still or
 * goes back gives nothing and takes nothing.
 */
export function take(shape: BucketShape, bucket: Bucket, nowMs: number, cost = 1): number {
  refill(shape, bucket, nowMs);
  const price = Math.min(cost, shape.capacity);
  if (bucket.tokens >= price) {
    bucket.tokens -= price;
    return 0;
  }
  return Math.max(1, Math.ceil((price - bucket.tokens) / shape.refillPerMs));
}

/** Whether a bucket is full again, so that forgetting it changes nothing. */
export function isFull(shape: BucketShape, bucket: Bucket, nowMs: number): boolean {
  return bucket.tokens + Math.max(0, nowMs - bucket.atMs) * shape.refillPerMs >= shape.capacity;
}

function refill(shape: BucketShape, bucket: Bucket, nowMs: number): void {
  const elapsedMs = nowMs - bucket.atMs;
  if (elapsedMs <= 0) return;
  bucket.tokens = Math.min(shape.capacity, bucket.tokens + elapsedMs * shape.refillPerMs);
  bucket.atMs = nowMs;
}
