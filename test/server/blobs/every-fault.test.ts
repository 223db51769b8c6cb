/** One history of blobs, and every single change and sync of it once the one that does not happen. */

import { describe, expect, it } from "vitest";
import { DiskBlobs } from "../../../server/blobs/disk/disk-blobs.js";
import { SEGMENT_BYTES } from "../../../server/blobs/layout.js";
import { BlobError, type Blobs } from "../../../server/ports.js";
import {
  appendAll,
  begin,
  blob,
  isSame,
  NEVER_ABORTED,
  noise,
  readAll,
  startAppend,
} from "../../contract/blobs/harness.js";
import { manualClock } from "../../contract/store/harness.js";
import { seededRandom } from "../../support/crash/seeded-random.js";
import { CrashDisk, type Survival } from "./crash-disk.js";

const LENGTH = 2 * SEGMENT_BYTES + 5_000;
const content = noise(LENGTH);
const SURVIVALS: readonly Survival[] = ["nothing", "everything", ...[1, 2, 3, 4, 5, 6].map(seededRandom)];

function blobsOn(disk: CrashDisk, condemned: string[] = []): DiskBlobs {
  const log = { info() {}, error() {}, warn: (event: string) => void condemned.push(event) };
  return new DiskBlobs({ disk, maxBytes: 1e9, clock: manualClock(), log, markBytes: SEGMENT_BYTES });
}

/** Begins blob 1, appends twice, and deletes blob 2. Answers how far blob 1 was promised to be when it ended or failed. */
async function history(blobs: Blobs): Promise<number> {
  let promised = 0;
  try {
    await begin(blobs, blob(2), 400_000);
    await appendAll(blobs, blob(2), 0, noise(400_000, 2));
    await begin(blobs, blob(1), LENGTH);
    promised = await appendAll(blobs, blob(1), 0, content.subarray(0, 1_000));
    promised = await appendAll(blobs, blob(1), 1_000, content.subarray(1_000), 60_000);
    await blobs.delete(blob(2));
  } catch (cause) {
    if (!(cause instanceof BlobError)) throw cause;
  }
  return promised;
}

/** How many changes and syncs the history takes. */
async function operationsOfHistory(): Promise<number> {
  const disk = new CrashDisk();
  const blobs = blobsOn(disk);
  await blobs.open();
  const before = disk.operations;
  expect(await history(blobs)).toBe(LENGTH);
  return disk.operations - before;
}

/** Completes blob 1 from where it is, and reads it. */
async function complete(blobs: Blobs): Promise<boolean> {
  const offset = (await blobs.find(blob(1)))?.offset;
  if (offset === undefined) {
    await begin(blobs, blob(1), LENGTH);
    return complete(blobs);
  }
  await appendAll(blobs, blob(1), offset, content.subarray(offset));
  return isSame(await readAll(blobs, blob(1)), content);
}

describe("whatever single change or sync does not happen", () => {
  it("a crash there loses nothing that was answered, and adds nothing", { timeout: 180_000 }, async () => {
    const count = await operationsOfHistory();
    expect(count).toBeGreaterThan(30);
    for (let operation = 0; operation <= count; operation++) {
      for (const survival of SURVIVALS) {
        const condemned: string[] = [];
        const disk = new CrashDisk();
        const blobs = blobsOn(disk);
        await blobs.open();
        disk.losePowerAfter(operation);
        const promised = await history(blobs);
        const after = blobsOn(disk.afterCrash(survival), condemned);
        await after.open();
        expect((await after.find(blob(1)))?.offset ?? 0).toBeGreaterThanOrEqual(promised);
        expect(await complete(after)).toBe(true);
        expect(condemned).toEqual([]);
      }
    }
  });

  it("what a killed process left is told only once it is durable", { timeout: 180_000 }, async () => {
    const count = await operationsOfHistory();
    for (let operation = 0; operation <= count; operation++) {
      const disk = new CrashDisk();
      const blobs = blobsOn(disk);
      await blobs.open();
      disk.losePowerAfter(operation);
      await history(blobs);
      const killed = disk.afterKill();
      const next = blobsOn(killed);
      await next.open();
      const told = await Promise.all([next.find(blob(1)), next.find(blob(2))]);
      const last = blobsOn(killed.afterCrash("nothing"));
      await last.open();
      expect(await Promise.all([last.find(blob(1)), last.find(blob(2))])).toEqual(told);
    }
  });

  it("a disk that goes on after it leaves every blob usable, now and after a crash", { timeout: 180_000 }, async () => {
    const count = await operationsOfHistory();
    for (let operation = 0; operation < count; operation++) {
      for (const survival of SURVIVALS) {
        const condemned: string[] = [];
        const disk = new CrashDisk();
        const blobs = blobsOn(disk, condemned);
        await blobs.open();
        disk.failAfter(operation);
        const promised = await history(blobs);
        expect((await blobs.find(blob(1)))?.offset ?? 0).toBeGreaterThanOrEqual(promised);
        await blobs.expire(0, NEVER_ABORTED);
        const after = blobsOn(disk.afterCrash(survival), condemned);
        await after.open();
        expect((await after.find(blob(1)))?.offset ?? 0).toBeGreaterThanOrEqual(promised);
        expect(await complete(after)).toBe(true);
        expect(await complete(blobs)).toBe(true);
        expect(condemned).toEqual([]);
      }
    }
  });
});

describe("an append", () => {
  it("is over with its first failed write, and leaves the blob where it was", async () => {
    const disk = new CrashDisk();
    const blobs = blobsOn(disk);
    await blobs.open();
    await begin(blobs, blob(1), LENGTH);
    const append = await startAppend(blobs, blob(1), 0);
    await append.write(content.subarray(0, SEGMENT_BYTES - 1));
    disk.failAfter(2);
    await expect(append.write(content.subarray(SEGMENT_BYTES - 1, SEGMENT_BYTES + 10))).rejects.toBeInstanceOf(
      BlobError,
    );
    await expect(append.write(content.subarray(SEGMENT_BYTES + 10))).rejects.toMatchObject({ kind: "unavailable" });
    await expect(append.commit()).rejects.toMatchObject({ kind: "unavailable" });
    await expect(append.commit()).rejects.toMatchObject({ kind: "unavailable" });
    expect((await blobs.find(blob(1)))?.offset).toBe(0);
    expect(await complete(blobs)).toBe(true);
  });

  it("is not told of before its journal is on stable storage", async () => {
    const disk = new CrashDisk();
    const blobs = blobsOn(disk);
    await blobs.open();
    await begin(blobs, blob(1), LENGTH);
    const append = await startAppend(blobs, blob(1), 0);
    await append.write(content.subarray(0, 1_000));
    const release = disk.holdSync(2);
    const committing = append.commit();
    await new Promise((resolve) => setImmediate(resolve));
    expect((await blobs.find(blob(1)))?.offset).toBe(0);
    release();
    expect(await committing).toBe(1_000);
    expect((await blobs.find(blob(1)))?.offset).toBe(1_000);
  });

  it("makes segments durable on its way, and the last only with its commit", async () => {
    const blobs = blobsOn(new CrashDisk());
    await blobs.open();
    await begin(blobs, blob(1), 2 * SEGMENT_BYTES);
    const append = await startAppend(blobs, blob(1), 0);
    await append.write(content.subarray(0, 2 * SEGMENT_BYTES));
    await new Promise((resolve) => setImmediate(resolve));
    expect((await blobs.find(blob(1)))?.offset).toBe(SEGMENT_BYTES);
    expect(await append.commit()).toBe(2 * SEGMENT_BYTES);
    expect(isSame(await readAll(blobs, blob(1)), content.subarray(0, 2 * SEGMENT_BYTES))).toBe(true);
  });
});
