import { describe, expect, it } from "vitest";
import { settled } from "../link/manual-clock.js";
import { Gate } from "../storage/fixture.js";
import { contentOf, entryOf, me, peer, START_MS, TimedDevice, words } from "./fixture.js";

const TIMER_MS = 60_000;

async function online(): Promise<TimedDevice> {
  const device = await TimedDevice.start();
  device.online();
  return device;
}

describe("the history of another device", () => {
  it("brings what runs with the earliest end it can have, and what was not read with none", async () => {
    const device = await online();
    const mine = words(me, "mine", TIMER_MS);
    const read = words(peer, "read", TIMER_MS);
    const unread = words(peer, "unread", TIMER_MS);
    await device.clock.advance(20_000);
    await device.import([entryOf(mine, "delivered"), entryOf(read, "read"), entryOf(unread, "received")]);
    expect((await device.item(mine.messageId))?.expiresMs).toBe(START_MS + TIMER_MS);
    expect((await device.item(read.messageId))?.expiresMs).toBe(START_MS + TIMER_MS);
    expect(await device.item(unread.messageId)).not.toHaveProperty("expiresMs");
    // The word of it comes with a later part: read there, it runs here.
    await device.import([entryOf(unread, "read")]);
    expect((await device.item(unread.messageId))?.expiresMs).toBe(START_MS + TIMER_MS);
    await device.clock.advance(TIMER_MS);
    await device.settle();
    expect(await device.kinds()).toEqual([]);
  });

  it("brings nothing that is over: not what was here, not what never was, and no word about either", async () => {
    const device = await online();
    const here = words(me, "secret", TIMER_MS);
    const never = words(peer, "secret", TIMER_MS);
    const timer = { timerMs: TIMER_MS };
    const edit = contentOf(me, { kind: "edit", target: here.messageId, text: "secret edit" }, timer);
    const early = contentOf(peer, { kind: "edit", target: never.messageId, text: "secret edit" }, timer);
    await device.take(here);
    await device.take(edit);
    await device.take(early);
    await device.clock.advance(2 * TIMER_MS);
    await device.settle();
    const entries = [entryOf(here, "read"), entryOf(edit, "read"), entryOf(never, "read"), entryOf(early, "received")];
    for (let turn = 0; turn < 2; turn++) {
      await device.import(entries);
      await device.settle();
      expect(await device.kinds()).toEqual([]);
      expect(await device.rowsWith("secret")).toEqual([]);
    }
    expect(await device.take(never)).toBe("duplicate");
  });

  it("brings nothing back that was read and ended here, though the other device never heard that it was read", async () => {
    const device = await online();
    const [shown, unseen] = [words(peer, "secret", TIMER_MS), words(peer, "secret", TIMER_MS)];
    await device.take(shown);
    await device.read(shown.messageId);
    await device.takeReadMark([unseen.messageId], START_MS + 1);
    await device.clock.advance(2 * TIMER_MS);
    await device.settle();
    expect(await device.take(unseen, START_MS)).toBe("applied");
    await device.import([entryOf(shown, "received"), entryOf(unseen, "received")]);
    await device.settle();
    expect(await device.kinds()).toEqual([]);
    expect(await device.rowsWith("secret")).toEqual([]);
  });

  it("takes along the words that it brought, when their message ends", async () => {
    const device = await online();
    const said = words(me, "secret", TIMER_MS);
    const edit = contentOf(me, { kind: "edit", target: said.messageId, text: "secret edit" }, { timerMs: TIMER_MS });
    await device.import([entryOf(said, "accepted"), entryOf(edit, "accepted")]);
    expect(await device.kinds()).toEqual(["text", "edit"]);
    await device.clock.advance(TIMER_MS);
    await device.settle();
    expect(await device.kinds()).toEqual([]);
    expect(await device.rowsWith("secret")).toEqual([]);
  });

  it("sets the timer that was set there", async () => {
    const device = await online();
    await device.import([entryOf(contentOf(peer, { kind: "timer", durationMs: 5_000 }), "received")]);
    expect(await device.kinds()).toEqual(["timer"]);
    expect(await device.state.reader.timerMs()).toBe(5_000);
  });
});

describe("a history that is being made for another device", () => {
  const quiet = async () => {
    for (let turn = 0; turn < 50; turn++) await settled();
  };
  /** A part was read, with a message in it whose time is over before that part lies in the outbox. */
  const partRead = async () => {
    const device = await online();
    await device.take(words(me, "secret", TIMER_MS));
    await device.take(words(me, "stays", undefined));
    const read = new Gate();
    await device.handOver(read.pass);
    await device.clock.advance(0);
    await read.arrival();
    return { device, read };
  };

  it("leaves nothing in the outbox of what ended while its part was read", async () => {
    const { device, read } = await partRead();
    await device.clock.advance(TIMER_MS);
    await quiet();
    read.open();
    await quiet();
    await device.settle();
    expect(await device.rowsWith("secret")).toEqual([]);
    expect(await device.rowsWith("stays")).toEqual(expect.arrayContaining(["outbox"]));
    expect(device.errors).toEqual([]);
  });

  it("leaves nothing there of what is ending while its part is put there", async () => {
    const { device, read } = await partRead();
    // The outbox was searched for what is to go, and what is kept of sends is next.
    const ending = new Gate();
    const list = device.raw.list.bind(device.raw);
    device.raw.list = async (asked) => {
      if (asked.after.startsWith("kept/")) await ending.pass();
      return list(asked);
    };
    await device.clock.advance(TIMER_MS);
    await quiet();
    read.open();
    await quiet();
    ending.open();
    await quiet();
    await device.settle();
    expect(await device.rowsWith("secret")).toEqual([]);
    expect(await device.rowsWith("stays")).toEqual(expect.arrayContaining(["outbox"]));
    expect(device.errors).toEqual([]);
  });
});
