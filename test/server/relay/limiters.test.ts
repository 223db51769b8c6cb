/** The table of limiters at work. */

import { describe, expect, it } from "vitest";
import { type LimiterName, limiterTable } from "../../../server/relay/limiter-table.js";
import { Limiters } from "../../../server/relay/limiters.js";
import { ManualClock } from "./support/manual-clock.js";

function limiters(keys = 4, scale = 1) {
  const clock = new ManualClock();
  const limited: (string | undefined)[] = [];
  const metrics = { count: (_: string, label?: string) => limited.push(label), gauge: () => {}, observe: () => {} };
  return { clock, limited, limiters: new Limiters(clock, metrics, scale, keys) };
}

/** Takes all a bucket holds. */
function exhaust(of: Limiters, name: LimiterName, key: string): void {
  of.take(name, key, limiterTable[name].capacity);
}

describe("limiters", () => {
  it("count every key by itself, say how long to wait, and are counted by row", () => {
    const { clock, limited, limiters: of } = limiters();
    exhaust(of, "registrationsPerUser", "alice");
    const waitMs = of.take("registrationsPerUser", "alice");
    expect(waitMs).toBe(30_000);
    expect(of.take("registrationsPerUser", "bob")).toBe(0);
    expect(limited).toEqual(["registrationsPerUser"]);
    clock.advance(waitMs);
    expect(of.take("registrationsPerUser", "alice")).toBe(0);
  });

  it("throw tooManyRequests with the wait where a rule spends", () => {
    const { limiters: of } = limiters();
    exhaust(of, "resolvesPerAccount", "a");
    expect(() => of.spend("resolvesPerAccount", "a")).toThrow(
      expect.objectContaining({ code: "tooManyRequests", retryAfterMs: 1_000 }),
    );
  });

  it("are multiplied by the policy's scale", () => {
    const { limiters: of } = limiters(4, 10);
    const { capacity } = limiterTable.resolvesPerAccount;
    expect(of.take("resolvesPerAccount", "a", capacity * 10)).toBe(0);
    expect(of.take("resolvesPerAccount", "a")).toBe(100);
  });

  it("that fail closed refuse newcomers while no bucket is full again, and keep count of the others", () => {
    const { clock, limiters: of } = limiters(4);
    for (const key of ["a", "b", "c", "d"]) exhaust(of, "registrationsPerAddress", key);
    expect(of.take("registrationsPerAddress", "e")).toBeGreaterThan(0);
    expect(of.take("registrationsPerAddress", "a")).toBeGreaterThan(0);
    clock.advance(400_000);
    expect(of.take("registrationsPerAddress", "e")).toBe(0);
  });

  it("that fail open forget the key used longest ago for a newcomer", () => {
    const { clock, limiters: of } = limiters(4);
    for (const key of ["a", "b", "c", "d"]) {
      exhaust(of, "sendsPerAddress", key);
      clock.advance(10);
    }
    of.take("sendsPerAddress", "a", 5);
    expect(of.take("sendsPerAddress", "e", 10_000)).toBe(0);
    expect(of.take("sendsPerAddress", "c", 9_999)).toBeGreaterThan(0);
    expect(of.take("sendsPerAddress", "d", 9_999)).toBeGreaterThan(0);
    expect(of.take("sendsPerAddress", "b", 10_000)).toBe(0);
  });

  it("never hold more keys than they may", () => {
    const { limiters: of } = limiters(8);
    let refused = 0;
    for (let number = 0; number < 1_000; number++) {
      if (of.take("firstContactsPerAccount", `key ${number}`, 50) > 0) refused += 1;
      of.take("sendsPerAddress", `key ${number}`);
    }
    expect(refused).toBe(992);
  });
});

describe("the table", () => {
  it("has sane rows: a burst of at least one, a refill above nothing, a reason", () => {
    for (const [name, row] of Object.entries(limiterTable)) {
      expect(row.capacity, name).toBeGreaterThanOrEqual(1);
      expect(row.refillPerSecond, name).toBeGreaterThan(0);
      expect(row.why.length, name).toBeGreaterThan(10);
    }
  });
});
