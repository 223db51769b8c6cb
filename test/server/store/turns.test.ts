/** Changes at one key keep the order of the calls, though some must wait before they can decide. */

import { describe, expect, it } from "vitest";
import { Turns } from "../../../server/store/ordered/turns.js";

/** A promise with its ends. */
function gate() {
  let open = () => {};
  let fail = (_: Error) => {};
  const opened = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { opened, open, fail };
}

describe("turns", () => {
  it("run a change at once where nobody waits", () => {
    const turns = new Turns<string>();
    const seen: string[] = [];
    void turns.take("a", async () => void seen.push("first"));
    void turns.take("a", async () => void seen.push("second"));
    expect(seen).toEqual(["first", "second"]);
  });

  it("keep the order behind one that waits, at its key only", async () => {
    const turns = new Turns<string>();
    const seen: string[] = [];
    const note = (what: string) => async () => void seen.push(what);
    const { opened, open } = gate();
    const calls = [
      turns.takeAfter("a", () => opened, note("a1")),
      turns.take("a", note("a2")),
      turns.takeAfter("a", async () => {}, note("a3")),
      turns.take("a", note("a4")),
      turns.take("b", note("b1")),
    ];
    expect(seen).toEqual(["b1"]);
    open();
    await Promise.all(calls);
    expect(seen).toEqual(["b1", "a1", "a2", "a3", "a4"]);
    await turns.take("a", note("a5"));
    expect(seen.at(-1)).toBe("a5");
  });

  it("end when the change returns, not when its promise settles", async () => {
    const turns = new Turns<string>();
    const { opened, open } = gate();
    const first = turns.takeAfter(
      "a",
      async () => "prepared",
      (prepared) => opened.then(() => prepared),
    );
    expect(await turns.take("a", async () => "second")).toBe("second");
    open();
    expect(await first).toBe("prepared");
  });

  it("go on behind one that failed while it waited, or when it changed", async () => {
    const turns = new Turns<string>();
    const { opened, fail } = gate();
    const calls = [
      turns.takeAfter(
        "a",
        () => opened,
        async () => "never",
      ),
      turns.take("a", () => Promise.reject(new Error("changing"))),
      turns.take("a", async () => "third"),
    ];
    fail(new Error("waiting"));
    expect(await Promise.allSettled(calls)).toMatchObject([
      { reason: { message: "waiting" } },
      { reason: { message: "changing" } },
      { value: "third" },
    ]);
  });

  it("refuse a call as not happened when too many wait, and take it afterwards", async () => {
    const turns = new Turns<string>();
    const { opened, open } = gate();
    const calls = [
      turns.takeAfter(
        "a",
        () => opened,
        async () => "first",
      ),
    ];
    for (let call = 1; call < 1_024; call++) calls.push(turns.take("a", async () => "later"));
    await expect(turns.take("a", async () => "refused")).rejects.toMatchObject({ kind: "unavailable" });
    open();
    expect(await Promise.all(calls)).toHaveLength(1_024);
    expect(await turns.take("a", async () => "taken")).toBe("taken");
  });
});
