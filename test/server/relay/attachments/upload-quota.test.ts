/** The arithmetic of the quota, against a model that remembers every grant. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countGrant, type GrantedDay } from "../../../../server/relay/attachments/upload-quota.js";

const DAY = 86_400_000;
const KEPT = 30 * DAY + 3_600_000;
const START = 19_000 * DAY;

const ask = (days: readonly GrantedDay[], bytes: number, nowMs: number) =>
  countGrant(days, { bytes, quotaBytes: 100, keptMs: KEPT, nowMs });

describe("the quota", () => {
  it("grants to its last byte, and not one more", () => {
    const first = ask([], 60, START);
    if (first.kind !== "granted") throw new Error("full");
    expect(ask(first.days, 40, START).kind).toBe("granted");
    expect(ask(first.days, 41, START).kind).toBe("full");
  });

  it("says when enough of what was granted counts no more, and keeps its word", () => {
    const days = [
      { day: 19_000, bytes: 30 },
      { day: 19_003, bytes: 30 },
      { day: 19_005, bytes: 40 },
    ];
    const nowMs = START + 6 * DAY;
    const answer = ask(days, 31, nowMs);
    if (answer.kind !== "full") throw new Error("granted");
    expect(nowMs + answer.retryAfterMs).toBe(19_004 * DAY + KEPT);
    expect(ask(days, 31, nowMs + answer.retryAfterMs - 1).kind).toBe("full");
    expect(ask(days, 31, nowMs + answer.retryAfterMs).kind).toBe("granted");
  });

  it("remembers what it counted for a day more: where the clock comes back by as much, it counts again", () => {
    const first = ask([], 100, START + 23 * 3_600_000);
    if (first.kind !== "granted") throw new Error("full");
    const overMs = START + DAY + KEPT;
    const second = ask(first.days, 50, overMs);
    if (second.kind !== "granted") throw new Error("full");
    expect(ask(second.days, 50, overMs).kind).toBe("granted");
    expect(ask(second.days, 1, overMs - DAY / 2).kind).toBe("full");
  });

  it("bounds what can be on disk at any time, in any order of wishes, also when the clock goes back by up to a day", () => {
    const wish = fc.record({
      bytes: fc.integer({ min: 1, max: 100 }),
      laterMs: fc.integer({ min: -DAY, max: 9 * DAY }),
    });
    fc.assert(
      fc.property(fc.array(wish, { maxLength: 80 }), (wishes) => {
        let nowMs = START;
        let latestMs = START;
        let days: readonly GrantedDay[] = [];
        const blobs: { bytes: number; goneMs: number }[] = [];
        for (const { bytes, laterMs } of wishes) {
          nowMs = Math.max(nowMs + laterMs, latestMs - DAY);
          latestMs = Math.max(latestMs, nowMs);
          const answer = ask(days, bytes, nowMs);
          if (answer.kind === "full") continue;
          ({ days } = answer);
          blobs.push({ bytes, goneMs: nowMs + KEPT });
          expect(answer.rememberedUntilMs).toBeGreaterThanOrEqual(nowMs + KEPT);
          const there = blobs.filter(({ goneMs }) => goneMs > nowMs).reduce((sum, blob) => sum + blob.bytes, 0);
          expect(there).toBeLessThanOrEqual(100);
          expect(days.map(({ day }) => day)).toEqual([...new Set(days.map(({ day }) => day))].sort((a, b) => a - b));
          expect(days.length).toBeLessThanOrEqual(34);
        }
      }),
    );
  });
});
