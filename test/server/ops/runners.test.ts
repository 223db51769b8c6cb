import { describe, expect, it } from "vitest";
import { repeat, within } from "../../../server/ops/runners.js";
import { steppedClock } from "./stepped-clock.js";

/** Lets promise callbacks that are due run. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("repeated work", () => {
  it("runs again a while after it ended, and never twice at once", async () => {
    const clock = steppedClock();
    const ends: (() => void)[] = [];
    const running = repeat({
      everyMs: 100,
      clock,
      work: () => new Promise<void>((resolve) => void ends.push(resolve)),
      failed: () => undefined,
    });
    clock.step(100);
    clock.step(1_000);
    expect(ends).toHaveLength(1);
    ends[0]?.();
    await settle();
    clock.step(100);
    expect(ends).toHaveLength(2);
    ends[1]?.();
    await running.stop();
  });

  it("goes on after a failure, which is told", async () => {
    const clock = steppedClock();
    const failures: unknown[] = [];
    const running = repeat({
      everyMs: 100,
      clock,
      work: () => Promise.reject(new Error("once")),
      failed: (cause) => void failures.push(cause),
    });
    clock.step(100);
    await settle();
    clock.step(100);
    await settle();
    expect(failures).toHaveLength(2);
    await running.stop();
  });

  it("is aborted and awaited by stop, and does not run again", async () => {
    const clock = steppedClock();
    let runs = 0;
    let ended = false;
    let aborted = () => false;
    let letGo = () => {};
    const running = repeat({
      everyMs: 100,
      clock,
      work: async (signal) => {
        runs += 1;
        aborted = () => signal.aborted;
        await new Promise<void>((resolve) => {
          letGo = resolve;
        });
        ended = true;
      },
      failed: () => undefined,
    });
    clock.step(100);
    const stopped = running.stop();
    expect(aborted()).toBe(true);
    letGo();
    await stopped;
    expect(ended).toBe(true);
    clock.step(1_000);
    expect(runs).toBe(1);
  });
});

describe("bounded waiting", () => {
  it("ends with the work, or when time is up", async () => {
    expect(await within(60_000, Promise.resolve())).toBe("done");
    expect(await within(1, new Promise(() => undefined))).toBe("late");
    await expect(within(60_000, Promise.reject(new Error("no")))).rejects.toThrow("no");
  });
});
