/** What was answered is there after any number of crashes, at whatever change or sync they come. */

import { describe, expect, it } from "vitest";
import { DiskBlobs } from "../../../server/blobs/disk/disk-blobs.js";
import { BlobError } from "../../../server/ports.js";
import { manualClock } from "../../contract/store/harness.js";
import { freshSeed, type SeededRandom, seededRandom } from "../../support/crash/seeded-random.js";
import { CrashDisk, type Lie, type Survival } from "./crash-disk.js";
import { Ledger } from "./crash-ledger.js";

const LIVES = 15;
const CRASHES_A_LIFE = 6;

function blobsOn(disk: CrashDisk, condemned: string[]): DiskBlobs {
  const log = {
    info() {},
    error() {},
    warn: (event: string) => void condemned.push(event),
  };
  return new DiskBlobs({ disk, maxBytes: 1e9, clock: manualClock(), log, markBytes: 100_000 });
}

/** Opens the blobs; now and then the power goes in the middle of that, too. `undefined` if they cannot be opened any more. */
async function openAgain(from: CrashDisk, random: SeededRandom, condemned: string[]) {
  let disk = from;
  for (let attempt = 0; attempt < 50; attempt++, disk = comeBack(disk, random)) {
    if (random.below(3) === 0) disk.losePowerAfter(random.below(20));
    const blobs = blobsOn(disk, condemned);
    try {
      await blobs.open();
      disk.losePowerAfter(Number.POSITIVE_INFINITY);
      return { disk, blobs };
    } catch (cause) {
      if (!(cause instanceof BlobError) || cause.kind !== "unavailable") throw cause;
    }
  }
  return undefined;
}

function comeBack(disk: CrashDisk, random: SeededRandom): CrashDisk {
  const survivals: readonly Survival[] = ["nothing", "everything", random, random];
  const way = random.below(survivals.length + 1);
  const survival = survivals[way];
  return survival === undefined ? disk.afterKill() : disk.afterCrash(survival);
}

/** One user, and crashes at chosen moments. Answers the broken promises. */
async function live(seed: number, lie?: Lie): Promise<readonly string[]> {
  const random = seededRandom(seed);
  const ledger = new Ledger(random);
  const condemned: string[] = [];
  let open = await openAgain(new CrashDisk(lie), random, condemned);
  for (let crash = 0; crash < CRASHES_A_LIFE && open !== undefined; crash++) {
    open.disk.losePowerAfter(random.below(120));
    await ledger.workUntilFailure(open.blobs);
    open = await openAgain(comeBack(open.disk, random), random, condemned);
    if (open !== undefined) await ledger.compare(open.blobs);
  }
  if (open === undefined) return ["it does not open"];
  await ledger.finish(open.blobs);
  return [...ledger.broken, ...condemned];
}

describe("blobs on a disk that loses power", () => {
  it(`keep what they answered, ${LIVES} lives long`, { timeout: 120_000 }, async () => {
    for (let n = 0; n < LIVES; n++) {
      const seed = freshSeed();
      expect({ seed, broken: await live(seed) }).toEqual({ seed, broken: [] });
    }
  });

  it.each(["syncsFiles", "syncsFolders"] as const)(
    "are found out by this test when nobody really %s",
    { timeout: 120_000 },
    async (lie) => {
      let broken = 0;
      for (let seed = 0; seed < 20; seed++) broken += (await live(seed, lie)).length;
      expect(broken).toBeGreaterThan(0);
    },
  );
});

describe("blobs on a disk with bad moments", () => {
  it("count nothing that a failed sync may have lost", { timeout: 120_000 }, async () => {
    for (let n = 0; n < LIVES; n++) {
      const seed = freshSeed();
      const random = seededRandom(seed);
      const ledger = new Ledger(random);
      const condemned: string[] = [];
      let disk = new CrashDisk();
      let blobs = blobsOn(disk, condemned);
      await blobs.open();
      for (let crash = 0; crash < CRASHES_A_LIFE; crash++) {
        disk.failAfter(random.below(60));
        await ledger.workThroughFailures(blobs, 20);
        disk = disk.afterCrash(random);
        blobs = blobsOn(disk, condemned);
        await blobs.open();
        await ledger.compare(blobs);
      }
      await ledger.finish(blobs);
      expect({ seed, broken: [...ledger.broken, ...condemned] }).toEqual({ seed, broken: [] });
    }
  });
});
