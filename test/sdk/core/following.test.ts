/** A list that is followed: everything there is, then each that comes, once. */

import { beforeEach, describe, expect, it } from "vitest";
import { Following } from "../../../sdk/core/following.js";

let waiting: string[];
let looks: number;
let following: Following<string>;

beforeEach(() => {
  waiting = ["a", "b"];
  looks = 0;
  following = new Following({
    async pending() {
      looks += 1;
      return [...waiting];
    },
    nameOf: (row) => row,
  });
});

const all = async (row: string) => row;
const nextOf = async (reading: AsyncGenerator<string>) => (await reading.next()).value;

describe("following a list", () => {
  it("shows what waits in its order, then each that comes, once", async () => {
    const reading = following.follow(all, undefined);
    expect([await nextOf(reading), await nextOf(reading)]).toEqual(["a", "b"]);
    const coming = nextOf(reading);
    following.wake();
    waiting.push("c");
    following.wake();
    expect(await coming).toBe("c");
  });

  it("misses nothing that comes while its reader is busy with another, or while it looks", async () => {
    const slow = async (row: string) => {
      if (row === "a") {
        waiting.push("c");
        following.wake();
      }
      return row;
    };
    const reading = following.follow(slow, undefined);
    expect([await nextOf(reading), await nextOf(reading), await nextOf(reading)]).toEqual(["a", "b", "c"]);
  });

  it("leaves out what was decided before it could be shown", async () => {
    const reading = following.follow(async (row) => (row === "a" ? undefined : row), undefined);
    expect(await nextOf(reading)).toBe("b");
  });

  it("shows what went and came again as new", async () => {
    const reading = following.follow(all, undefined);
    expect([await nextOf(reading), await nextOf(reading)]).toEqual(["a", "b"]);
    waiting = ["a"];
    const coming = nextOf(reading);
    following.wake();
    for (let turn = 0; looks < 2 && turn < 100; turn++) await Promise.resolve();
    waiting = ["a", "b"];
    following.wake();
    expect(await coming).toBe("b");
  });

  it("has readers of their own, each of whom sees everything", async () => {
    const [one, other] = [following.follow(all, undefined), following.follow(all, undefined)];
    expect([await nextOf(one), await nextOf(other), await nextOf(one)]).toEqual(["a", "a", "b"]);
  });

  it("ends with its signal, also one that had aborted before, and only for its own reader", async () => {
    const stop = new AbortController();
    const reading = following.follow(all, stop.signal);
    const other = following.follow(all, undefined);
    await reading.next();
    await reading.next();
    const last = reading.next();
    stop.abort();
    expect((await last).done).toBe(true);
    expect((await following.follow(all, stop.signal).next()).done).toBe(true);
    expect(await nextOf(other)).toBe("a");
  });

  it("ends for everybody once it closes", async () => {
    const reading = following.follow(all, undefined);
    await reading.next();
    following.close();
    following.close();
    expect((await reading.next()).done).toBe(true);
    expect((await following.follow(all, undefined).next()).done).toBe(true);
  });

  it("rejects with what looking failed with", async () => {
    const failing = new Following<string>({
      pending: () => Promise.reject(new Error("no store")),
      nameOf: (row) => row,
    });
    await expect(failing.follow(all, undefined).next()).rejects.toThrow("no store");
  });
});
