/** Holding refusals back. */

import { describe, expect, it } from "vitest";
import type { Clock } from "../../../server/ports.js";
import { Refusals } from "../../../server/relay/refusals.js";
import { ManualClock } from "./support/manual-clock.js";
import { settle } from "./support/turns.js";

/** Starts at a broken millisecond; its timers fire half a millisecond early. */
class FractionalClock implements Clock {
  elapsedMs = 0.4;
  private next: { readonly atMs: number; readonly work: () => void } | undefined;

  now = () => 0;
  monotonic = () => this.elapsedMs;

  after(delayMs: number, work: () => void) {
    this.next = { atMs: this.elapsedMs + Math.max(0.5, delayMs - 0.5), work };
    return { cancel: () => {} };
  }

  fire(): void {
    const { next } = this;
    if (next === undefined) throw new Error("no timer is set");
    this.elapsedMs = next.atMs;
    next.work();
  }
}

async function outcomeOf(promise: Promise<string>): Promise<string> {
  let outcome = "held";
  void promise.then((value) => {
    outcome = value;
  });
  await settle();
  return outcome;
}

describe("a refusal", () => {
  it("leaves exactly its delay after the request arrived, however long the work took", async () => {
    const clock = new ManualClock();
    const refusals = new Refusals(clock, 250);
    const arrivedMs = clock.monotonic();
    clock.advance(180);
    const held = refusals.hold(arrivedMs);
    expect(clock.waiting).toEqual([70]);
    clock.advance(69);
    expect(await outcomeOf(held)).toBe("held");
    clock.advance(1);
    expect(await outcomeOf(held)).toBe("due");
  });

  it("leaves on the same whole millisecond whatever fraction of one the work took, also when timers fire early", async () => {
    for (const workMs of [0, 0.2, 0.7, 1.1, 30.9]) {
      const clock = new FractionalClock();
      const refusals = new Refusals(clock, 250);
      const arrivedMs = clock.monotonic();
      clock.elapsedMs += workMs;
      const held = refusals.hold(arrivedMs);
      while ((await outcomeOf(held)) === "held") clock.fire();
      expect(Math.floor(clock.monotonic())).toBe(Math.ceil(arrivedMs + 250));
    }
  });

  it("leaves at once if the work took longer than its delay", async () => {
    const clock = new ManualClock();
    const refusals = new Refusals(clock, 250);
    const arrivedMs = clock.monotonic();
    clock.advance(900);
    const held = refusals.hold(arrivedMs);
    expect(clock.waiting).toEqual([0]);
    clock.advance(0);
    expect(await held).toBe("due");
  });

  it("is not held when too many are, and there is room again when they left", async () => {
    const clock = new ManualClock();
    const refusals = new Refusals(clock, 250, 2);
    const arrivedMs = clock.monotonic();
    const held = [refusals.hold(arrivedMs), refusals.hold(arrivedMs)];
    expect(await refusals.hold(arrivedMs)).toBe("crowded");
    clock.advance(250);
    expect(await Promise.all(held)).toEqual(["due", "due"]);
    expect(await outcomeOf(refusals.hold(clock.monotonic()))).toBe("held");
  });

  it("is released with all others when the relay closes, and leaves no timer", async () => {
    const clock = new ManualClock();
    const refusals = new Refusals(clock, 250);
    const held = [refusals.hold(clock.monotonic()), refusals.hold(clock.monotonic())];
    refusals.releaseAll();
    expect(await Promise.all(held)).toEqual(["due", "due"]);
    expect(clock.waiting).toEqual([]);
  });
});
