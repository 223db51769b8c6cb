import { encodeContent, limits } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  durationOf,
  overtakesTimer,
  type TimerSetting,
  timerSetting,
  wordOn,
} from "../../../../sdk/core/disappearing/timer-setting.js";
import { conversationId } from "../people.js";
import { contentOf, freshId, me, peer, START_MS, TimedDevice, words } from "./fixture.js";

const DAY_MS = 86_400_000;

const timer = (by: typeof me, durationMs: number, sentAtMs: number, device = 1) =>
  contentOf(by, { kind: "timer", durationMs }, { sentAtMs, device });

const setting = fc.record({
  durationMs: fc.nat(5),
  sentAtMs: fc.nat(2),
  device: fc.nat(1),
  counter: fc.nat(1),
  messageId: fc.constantFrom(freshId(), freshId()),
  basis: fc.constantFrom("word" as const, "header" as const),
});

describe("the timer of a conversation", () => {
  it("is the last word of either side, in whatever order words come, and is shown as an item", async () => {
    const device = await TimedDevice.start();
    await device.take(timer(peer, 5_000, START_MS + 2));
    await device.take(timer(me, 9_000, START_MS + 1));
    expect(await device.state.reader.timerMs()).toBe(5_000);
    await device.take(timer(me, 0, START_MS + 3));
    expect(await device.state.reader.timerMs()).toBeUndefined();
    const durations = (await device.items()).map((item) => item.kind === "timer" && item.durationMs);
    expect(durations).toEqual(expect.arrayContaining([5_000, 9_000, undefined]));
  });

  it("has one order, so that all devices end with the same setting", () => {
    fc.assert(
      fc.property(fc.array(setting, { minLength: 1 }), (said) => {
        const last = (order: readonly TimerSetting[]) =>
          order.reduce<TimerSetting | undefined>((one, other) => (overtakesTimer(other, one) ? other : one), undefined);
        const stamp = (one: TimerSetting | undefined) => one && { ...one, durationMs: 0 };
        expect(stamp(last(said))).toEqual(stamp(last([...said].reverse())));
      }),
    );
  });

  it("is not held for ever by a word that claims to be from the future", async () => {
    const device = await TimedDevice.start();
    await device.take(timer(peer, 1, START_MS * 100), START_MS);
    expect((await timerSetting(device.store, conversationId))?.sentAtMs).toBe(START_MS + DAY_MS);
    await device.take(timer(me, 7_000, START_MS + DAY_MS + 1), START_MS + DAY_MS);
    expect(await device.state.reader.timerMs()).toBe(7_000);
  });

  it("is learnt from messages where no word on it came, and any word counts more", async () => {
    const device = await TimedDevice.start();
    await device.take(words(peer, "hi", 3_000));
    expect(await device.state.reader.timerMs()).toBe(3_000);
    await device.take(words(me, "now for ever", undefined));
    expect(await device.state.reader.timerMs()).toBeUndefined();
    await device.take(timer(me, 4_000, 1));
    await device.take(words(peer, "hi", 3_000));
    expect(await device.state.reader.timerMs()).toBe(4_000);
  });

  it("is not held for ever by a message that claims to be from the future, nor does what is said here leave for there", async () => {
    const device = await TimedDevice.start();
    const { author, state, store } = device;
    for (const [sentAtMs, acceptedMs] of [
      [START_MS * 100, START_MS],
      [Number.MAX_SAFE_INTEGER, START_MS],
      [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ] as const) {
      await device.take(contentOf(peer, { kind: "text", text: "hi" }, { timerMs: 3_000, sentAtMs }), acceptedMs);
      const saying = { kind: "timer", durationMs: 0 } as const;
      const word = await author.word(state, { saying, messageId: freshId() });
      expect(encodeContent(word).length).toBeGreaterThan(0);
      if (acceptedMs === START_MS) expect(word.sentAtMs).toBeLessThanOrEqual(START_MS + DAY_MS + 2);
    }
    expect((await timerSetting(store, conversationId))?.basis).toBe("header");
  });

  it("is up to a year in whole milliseconds, or none", () => {
    expect(durationOf(undefined)).toBe(0);
    expect(durationOf(limits.timerMs.value)).toBe(limits.timerMs.value);
    for (const wrong of [0, -1, 1.5, Number.NaN, limits.timerMs.value + 1]) {
      expect(() => durationOf(wrong)).toThrowError(expect.objectContaining({ code: "invalidArgument" }));
    }
    const word = { ...timer(me, 1, START_MS), kind: "timer", durationMs: 1 } as const;
    expect(wordOn(word, START_MS).basis).toBe("word");
  });
});
