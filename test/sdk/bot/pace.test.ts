import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkedRate, Pace } from "../../../sdk/bot/pace.js";

/** A clock of which only the time counts here. */
function still() {
  let nowMs = 0;
  return { now: () => nowMs, after: () => ({ cancel: () => {} }), pass: (ms: number) => (nowMs += ms) };
}

describe("a pace", () => {
  it("never lets more pass in any interval than its rate and one burst, however often it is asked", () => {
    fc.assert(
      fc.property(
        fc.record({ messages: fc.integer({ min: 1, max: 20 }), everyMs: fc.integer({ min: 1, max: 100_000 }) }),
        fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 200 }),
        (rate, steps) => {
          const clock = still();
          const pace = new Pace(rate, clock);
          const passedMs: number[] = [];
          for (const step of steps) {
            clock.pass(step);
            if (pace.take() === 0) passedMs.push(clock.now());
          }
          for (const [at, startMs] of passedMs.entries()) {
            const within = passedMs.slice(at).filter((time) => time - startMs < rate.everyMs).length;
            expect(within).toBeLessThanOrEqual(2 * rate.messages);
          }
        },
      ),
    );
  });

  it("says exactly when the next may pass", () => {
    const clock = still();
    const pace = new Pace({ messages: 2, everyMs: 1_000 }, clock);
    expect([pace.take(), pace.take()]).toEqual([0, 0]);
    const waitMs = pace.take();
    expect(waitMs).toBe(500);
    clock.pass(waitMs - 1);
    expect(pace.take()).toBe(1);
    clock.pass(1);
    expect(pace.take()).toBe(0);
  });

  it.each([
    { messages: 0, everyMs: 1 },
    { messages: 1.5, everyMs: 1 },
    { messages: 1, everyMs: 0 },
    { messages: 1, everyMs: Number.POSITIVE_INFINITY },
    { messages: Number.NaN, everyMs: 1 },
  ])("is none with a rate of $messages in $everyMs", (rate) => {
    expect(() => checkedRate(rate)).toThrow(expect.objectContaining({ code: "invalidArgument" }));
  });
});
