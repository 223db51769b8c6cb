/** Runs the load on a LevelDB store in a process of its own and prints what happens, one line an event, until the disk is gone. */

import { levelStore } from "../../../server/store/index.js";
import type { TimedEvent } from "./ledger.js";
import { prepare, runLoad } from "./load.js";

const [folder = "", durability] = process.argv.slice(2);
const clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after() {
    throw new Error("a store sets no timers");
  },
};
const store = levelStore({ folder, clock, durability: durability === "synced" ? "synced" : "unsafeUnsynced" });
await store.open();
await prepare(store);
// A write to a pipe is synchronous on Linux: what was tried is told before it can reach the disk.
await runLoad(store, (event) => {
  // CLOCK_MONOTONIC, which other processes of the machine read too.
  const told: TimedEvent = { event, atUs: Number(process.hrtime.bigint() / 1_000n) };
  process.stdout.write(`${JSON.stringify(told)}\n`);
});
