import { limits } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { earlierLife, endOf, readSinceMs, timerOf } from "../../../../sdk/core/disappearing/lifetime.js";
import { contentOf, freshId, me, messages, peer } from "./fixture.js";

describe("a timer", () => {
  it("is of messages alone: what is about one goes with it, and what is neither stays", () => {
    for (const saying of messages) expect(timerOf(contentOf(peer, saying, { timerMs: 5 }))).toBe(5);
    const target = freshId();
    const others = [
      { kind: "edit", target, text: "x" },
      { kind: "reaction", target, emoji: "👍", action: "add" },
      { kind: "delete", target },
      { kind: "vote", target, choices: [0] },
      { kind: "profile", name: "x" },
      { kind: "timer", durationMs: 5 },
      { kind: "receipt", receipt: "read", targets: [target] },
    ] as const;
    for (const saying of others) expect(timerOf(contentOf(me, saying, { timerMs: 5 }))).toBeUndefined();
  });

  it("counts as a year if it is longer, and is none where the header names none", () => {
    expect(timerOf(contentOf(peer, { kind: "text", text: "x" }, { timerMs: Number.MAX_SAFE_INTEGER }))).toBe(
      limits.timerMs.value,
    );
    expect(timerOf(contentOf(peer, { kind: "text", text: "x" }))).toBeUndefined();
  });
});

const time = fc.integer({ min: 0, max: 1_000_000 });

describe("the time of a message that was read", () => {
  it("begins within acceptance and now, whatever a device says", () => {
    fc.assert(
      fc.property(time, time, time, (acceptedMs, readMs, passedMs) => {
        const nowMs = acceptedMs + passedMs;
        const sinceMs = readSinceMs(acceptedMs, readMs, nowMs);
        expect(sinceMs).toBeGreaterThanOrEqual(acceptedMs);
        expect(sinceMs).toBeLessThanOrEqual(nowMs);
        if (readMs >= acceptedMs && readMs <= nowMs) expect(sinceMs).toBe(readMs);
      }),
    );
  });

  it("runs from the first of any number of readings, in whatever order they are told", () => {
    fc.assert(
      fc.property(fc.array(time, { minLength: 1 }), (readings) => {
        const lives = readings.map((startedMs) => ({ timerMs: 10, startedMs }));
        const ends = (told: typeof lives) => {
          const [first, ...rest] = told;
          return first && endOf(rest.reduce((one, other) => earlierLife(one, other), first));
        };
        expect(ends(lives)).toBe(Math.min(...readings) + 10);
        expect(ends([...lives].reverse())).toBe(Math.min(...readings) + 10);
      }),
    );
  });
});
