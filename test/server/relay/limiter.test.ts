/** Token buckets, by arithmetic. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BucketShape, fullBucket, isFull, take } from "../../../server/relay/limiter.js";

const shape: fc.Arbitrary<BucketShape> = fc.record({
  capacity: fc.integer({ min: 1, max: 1_000 }),
  refillPerMs: fc.double({ min: 0.000_01, max: 10, noNaN: true }),
});
const steps = fc.array(
  fc.record({ laterMs: fc.integer({ min: -50, max: 5_000 }), cost: fc.integer({ min: 1, max: 20 }) }),
  {
    maxLength: 60,
  },
);

describe("a token bucket", () => {
  it("never gives more than its capacity and what was refilled since", () => {
    fc.assert(
      fc.property(shape, steps, (of, takes) => {
        const bucket = fullBucket(of, 0);
        let nowMs = 0;
        let latestMs = 0;
        let given = 0;
        for (const { laterMs, cost } of takes) {
          nowMs = Math.max(0, nowMs + laterMs);
          latestMs = Math.max(latestMs, nowMs);
          if (take(of, bucket, nowMs, cost) === 0) given += Math.min(cost, of.capacity);
          expect(given).toBeLessThanOrEqual(of.capacity + latestMs * of.refillPerMs + 1e-6);
        }
      }),
    );
  });

  it("says exactly how long to wait: then it gives, and a millisecond before it does not", () => {
    fc.assert(
      fc.property(shape, fc.integer({ min: 1, max: 2_000 }), (of, cost) => {
        const bucket = fullBucket(of, 0);
        while (take(of, bucket, 0, cost) === 0);
        const waitMs = take(of, bucket, 0, cost);
        expect(waitMs).toBeGreaterThanOrEqual(1);
        if (waitMs > 2) expect(take(of, { ...bucket }, waitMs - 2, cost)).toBeGreaterThan(0);
        expect(take(of, bucket, waitMs + 1e-3, cost)).toBe(0);
      }),
    );
  });

  it("takes nothing when it refuses", () => {
    fc.assert(
      fc.property(shape, fc.nat(1_000), (of, nowMs) => {
        const bucket = { tokens: 0.5, atMs: nowMs };
        const before = { ...bucket };
        expect(take(of, bucket, nowMs)).toBeGreaterThan(0);
        expect(bucket).toEqual(before);
      }),
    );
  });

  it("is full again after capacity over refill, and not before", () => {
    fc.assert(
      fc.property(shape, (of) => {
        const bucket = fullBucket(of, 0);
        take(of, bucket, 0, of.capacity);
        expect(isFull(of, bucket, (of.capacity / of.refillPerMs) * 0.99)).toBe(false);
        expect(isFull(of, bucket, (of.capacity / of.refillPerMs) * 1.01)).toBe(true);
      }),
    );
  });
});
