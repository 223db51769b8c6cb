/** What the end of a log leaves on disk: nothing, also where it was interrupted between two steps. */

import { beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../../server/ports.js";
import type { Engine } from "../../../server/store/engine.js";
import { memoryEngine } from "../../../server/store/memory/memory-engine.js";
import { orderedStore } from "../../../server/store/ordered/ordered-store.js";
import { bytes, group, manualClock, NEVER_ABORTED } from "../../contract/store/harness.js";

/** More than two steps of the deletion. */
const ENTRIES = 2_100;
const LOGS = { from: Buffer.of(0x40), to: Buffer.of(0x44) } as const;

const clock = manualClock();
let engine: Engine;
let store: Store;

async function rows(): Promise<number> {
  return (await engine.keys(LOGS, Number.POSITIVE_INFINITY)).length;
}

function append(number: number, expectedSeq: number) {
  const acceptedMs = clock.now();
  return store.logs.append({ group: group(number), expectedSeq, acceptedMs, entry: bytes("e"), document: bytes("d") });
}

beforeEach(async () => {
  engine = memoryEngine();
  store = orderedStore({ engine, clock, durability: "synced" });
  await store.open();
  await Promise.all(Array.from({ length: ENTRIES }, (_, seq) => append(1, seq)));
  const checkpoint = { group: group(1), expectedSeq: ENTRIES, seq: 1, body: bytes("c"), document: bytes("d") };
  expect(await store.logs.putCheckpoint({ ...checkpoint, deleteBelow: 2, keep: [1] })).toBe(true);
  clock.advance(1);
});

describe("the end of a log", () => {
  it("leaves no row of it, however long it was", async () => {
    expect(await rows()).toBe(ENTRIES + 2);
    expect(await store.logs.expire(clock.now(), NEVER_ABORTED)).toBe(1);
    expect(await rows()).toBe(0);
  });

  it("that was interrupted is finished by the next expiry, and touches no log that began meanwhile", async () => {
    let looks = 0;
    const signal = {
      get aborted() {
        looks += 1;
        // Enough for the head and one step of the entries.
        return looks > 3;
      },
    };
    expect(await store.logs.expire(clock.now(), signal)).toBe(1);
    const left = await rows();
    expect(left).toBeGreaterThan(1_000);
    expect(left).toBeLessThan(ENTRIES);
    await append(1, 0);
    await store.close();
    store = orderedStore({ engine, clock, durability: "synced" });
    await store.open();
    expect(await store.logs.expire(clock.now(), NEVER_ABORTED)).toBe(0);
    expect(await rows()).toBe(2);
    expect(await store.logs.head(group(1))).toMatchObject({ seq: 1, entries: 1, bytes: 1 });
  });
});
