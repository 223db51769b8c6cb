import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Rounds } from "../../../sdk/core/rounds.js";
import { manualClock, settled } from "./link/manual-clock.js";

function rounds(work: () => Promise<void>) {
  const clock = manualClock();
  const failures: unknown[] = [];
  const made = new Rounds({ clock, delayMs: 10, work, failed: (error) => failures.push(error) });
  return { clock, failures, rounds: made };
}

describe("Rounds", () => {
  it("never runs two rounds at once and starts one after every waking, however wakings and rounds mix", async () => {
    const step = fc.oneof(
      fc.constant("wake" as const),
      fc.constant("finish" as const),
      fc.integer({ min: 1, max: 30 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        let started = 0;
        let running = 0;
        let finish: (() => void) | undefined;
        const { clock, rounds: made } = rounds(async () => {
          started += 1;
          running += 1;
          expect(running).toBe(1);
          await new Promise<void>((resolve) => (finish = resolve));
          running -= 1;
        });
        let startedAtWaking: number | undefined;
        for (const next of steps) {
          if (next === "wake") {
            made.wake();
            startedAtWaking = started;
          } else if (next === "finish") finish?.();
          else await clock.advance(next);
          await settled();
        }
        for (let turn = 0; turn < 3; turn++) {
          finish?.();
          await clock.advance(50);
        }
        if (startedAtWaking !== undefined) expect(started).toBeGreaterThan(startedAtWaking);
        made.close();
        finish?.();
      }),
      { numRuns: 100 },
    );
  });

  it("gathers wakings into one round", async () => {
    let started = 0;
    const { clock, rounds: made } = rounds(async () => {
      started += 1;
    });
    for (let time = 0; time < 5; time++) made.wake();
    await clock.advance(9);
    expect(started).toBe(0);
    await clock.advance(1);
    expect(started).toBe(1);
    await clock.advance(100);
    expect(started).toBe(1);
  });

  it("tells a failure and can be woken again", async () => {
    let started = 0;
    const {
      clock,
      failures,
      rounds: made,
    } = rounds(async () => {
      started += 1;
      throw new Error("this round");
    });
    made.wake();
    await clock.advance(10);
    made.wake();
    await clock.advance(10);
    expect(started).toBe(2);
    expect(failures).toHaveLength(2);
  });

  it("starts nothing after close, not even what was woken before", async () => {
    let started = 0;
    const { clock, rounds: made } = rounds(async () => {
      started += 1;
    });
    made.wake();
    made.close();
    made.wake();
    await clock.advance(100);
    expect(started).toBe(0);
  });
});
