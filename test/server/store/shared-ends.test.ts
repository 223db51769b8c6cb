/** What a store keeps of bodies that end alike, what it writes for them, and what it does when the disk fails it. */

import { beforeEach, describe, expect, it } from "vitest";
import { type AppendOutcome, type Store, StoreError } from "../../../server/ports.js";
import type { Engine } from "../../../server/store/engine.js";
import { memoryEngine } from "../../../server/store/memory/memory-engine.js";
import { orderedStore } from "../../../server/store/ordered/ordered-store.js";
import { bytes, mailbox, manualClock, messageId, textsIn } from "../../contract/store/harness.js";
import { type ControlledEngine, controlledEngine } from "./controlled-engine.js";

const PLACES = [1, 2, 3, 4];
const END = "the end of all bodies";
const COUNT = 0x14;
const EVERY_ROW = { from: Buffer.of(0), to: Buffer.of(0xff) } as const;

const clock = manualClock();
let memory: Engine;
let engine: ControlledEngine;
let store: Store;
let countsAreUnreadable: boolean;
/** Called when ends are about to be read. */
let readingEnds: () => Promise<void>;

async function open(): Promise<void> {
  store = orderedStore({ engine, clock, durability: "synced" });
  await store.open();
}

beforeEach(async () => {
  countsAreUnreadable = false;
  readingEnds = async () => {};
  memory = memoryEngine();
  engine = controlledEngine({
    ...memory,
    get(key) {
      if (countsAreUnreadable && key[0] === COUNT) throw new StoreError("unavailable", "a bad sector");
      return memory.get(key);
    },
    async values(keys) {
      await readingEnds();
      return memory.values(keys);
    },
  });
  await open();
  for (const place of PLACES) await store.mail.create(mailbox(place));
});

async function reopen(): Promise<void> {
  await store.close();
  await open();
}

function append(number: number, places: readonly number[] = PLACES): Promise<AppendOutcome> {
  return store.mail.append({
    messageId: messageId(number),
    acceptedMs: clock.now(),
    shared: bytes(END),
    rows: places.map((place) => ({ mailbox: mailbox(place), body: bytes(`${place}: `) })),
    guards: [],
    quota: { envelopes: 100, bytes: 10_000 },
  });
}

/** The prefixes of the rows whose value holds the end. */
async function whereEndIs(): Promise<readonly number[]> {
  const rows = await memory.entries(EVERY_ROW, Number.POSITIVE_INFINITY);
  return rows.filter(([, value]) => value.includes(END)).map(([key]) => key[0] ?? -1);
}

describe("a shared end", () => {
  it("lies on disk once, and not at all after the last acknowledgement", async () => {
    await append(1);
    expect(await whereEndIs()).toEqual([0x13]);
    for (const place of PLACES.slice(1)) await store.mail.acknowledge(mailbox(place), 1, []);
    expect(await whereEndIs()).toEqual([0x13]);
    await reopen();
    await store.mail.acknowledge(mailbox(1), 1, []);
    expect(await whereEndIs()).toEqual([]);
    expect(await memory.keys({ from: Buffer.of(0x13), to: Buffer.of(0x15) }, 10)).toEqual([]);
  });

  it("costs one count a commit, however many acknowledge in it", async () => {
    await append(1);
    engine.isHolding = true;
    const other = store.table.spendOnce("bucket", "key", 1_000);
    const write = await engine.nextWrite();
    const acknowledged = [1, 2, 3].map((place) => store.mail.acknowledge(mailbox(place), 1, []));
    await write.finish();
    await other;
    const shared = await engine.nextWrite();
    // Three envelopes, three heads of emptied mailboxes, one count.
    expect(shared.operations).toBe(7);
    await shared.finish();
    await Promise.all(acknowledged);
  });

  it("asks the disk for nothing while its recipients are in use", async () => {
    await append(1);
    const before = engine.gets;
    await append(2);
    for (const place of PLACES) await store.mail.acknowledge(mailbox(place), 2, []);
    expect(engine.gets).toBe(before);
  });

  it("whose count cannot be read lets the deletion fail as one that did not happen, and the store live", async () => {
    await append(1);
    await reopen();
    countsAreUnreadable = true;
    clock.advance(1);
    const calls = [
      store.mail.acknowledge(mailbox(1), 1, []),
      store.mail.acknowledge(mailbox(1), 0, [1]),
      store.mail.drop(mailbox(2)),
      store.mail.expire(clock.now(), { aborted: false }),
    ];
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { kind: "unavailable" } });
    }
    for (const place of PLACES) expect(await textsIn(store, mailbox(place))).toEqual([`${place}: ${END}`]);
    countsAreUnreadable = false;
    expect(await store.mail.expire(clock.now(), { aborted: false })).toBe(PLACES.length);
    expect(await whereEndIs()).toEqual([]);
  });

  it("that goes while it is read leaves its envelope out, and the others whole", async () => {
    await append(1, [1]);
    await append(2, [1, 2]);
    readingEnds = () => store.mail.acknowledge(mailbox(1), 1, []);
    expect(await textsIn(store, mailbox(1))).toEqual([`1: ${END}`]);
  });

  it("that is gone though it should not be is never taken for the empty one", async () => {
    await append(1);
    const batch = memory.batch();
    for (const key of await memory.keys({ from: Buffer.of(0x13), to: Buffer.of(0x14) }, 10)) batch.delete(key);
    await batch.write("synced");
    await expect(textsIn(store, mailbox(1))).rejects.toMatchObject({ kind: "unavailable" });
  });
});
