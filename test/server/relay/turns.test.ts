import { describe, expect, it } from "vitest";
import { Turns } from "../../../server/relay/turns.js";
import { settle } from "./support/turns.js";

const NOTHING = {};

describe("turns", () => {
  it("are taken within the call where nobody is before, and end with work that waits for nothing", () => {
    const turns = new Turns();
    expect(turns.take(() => NOTHING)).toBe(NOTHING);
    expect(turns.take(() => NOTHING)).toBe(NOTHING);
  });

  it("come in order, one at a time, and end however the work ends", async () => {
    const turns = new Turns();
    const told: string[] = [];
    let release = () => {};
    const held = new Promise<object>((resolve) => {
      release = () => resolve(NOTHING);
    });
    const fail = (what: string) => () => {
      told.push(what);
      throw new Error(what);
    };
    const first = turns.take(() => held);
    const rest = [
      turns.take(fail("throws")),
      turns.take(async () => fail("rejects")()),
      turns.take(() => {
        told.push("answers");
        return NOTHING;
      }),
    ];
    await settle();
    expect(told).toEqual([]);
    release();
    const ends = await Promise.allSettled([first, ...rest]);
    expect(ends.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
    expect(told).toEqual(["throws", "rejects", "answers"]);
    expect(() => turns.take(fail("throws at once"))).toThrow("throws at once");
    expect(turns.take(() => NOTHING)).toBe(NOTHING);
  });
});
