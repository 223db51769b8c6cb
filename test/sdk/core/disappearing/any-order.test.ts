import { type Content, encodeContent } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { manualClock } from "../link/manual-clock.js";
import { MemoryPlace } from "../storage/unsafe-memory-store.js";
import { contentOf, me, peer, START_MS, TimedDevice, words } from "./fixture.js";

const TIMER_MS = 60_000;
/** Everything is told within this, before anything can end. */
const TOLD_MS = 20_000;

interface Plan {
  readonly by: "me" | "peer";
  /** When devices of mine read it, behind its acceptance. */
  readonly reads: readonly number[];
  readonly order: readonly number[];
  readonly restarts: readonly number[];
}

const plan = fc.record({
  by: fc.constantFrom("me" as const, "peer" as const),
  reads: fc.array(fc.nat(15_000), { minLength: 1, maxLength: 3 }),
  order: fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6], { minLength: 7, maxLength: 7 }),
  restarts: fc.subarray([1, 3, 5]),
});

/** One device that hears everything about one message in the order of a plan. */
async function told({ by, reads, order, restarts }: Plan, said: Content, followed: readonly Content[]) {
  const clock = manualClock(START_MS);
  let device = await TimedDevice.start(new MemoryPlace(), clock);
  device.online();
  const steps: (() => Promise<unknown>)[] = [
    () => device.take(said, START_MS),
    ...followed.map((word) => () => device.take(word, START_MS + 10)),
    ...[0, 1, 2].map((at) => async () => {
      const readMs = reads[at];
      if (by === "peer" && readMs !== undefined) await device.takeReadMark([said.messageId], START_MS + readMs);
    }),
  ];
  await clock.advance(TOLD_MS - 1_000);
  for (const [turn, step] of order.entries()) {
    if (restarts.includes(turn)) {
      device = await device.restart();
      device.online();
    }
    await steps[step]?.();
  }
  // Whatever came first may have been refused until the message was here; each thing comes at least once more.
  for (const step of steps) await step();
  return device;
}

describe("a message with a timer", () => {
  it("ends at the same moment, and wholly, whatever order a device hears of it in", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (planned) => {
        const author = planned.by === "me" ? me : peer;
        const said = words(author, "secret", TIMER_MS);
        const target = said.messageId;
        const followed = [
          contentOf(author, { kind: "edit", target, text: "secret edit" }, { timerMs: TIMER_MS }),
          contentOf(peer, { kind: "reaction", target, emoji: "👍", action: "add" }, { timerMs: TIMER_MS }),
          contentOf(me, { kind: "reaction", target, emoji: "🎉", action: "add" }, { timerMs: TIMER_MS }),
        ];
        const device = await told(planned, said, followed);
        const endMs = START_MS + (planned.by === "me" ? 0 : Math.min(...planned.reads)) + TIMER_MS;
        expect((await device.item(target))?.expiresMs).toBe(endMs);
        expect(await device.kinds()).toHaveLength(4);
        await device.clock.advance(endMs - device.clock.now() - 1);
        await device.settle();
        expect(await device.kinds()).toHaveLength(4);
        await device.clock.advance(1);
        await device.settle();
        expect(await device.kinds()).toEqual([]);
        expect(await device.rowsWith("secret")).toEqual([]);
        for (const content of [said, ...followed]) await device.take(content);
        expect(await device.kinds()).toEqual([]);
        // The ends that earlier readings moved are let go of in their time.
        await device.clock.advance(TOLD_MS);
        await device.settle();
        for (const prefix of ["due/", "lifetime/", "word/"]) expect(await device.count(prefix)).toBe(0);
        expect(device.errors).toEqual([]);
        await device.stop();
      }),
      { numRuns: 60 },
    );
  });
});

describe("a crash", () => {
  it("at any write leaves every message whole or gone, and the next run ends what is due, once", async () => {
    for (let lastWrite = 0; ; lastWrite++) {
      const place = new MemoryPlace();
      const first = await TimedDevice.start(place);
      first.online();
      const all = [
        words(me, "secret one", TIMER_MS),
        words(me, "secret two", TIMER_MS + 1),
        words(me, "secret 3", TIMER_MS),
      ];
      for (const [index, said] of all.entries()) {
        await first.take(said, START_MS);
        await first.keep(said, index + 1);
        await first.wait(index + 1, { type: "sent", recipient: me, peer, body: encodeContent(said) });
        const reaction = { kind: "reaction", target: said.messageId, emoji: "👍", action: "add" } as const;
        await first.take(contentOf(peer, reaction, { timerMs: TIMER_MS }), START_MS);
      }
      let written = 0;
      first.raw.beforeWrite = async () => {
        written += 1;
        if (written > lastWrite) throw new Error("the power is gone");
      };
      await first.clock.advance(TIMER_MS + 10);
      await first.settle().catch(() => undefined);
      const isSurvived = written <= lastWrite;
      place.owner = undefined;

      const second = await TimedDevice.start(place, first.clock);
      // Before anything ends here: what is left has all its rows, what is gone none.
      for (const [index, { messageId }] of all.entries()) {
        const row = await second.state.timeline.row(index * 2 + 1);
        const sent = await second.keptSends.get(new Uint8Array(16).fill(index + 1));
        expect([messageId, sent !== undefined]).toEqual([messageId, row?.shape === "content"]);
      }
      const before = await second.count("timeline/");
      await second.settle();
      expect(await second.rowsWith("secret")).toEqual([]);
      expect(await second.kinds()).toEqual([]);
      expect(await second.count("timeline/")).toBe(before);
      for (const prefix of ["sent/", "kept/", "outbox/", "due/", "lifetime/", "word/"]) {
        expect([prefix, await second.count(prefix)]).toEqual([prefix, 0]);
      }
      expect(second.errors).toEqual([]);
      const told = [...first.changed, ...second.changed].filter(
        (cursor, index, list) => list.indexOf(cursor) !== index,
      );
      if (isSurvived) {
        // The reactions told of their messages when they came; every place told of its end once.
        expect(second.changed).toEqual([]);
        expect(told.length).toBeLessThanOrEqual(3);
        await second.stop();
        return;
      }
      await second.stop();
    }
  });
});
