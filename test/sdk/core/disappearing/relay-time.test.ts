import { describe, expect, it } from "vitest";
import { STEP_MS } from "../../../../sdk/core/disappearing/relay-time.js";
import { manualClock } from "../link/manual-clock.js";
import { MemoryPlace } from "../storage/unsafe-memory-store.js";
import { peer, START_MS, TimedDevice, words } from "./fixture.js";

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

/** A device whose clock may be wrong, and the relay's, which is not. */
async function apart(aheadMs = 0) {
  let passedMs = 0;
  const clock = manualClock(START_MS + aheadMs);
  const relayMs = () => START_MS + passedMs;
  const it = await TimedDevice.start(new MemoryPlace(), clock, relayMs);
  /** Time passes everywhere. */
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= STEP_MS) {
      const step = Math.min(left, STEP_MS);
      passedMs += step;
      await clock.advance(step);
    }
  };
  const setAhead = (ms: number) => clock.setNow(relayMs() + ms);
  return { it, clock, pass, setAhead, relayMs };
}

describe("a message whose time runs", () => {
  it("ends on time though the clock is set back by a year, over a restart and without the relay", async () => {
    const { it: first, pass, setAhead } = await apart();
    first.online();
    const said = words(peer, "secret", HOUR_MS);
    await first.take(said);
    await first.read(said.messageId);
    await pass(HOUR_MS / 2);
    setAhead(-YEAR_MS);
    first.offline();
    const second = await first.restart();
    await pass(HOUR_MS / 2 - 60_000);
    expect(await second.item(said.messageId)).toBeDefined();
    await pass(120_000);
    await second.settle();
    expect(await second.item(said.messageId)).toBeUndefined();
    expect(await second.rowsWith("secret")).toEqual([]);
  });

  it("does not end early while the relay is reached and the clock is set forward by a year, or back again", async () => {
    const { it, pass, setAhead } = await apart();
    it.online();
    const said = words(peer, "secret", HOUR_MS);
    await it.take(said);
    await it.read(said.messageId);
    setAhead(YEAR_MS);
    await pass(HOUR_MS / 2);
    const other = words(peer, "said meanwhile", HOUR_MS);
    await it.take(other);
    await it.read(other.messageId);
    expect(await it.item(said.messageId)).toBeDefined();
    setAhead(0);
    await pass(HOUR_MS / 2 - 60_000);
    expect(await it.item(said.messageId)).toBeDefined();
    await pass(120_000);
    await it.settle();
    expect(await it.item(said.messageId)).toBeUndefined();
    expect(await it.item(other.messageId)).toBeDefined();
    await pass(HOUR_MS / 2);
    await it.settle();
    expect(await it.item(other.messageId)).toBeUndefined();
  });

  it("ends early on a device that starts without the relay and a clock that is ahead, and nothing else does afterwards", async () => {
    const { it: first, pass, setAhead } = await apart();
    first.online();
    const said = words(peer, "secret", HOUR_MS);
    await first.take(said);
    await first.read(said.messageId);
    const unread = words(peer, "unread", HOUR_MS);
    await first.take(unread);
    setAhead(YEAR_MS);
    first.offline();
    const second = await first.restart();
    await second.settle();
    expect(await second.item(said.messageId)).toBeUndefined();
    // What was read by the wrong clock begins anew once the relay says what time it is.
    await second.read(unread.messageId);
    setAhead(0);
    second.online();
    await second.settle();
    expect(await second.item(unread.messageId)).toBeDefined();
    const third = await second.restart();
    third.online();
    await pass(HOUR_MS - 60_000);
    expect(await third.item(unread.messageId)).toBeDefined();
    await pass(120_000);
    await third.settle();
    expect(await third.item(unread.messageId)).toBeUndefined();
  });

  it("begins at the latest now, though it was read by a clock that was ahead, in a run before that never heard the relay", async () => {
    const { it: first, pass, setAhead, relayMs } = await apart(YEAR_MS);
    const said = words(peer, "secret", HOUR_MS);
    await first.take(said, relayMs());
    await first.read(said.messageId);
    expect((await first.item(said.messageId))?.expiresMs).toBeGreaterThan(relayMs() + YEAR_MS);
    setAhead(0);
    const second = await first.restart();
    second.online();
    await second.settle();
    expect((await second.item(said.messageId))?.expiresMs).toBeLessThanOrEqual(relayMs() + HOUR_MS);
    await pass(HOUR_MS + STEP_MS);
    await second.settle();
    expect(await second.rowsWith("secret")).toEqual([]);
    expect(await second.count("due/")).toBe(0);
  });

  it("ends at once on a device that slept through its end, whether or not the relay is there", async () => {
    const { it, clock, setAhead } = await apart();
    it.online();
    const said = words(peer, "secret", HOUR_MS);
    await it.take(said);
    await it.read(said.messageId);
    it.offline();
    // Timers stood still, the clock did not.
    setAhead(8 * HOUR_MS);
    await clock.advance(STEP_MS);
    await it.settle();
    expect(await it.item(said.messageId)).toBeUndefined();
  });

  it("goes on after a relay that once said it was the end of time", async () => {
    const { it: first, pass } = await apart();
    first.online();
    first.disappearing.told(Number.MAX_SAFE_INTEGER);
    await pass(STEP_MS * 3);
    const second = await first.restart();
    const said = words(peer, "secret", HOUR_MS);
    await second.take(said);
    await second.read(said.messageId);
    await pass(STEP_MS * 3);
    await second.settle();
    await second.stop();
    expect([...first.errors, ...second.errors]).toEqual([]);
  });
});
