/** Rows are known ahead of the disk, and memory of those at rest is bounded. */

import { beforeEach, describe, expect, it } from "vitest";
import { memoryEngine } from "../../../server/store/memory/memory-engine.js";
import { LatestRows } from "../../../server/store/ordered/latest-rows.js";
import { Batch } from "../../../server/store/ordered/writer.js";

const ROOM = 3;
let loads: number[];
let rows: LatestRows<number, string>;

beforeEach(() => {
  loads = [];
  rows = new LatestRows({
    remembered: ROOM,
    load(key) {
      loads.push(key);
      return key < 100 ? `disk ${key}` : undefined;
    },
  });
});

const newBatch = () => new Batch(memoryEngine().batch());

describe("the latest rows", () => {
  it("are those of all calls so far, of the newest batch whichever is on disk first", async () => {
    const [first, second] = [newBatch(), newBatch()];
    rows.change(first, 1, "one");
    rows.change(first, 1, "two");
    expect(rows.latest(1)).toBe("two");
    rows.change(second, 1, undefined);
    expect(rows.latest(1)).toBeUndefined();
    await first.write("synced");
    expect(rows.latest(1)).toBeUndefined();
    expect(rows.writing(1)).toBe(second.done);
    expect(loads).toEqual([]);
    await second.write("synced");
    expect(rows.writing(1)).toBeUndefined();
    // On this disk it is still there: nothing deleted was kept in mind.
    expect(rows.latest(1)).toBe("disk 1");
  });

  it("are read from disk once, then remembered, and so is what was written", async () => {
    expect([rows.latest(1), rows.latest(1)]).toEqual(["disk 1", "disk 1"]);
    expect(loads).toEqual([1]);
    const batch = newBatch();
    rows.change(batch, 1, "new");
    await batch.write("synced");
    expect(rows.latest(1)).toBe("new");
    expect(loads).toEqual([1]);
  });

  it("stay while their user does not yield, however many, and then only so many", async () => {
    const many = Array.from({ length: 20 }, (_, key) => key);
    for (const key of many) rows.latest(key);
    loads = [];
    for (const key of many) rows.latest(key);
    expect(loads).toEqual([]);
    await Promise.resolve();
    for (const key of many.toReversed()) rows.latest(key);
    expect(loads).toHaveLength(many.length - ROOM);
  });

  it("are kept beyond any bound while they are being written", async () => {
    const batch = newBatch();
    for (let key = 0; key < 20; key++) rows.change(batch, key, `new ${key}`);
    await Promise.resolve();
    for (let key = 0; key < 20; key++) expect(rows.latest(key)).toBe(`new ${key}`);
    expect(loads).toEqual([]);
  });
});
