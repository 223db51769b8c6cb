import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { encodeContent } from "@sotto/protocol";
import { expect, it } from "vitest";
import { Genuine } from "../../../../sdk/core/franking/genuine.js";
import { levelStore } from "../../../../sdk/node/level-store.js";
import { manualClock } from "../link/manual-clock.js";
import { MemoryPlace } from "../storage/unsafe-memory-store.js";
import { me, START_MS, TimedDevice, words } from "./fixture.js";

const TIMER_MS = 60_000;
/** Ten thousand take some six seconds, and block no longer. */
const COUNT = 1_500;
/** A frame of a slow screen is 33 ms; on a machine that does other things too this is several times more. */
const LONGEST_BLOCK_MS = 250;

it("messages that are due together at a start end batch by batch, and nothing else waits for long meanwhile", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sotto-"));
  try {
    const clock = manualClock(START_MS);
    const start = () => TimedDevice.start(new MemoryPlace(), clock, () => clock.now(), levelStore(folder).store);
    const first = await start();
    first.online();
    for (let at = 0; at < COUNT; at++) {
      const said = words(me, `secret ${at}`, TIMER_MS);
      const outcome = await first.state.writer.write({
        said: Genuine.saidHere({ content: said, encoded: encodeContent(said) }),
        ...{ atMs: START_MS, acceptedMs: START_MS, status: "synced" },
      });
      const committed = first.store.commit(outcome.build().changes);
      if (at % 500 === 0) await committed;
    }
    expect(await first.count("due/")).toBe(COUNT);
    await first.stop();

    const delay = monitorEventLoopDelay({ resolution: 5 });
    clock.setNow(START_MS + TIMER_MS);
    const second = await start();
    delay.enable();
    await second.settle();
    delay.disable();
    expect(await second.count("due/")).toBe(0);
    expect(await second.count("order/")).toBe(0);
    expect(delay.max / 1e6).toBeLessThan(LONGEST_BLOCK_MS);
    expect(second.errors).toEqual([]);
    await second.stop();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
