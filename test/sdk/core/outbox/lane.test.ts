import { SottoError } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Cancellation } from "../../../../sdk/core/cancellation.js";
import { type Attempted, Lane, waitFor } from "../../../../sdk/core/outbox/lane.js";
import { manualClock, settled } from "../link/manual-clock.js";

const DONE: Attempted = { kind: "done" };
const LATER: Attempted = { kind: "again", afterMs: undefined };

interface Try {
  readonly order: number;
  readonly window: Cancellation;
  answer(outcome: Attempted): void;
}

/** A lane whose relay is the test. */
function laneFixture(answerOf?: (order: number) => Attempted) {
  const clock = manualClock();
  const tries: Try[] = [];
  const failures: unknown[] = [];
  const lane = new Lane<string>({
    clock,
    repairsAtOnce: 1,
    access: async () => "access",
    begin: async (order, { window }) => {
      let answer: (outcome: Attempted) => void = () => {};
      const attempted = new Promise<Attempted>((resolve) => (answer = resolve));
      tries.push({ order, window, answer });
      if (answerOf !== undefined) answer(answerOf(order));
      return { attempted };
    },
    failed: (error) => failures.push(error),
  });
  return { lane, clock, tries, failures, ordersTried: () => tries.map(({ order }) => order) };
}

async function add(lane: Lane<string>, ...orders: number[]): Promise<void> {
  for (const order of orders) lane.add(order);
  await settled();
}

describe("a lane", () => {
  it("begins rows in order, at most 16 before the first answer", async () => {
    const { lane, tries, ordersTried } = laneFixture();
    await add(lane, ...Array.from({ length: 20 }, (_, index) => index + 1));
    tries[0]?.answer(DONE);
    await settled();
    expect(ordersTried()[0]).toBe(1);
    expect(ordersTried()).toEqual([...ordersTried()].sort((one, other) => one - other));
    expect(tries.length).toBeLessThanOrEqual(17);
  });

  it("goes back to the first row that failed, and sends one alone until something goes through", async () => {
    let isRefusing = true;
    const { lane, clock, ordersTried } = laneFixture(() => (isRefusing ? LATER : DONE));
    await add(lane, 1, 2, 3);
    const before = ordersTried().length;
    await clock.advance(249);
    expect(ordersTried()).toHaveLength(before);
    isRefusing = false;
    await clock.advance(1);
    expect(ordersTried().slice(before)).toEqual([1, 2, 3]);
    expect(lane.length).toBe(0);
  });

  it("calls back what did not leave yet when an earlier row has to go again, so that nothing overtakes it", async () => {
    const { lane, tries } = laneFixture();
    lane.add(0);
    await settled();
    await add(lane, 1, 2, 3);
    tries[0]?.answer(DONE);
    await settled();
    const [, first, second] = tries;
    expect([first?.order, second?.order]).toEqual([1, 2]);
    expect(second?.window.aborted).toBe(false);
    first?.answer(LATER);
    await settled();
    expect(second?.window.aborted).toBe(true);
  });

  it("backs off longer with each failure, up to a minute, and begins anew once the relay is reached", async () => {
    const { lane, clock, tries } = laneFixture(() => LATER);
    await add(lane, 1);
    let waitedMs = 0;
    const waits: number[] = [];
    for (let known = tries.length; waits.length < 12; ) {
      await clock.advance(250);
      waitedMs += 250;
      if (tries.length === known) continue;
      known = tries.length;
      waits.push(waitedMs);
      waitedMs = 0;
    }
    expect(waits.slice(0, 4)).toEqual([250, 500, 1_000, 2_000]);
    expect(waits.at(-1)).toBe(60_000);
    const before = tries.length;
    lane.wake();
    await settled();
    expect(tries).toHaveLength(before + 1);
    await clock.advance(250);
    expect(tries).toHaveLength(before + 2);
  });

  it("does not forget a waking that comes while it sends", async () => {
    const { lane, tries } = laneFixture();
    await add(lane, 1);
    lane.wake();
    tries[0]?.answer(LATER);
    await settled();
    expect(tries).toHaveLength(2);
  });

  it("does not cut a wait short because another row comes", async () => {
    const { lane, clock, tries } = laneFixture(() => ({ kind: "again", afterMs: 5_000 }));
    await add(lane, 1);
    await add(lane, 2, 3);
    expect(tries).toHaveLength(1);
    await clock.advance(5_000);
    expect(tries).toHaveLength(2);
  });

  it("tries at once after a repair, but only once", async () => {
    const { lane, tries } = laneFixture(() => ({ kind: "again", afterMs: 0 }));
    await add(lane, 1);
    expect(tries).toHaveLength(2);
  });

  it("leaves out rows that were taken back, also behind the window's beginning", async () => {
    const { lane, tries, ordersTried } = laneFixture();
    await add(lane, 1, 2);
    tries[0]?.answer(DONE);
    await settled();
    expect(lane.remove(7)).toBe(false);
    await add(lane, 3, 4);
    expect(lane.remove(4)).toBe(true);
    for (const { answer } of tries) answer(DONE);
    await settled();
    for (const { answer } of tries) answer(DONE);
    await settled();
    expect(ordersTried()).toEqual([1, 2, 3]);
    expect(lane.length).toBe(0);
  });

  it("begins nothing after close", async () => {
    const { lane, clock, tries } = laneFixture(() => LATER);
    await add(lane, 1);
    lane.close();
    lane.wake();
    await add(lane, 2);
    await clock.advance(120_000);
    expect(tries).toHaveLength(1);
  });

  it("hands a fatal failure on", async () => {
    const clock = manualClock();
    const failures: unknown[] = [];
    const lane = new Lane<string>({
      clock,
      repairsAtOnce: 1,
      access: async () => "access",
      begin: async () => ({ attempted: Promise.reject(new SottoError("storeFailed")) }),
      failed: (error) => failures.push(error),
    });
    await add(lane, 1);
    expect(failures).toMatchObject([{ code: "storeFailed" }]);
  });

  it("lets the relay see rows in order under any refusals, if it takes none behind one it refused", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 40 }), async (refusals) => {
        const left = [...refusals];
        const taken: number[] = [];
        const { lane, clock } = laneFixture((order) => {
          const at = order - 1;
          if ((left[at] ?? 0) > 0 || (taken.at(-1) ?? 0) !== order - 1) {
            left[at] = (left[at] ?? 0) - 1;
            return LATER;
          }
          taken.push(order);
          return DONE;
        });
        await add(lane, ...refusals.map((_, index) => index + 1));
        while (lane.length > 0) await clock.advance(60_000);
        expect(taken).toEqual(refusals.map((_, index) => index + 1));
      }),
      { numRuns: 50 },
    );
  });
});

describe("waitFor", () => {
  it("is the relay's wait, a default for what passes by itself, and nothing for what does not", () => {
    expect(waitFor(new SottoError("tooManyRequests", { retryAfterMs: 1_234 }))).toBe(1_234);
    expect(waitFor(new SottoError("offline"))).toBe(250);
    expect(waitFor(new SottoError("notAllowed"))).toBeUndefined();
    expect(waitFor(new Error("a bug"))).toBeUndefined();
  });
});
