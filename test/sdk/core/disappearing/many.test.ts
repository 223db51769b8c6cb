import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeContent } from "@sotto/protocol";
import { expect, it } from "vitest";
import { Genuine } from "../../../../sdk/core/franking/genuine.js";
import type { Store } from "../../../../sdk/core/ports.js";
import { levelStore } from "../../../../sdk/node/level-store.js";
import { manualClock } from "../link/manual-clock.js";
import { MemoryPlace } from "../storage/unsafe-memory-store.js";
import { me, START_MS, TimedDevice, words } from "./fixture.js";

const TIMER_MS = 60_000;
const COUNT = 1_000;
/** Messages of one commit. */
const BATCH = 64;

it("messages that are due together at a start end batch by batch, and everything else has its turns in between", async () => {
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

    clock.setNow(START_MS + TIMER_MS);
    const { store: disk } = levelStore(folder);
    const ended = endedByWrite(disk);
    const turns = new Turns();
    const second = await TimedDevice.start(new MemoryPlace(), clock, () => clock.now(), disk);
    await second.settle();
    turns.stop();
    expect(await second.count("due/")).toBe(0);
    expect(await second.count("order/")).toBe(0);
    expect(ended.reduce((sum, count) => sum + count)).toBe(COUNT);
    expect(Math.max(...ended)).toBeLessThanOrEqual(BATCH);
    expect(turns.count).toBeGreaterThanOrEqual(ended.length);
    expect(second.errors).toEqual([]);
    await second.stop();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** How many messages each write to a disk ends, from now on; of writes that end any. */
function endedByWrite(disk: Store): readonly number[] {
  const counts: number[] = [];
  const write = disk.write.bind(disk);
  disk.write = (changes) => {
    const count = changes.filter(({ key, value }) => key.startsWith("due/") && value === undefined).length;
    if (count > 0) counts.push(count);
    return write(changes);
  };
  return counts;
}

/** Counts the turns that the event loop gives to others. */
class Turns {
  count = 0;
  private next = setImmediate(() => this.turn());

  stop(): void {
    clearImmediate(this.next);
  }

  private turn(): void {
    this.count += 1;
    this.next = setImmediate(() => this.turn());
  }
}
