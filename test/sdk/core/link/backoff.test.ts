import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_DELAY_MS, MAX_RETRY_AFTER_MS, MIN_DELAY_MS, nextDelayMs } from "../../../../sdk/core/link/backoff.js";

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const failures = fc.integer({ min: 1, max: 1_000_000 });

describe("the wait before the next dial", () => {
  it("stays between its shortest and its longest, however often the relay failed", () => {
    fc.assert(
      fc.property(failures, chance, fc.constantFrom("soon" as const, "slow" as const), (count, luck, pace) => {
        const delayMs = nextDelayMs({ failures: count, pace, chance: luck });
        expect(delayMs).toBeGreaterThanOrEqual(pace === "slow" ? MAX_DELAY_MS / 2 : MIN_DELAY_MS);
        expect(delayMs).toBeLessThanOrEqual(MAX_DELAY_MS);
      }),
    );
  });

  it("never shrinks with another failure, for the same luck", () => {
    fc.assert(
      fc.property(failures, chance, (count, luck) => {
        const now = nextDelayMs({ failures: count, pace: "soon", chance: luck });
        const next = nextDelayMs({ failures: count + 1, pace: "soon", chance: luck });
        expect(next).toBeGreaterThanOrEqual(now);
      }),
    );
  });

  it("is never shorter than the relay asked, and never longer than the bound on what it may ask", () => {
    fc.assert(
      fc.property(failures, chance, fc.nat(Number.MAX_SAFE_INTEGER), (count, luck, retryAfterMs) => {
        const delayMs = nextDelayMs({ failures: count, pace: "soon", chance: luck, retryAfterMs });
        expect(delayMs).toBeGreaterThanOrEqual(Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
        expect(delayMs).toBeLessThanOrEqual(MAX_RETRY_AFTER_MS * 1.25);
      }),
    );
  });

  it("spreads devices that failed together, also when the relay named one time for all", () => {
    const at = (luck: number) => nextDelayMs({ failures: 1, pace: "soon", chance: luck, retryAfterMs: 60_000 });
    expect(at(0)).toBe(60_000);
    expect(at(0.5)).toBe(67_500);
    expect(nextDelayMs({ failures: 1, pace: "soon", chance: 0 })).toBe(250);
    expect(nextDelayMs({ failures: 1, pace: "soon", chance: 0.5 })).toBe(625);
    expect(nextDelayMs({ failures: 8, pace: "soon", chance: 0.999_999 })).toBe(30_000);
  });
});
