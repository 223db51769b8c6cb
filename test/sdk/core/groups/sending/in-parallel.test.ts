import { describe, expect, it } from "vitest";
import { inParallel } from "../../../../../sdk/core/groups/sending/in-parallel.js";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("work in parallel", () => {
  it("is done for each once, never for more at a time than was said", async () => {
    const done: number[] = [];
    let open = 0;
    let widest = 0;
    const all = Array.from({ length: 40 }, (_, at) => at);
    await inParallel(6, all, async (one) => {
      open += 1;
      widest = Math.max(widest, open);
      await turn();
      open -= 1;
      done.push(one);
    });
    expect(widest).toBe(6);
    expect(done.toSorted((one, other) => one - other)).toEqual(all);
  });

  it("begins nothing after a failure, and rejects with it once what was begun has ended", async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const failure = new Error("no");
    const working = inParallel(2, [1, 2, 3, 4, 5], async (one) => {
      begun.push(one);
      if (one === 1) throw failure;
      await turn();
      ended.push(one);
    });
    await expect(working).rejects.toBe(failure);
    expect(begun).toEqual([1, 2]);
    expect(ended).toEqual([2]);
  });

  it("is nothing for nobody", async () => {
    await inParallel(4, [], async () => {
      throw new Error("there is nothing to do");
    });
  });
});
