/** Every adapter of the store passes the contract. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Store } from "../../../server/ports.js";
import type { Engine } from "../../../server/store/engine.js";
import { levelStore, localBus } from "../../../server/store/index.js";
import { memoryEngine } from "../../../server/store/memory/memory-engine.js";
import { orderedStore } from "../../../server/store/ordered/ordered-store.js";
import { describeBus } from "../../contract/store/describe-bus.js";
import { describeStore } from "../../contract/store/describe-store.js";
import { type ManualClock, manualClock, type StoreHarness } from "../../contract/store/harness.js";

async function makeHarness(
  makeStore: (clock: ManualClock) => Store,
  deleteAll: () => Promise<void>,
): Promise<StoreHarness> {
  const clock = manualClock();
  let store = makeStore(clock);
  await store.open();
  return {
    get store() {
      return store;
    },
    clock,
    async reopen() {
      await store.close();
      store = makeStore(clock);
      await store.open();
    },
    async dispose() {
      await store.close();
      await deleteAll();
    },
  };
}

describeStore("LevelDB", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sotto-store-"));
  return makeHarness(
    (clock) => levelStore({ folder, clock }),
    () => rm(folder, { recursive: true }),
  );
});

async function inMemory(residentMailboxes?: number): Promise<StoreHarness> {
  const engine: Engine = memoryEngine();
  const few = residentMailboxes === undefined ? {} : { residentMailboxes };
  return makeHarness(
    (clock) => orderedStore({ engine, clock, durability: "unsafeUnsynced", ...few }),
    async () => {},
  );
}

describeStore("Memory", () => inMemory());
describeStore("Memory with room for one idle mailbox", () => inMemory(1));
describeBus("LocalBus", localBus);
