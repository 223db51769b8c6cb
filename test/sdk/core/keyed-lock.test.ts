import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KeyedLock } from "../../../sdk/core/keyed-lock.js";

describe("KeyedLock", () => {
  it("runs work of one key in the order it was asked for, never two at once, whatever each takes and whether it fails", async () => {
    const job = fc.record({
      key: fc.constantFrom("a", "b", "c"),
      turns: fc.integer({ min: 0, max: 3 }),
      fails: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(job, { maxLength: 30 }), async (jobs) => {
        const lock = new KeyedLock();
        const running = new Set<string>();
        const done = new Map<string, number[]>();
        const outcomes = await Promise.allSettled(
          jobs.map(({ key, turns, fails }, index) =>
            lock.run(key, async () => {
              expect(running.has(key)).toBe(false);
              running.add(key);
              for (let turn = 0; turn < turns; turn++) await setImmediate();
              running.delete(key);
              done.set(key, [...(done.get(key) ?? []), index]);
              if (fails) throw new Error(`job ${index}`);
              return index;
            }),
          ),
        );
        for (const order of done.values()) expect(order).toEqual([...order].sort((one, other) => one - other));
        outcomes.forEach((outcome, index) => {
          expect(outcome.status).toBe(jobs[index]?.fails ? "rejected" : "fulfilled");
        });
      }),
      { numRuns: 100 },
    );
  });

  it("starts at once where nothing runs, and lets other keys pass", async () => {
    const lock = new KeyedLock();
    let release = () => {};
    const held = lock.run("a", () => new Promise<void>((resolve) => (release = resolve)));
    let isWaiting = true;
    const behind = lock.run("a", async () => {
      isWaiting = false;
    });
    expect(await lock.run("b", async () => "passed")).toBe("passed");
    expect(isWaiting).toBe(true);
    release();
    await Promise.all([held, behind]);
    expect(isWaiting).toBe(false);
  });

  it("hands a failure to its own caller only, and also one that is thrown before the first await", async () => {
    const lock = new KeyedLock();
    const failing = lock.run("a", () => {
      throw new Error("at once");
    });
    const behind = lock.run("a", async () => "went on");
    await expect(failing).rejects.toThrow("at once");
    expect(await behind).toBe("went on");
  });

  it("keeps nothing of keys without work", async () => {
    const lock = new KeyedLock();
    await Promise.all(Array.from({ length: 500 }, (_, index) => lock.run(`key ${index}`, async () => setImmediate())));
    const { tails } = lock as unknown as { readonly tails: ReadonlyMap<string, unknown> };
    expect(tails.size).toBe(0);
  });
});
