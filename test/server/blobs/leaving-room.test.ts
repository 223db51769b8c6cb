/** What of a disk is left to the relay's store, however much is uploaded. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DiskBlobs } from "../../../server/blobs/disk/disk-blobs.js";
import { leavingRoom } from "../../../server/blobs/disk/leaving-room.js";
import { nodeDisk } from "../../../server/blobs/disk/node-disk.js";
import { begin, blob, isSame, noise, put, readAll, startAppend } from "../../contract/blobs/harness.js";
import { manualClock } from "../../contract/store/harness.js";

const MIB = 1_048_576;
const LEFT_FREE = 100 * MIB;

let folder = "";
let free = 0;
let asked = 0;
let blobs: DiskBlobs;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sotto-room-"));
  [free, asked] = [LEFT_FREE + 1_000 * MIB, 0];
  blobs = await openBlobs();
});
afterEach(async () => {
  await blobs.close();
  await rm(folder, { recursive: true });
});

async function openBlobs(): Promise<DiskBlobs> {
  const freeBytes = async () => {
    asked += 1;
    return free;
  };
  const disk = leavingRoom(nodeDisk(folder), freeBytes, LEFT_FREE);
  const opened = new DiskBlobs({ disk, maxBytes: 1e12, clock: manualClock() });
  await opened.open();
  return opened;
}

describe("a disk with no more room than is left free", () => {
  it("begins no blob, counts none, and begins one when there is room again", async () => {
    free = LEFT_FREE;
    await expect(begin(blobs, blob(1), MIB)).rejects.toMatchObject({ kind: "full" });
    expect([blobs.usage().bytes, await blobs.find(blob(1))]).toEqual([0, undefined]);
    free = LEFT_FREE + MIB;
    await begin(blobs, blob(1), MIB);
  });

  it("takes no more of a blob than goes beside it, keeps that, and takes the rest later", async () => {
    const content = noise(40 * MIB);
    await begin(blobs, blob(1), content.length);
    const append = await startAppend(blobs, blob(1), 0);
    await append.write(content.subarray(0, 20 * MIB));
    free = LEFT_FREE - 1;
    await expect(append.write(content.subarray(20 * MIB))).rejects.toMatchObject({ kind: "full" });
    await append.discard();
    const offset = (await blobs.find(blob(1)))?.offset ?? 0;
    // What was found free before is still taken, and not much of it.
    expect(offset).toBeLessThanOrEqual(36 * MIB);
    free = LEFT_FREE + 100 * MIB;
    const rest = await startAppend(blobs, blob(1), offset);
    await rest.write(content.subarray(offset));
    expect(await rest.commit()).toBe(content.length);
    expect(isSame(await readAll(blobs, blob(1)), content)).toBe(true);
  });

  it("opens, is read from and deleted from", async () => {
    const content = noise(300_000);
    await put(blobs, blob(1), content);
    await blobs.close();
    free = 0;
    blobs = await openBlobs();
    expect(isSame(await readAll(blobs, blob(1)), content)).toBe(true);
    await blobs.delete(blob(1));
    expect(await blobs.find(blob(1))).toBeUndefined();
  });

  it("is not asked for every write", { timeout: 120_000 }, async () => {
    for (let number = 1; number <= 50; number++) await put(blobs, blob(number), noise(100_000));
    expect(asked).toBeLessThan(5);
  });
});
