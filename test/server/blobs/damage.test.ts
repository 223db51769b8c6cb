/** Whatever changes on the disk, nobody is handed other bytes than were written. */

import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { folderBlobs } from "../../../server/blobs/index.js";
import { blobPath } from "../../../server/blobs/layout.js";
import { BlobError, type Blobs } from "../../../server/ports.js";
import { appendAll, begin, blob, isSame, NEVER_ABORTED, noise, put, readAll } from "../../contract/blobs/harness.js";
import { manualClock } from "../../contract/store/harness.js";
import { freshSeed, type SeededRandom, seededRandom } from "../../support/crash/seeded-random.js";

const HEADER = 46;
const RECORD = 20;
const SEGMENT = 262_144;
const SIZE = 2 * SEGMENT + 1_000;
const bytes = noise(SIZE);
/** Some hundred blobs, each made durable several times. */
const MANY_SYNCS = { timeout: 180_000 };

let folder = "";
let events: string[] = [];
let blobs: Blobs;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sotto-damage-"));
  events = [];
  blobs = await openBlobs();
});
afterEach(async () => {
  await blobs.close();
  await rm(folder, { recursive: true });
});

async function openBlobs(): Promise<Blobs> {
  const log = { info() {}, error() {}, warn: (event: string) => void events.push(event) };
  const opened = folderBlobs({ folder, maxBytes: 1e9, clock: manualClock(), log });
  await opened.open();
  return opened;
}

async function reopen(): Promise<void> {
  await blobs.close();
  blobs = await openBlobs();
}

const file = (suffix: "data" | "log", id = blob(1)) => join(folder, blobPath(id, suffix));

async function flip(path: string, bit: number): Promise<void> {
  const content = await readFile(path);
  content[bit >> 3] = (content[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  await writeFile(path, content);
}

/** Reads a range as far as it goes: what came must be right. Answers whether it came whole. */
async function readOn(from: number, to: number): Promise<"whole" | "corrupt" | "none"> {
  if ((await blobs.find(blob(1))) === undefined) return "none";
  let at = from;
  try {
    for await (const piece of blobs.read(blob(1), { from, to })) {
      expect(isSame(piece, bytes.subarray(at, at + piece.length))).toBe(true);
      at += piece.length;
    }
    expect(at).toBe(to);
    return "whole";
  } catch (cause) {
    if (!(cause instanceof BlobError)) throw cause;
    if (cause.kind === "corrupt") return "corrupt";
    return "none";
  }
}

/** Bits at each boundary of a file of parts, and some in between. */
function bitsAround(boundaries: readonly number[], lengthBytes: number, random: SeededRandom): readonly number[] {
  const near = boundaries.flatMap((at) => [at * 8 - 1, at * 8, at * 8 + 7]);
  const between = Array.from({ length: 20 }, () => random.below(lengthBytes * 8));
  return [...new Set([...near, ...between])].filter((bit) => bit >= 0 && bit < lengthBytes * 8);
}

describe("a flipped bit in the data of a complete blob", () => {
  it("is found before any byte of its segment is handed out, wherever it is", MANY_SYNCS, async () => {
    for (const bit of bitsAround([0, 1, SEGMENT, 2 * SEGMENT, SIZE], SIZE, seededRandom(freshSeed()))) {
      await put(blobs, blob(1), bytes);
      await flip(file("data"), bit);
      const start = Math.floor((bit >> 3) / SEGMENT) * SEGMENT;
      // What lies before the segment is still right.
      expect({ bit, outcome: await readOn(0, start) }).toEqual({ bit, outcome: "whole" });
      const far = bit >> 3 === start ? start + 1 : start;
      expect({ bit, outcome: await readOn(far, far + 1) }).toEqual({ bit, outcome: "corrupt" });
      expect(await blobs.find(blob(1))).toBeUndefined();
      expect(await blobs.append(blob(1), SIZE)).toBeUndefined();
      await blobs.delete(blob(1));
    }
  });

  it("is logged once, however many read it, and the blob stays none", async () => {
    await put(blobs, blob(1), bytes);
    await flip(file("data"), 5);
    const reads = await Promise.all(Array.from({ length: 5 }, () => readOn(0, SIZE)));
    expect(reads).toContain("corrupt");
    expect(reads).not.toContain("whole");
    await reopen();
    expect(await readOn(0, 1)).toBe("none");
    expect(events).toEqual(["blobCorrupt"]);
  });

  it("makes room with the next sweep, and for another blob of the name at once", async () => {
    await put(blobs, blob(1), bytes);
    await flip(file("data"), 5);
    expect(await readOn(0, SIZE)).toBe("corrupt");
    expect(blobs.usage().bytes).toBe(SIZE);
    await put(blobs, blob(1), bytes);
    expect(await readOn(0, SIZE)).toBe("whole");
    expect(await blobs.expire(0, NEVER_ABORTED)).toBe(0);
    expect(blobs.usage().bytes).toBe(SIZE);
    expect(await readOn(0, SIZE)).toBe("whole");
  });
});

describe("a flipped bit in the journal of a complete blob", () => {
  const journalBytes = HEADER + 4 * RECORD;

  it("never leads to wrong bytes, running or after a start", MANY_SYNCS, async () => {
    const seed = freshSeed();
    const random = seededRandom(seed);
    const boundaries = [0, 8, 24, 30, 36, 42, ...Array.from({ length: 5 }, (_, n) => HEADER + n * RECORD)];
    for (const bit of bitsAround([...boundaries, ...boundaries.map((at) => at + 12)], journalBytes, random)) {
      await put(blobs, blob(1), bytes);
      expect(await readFile(file("log"))).toHaveLength(journalBytes);
      await flip(file("log"), bit);
      if (random.below(3) === 0) await reopen();
      const outcome = await readOn(0, SIZE);
      // The last record only says that the others are whole: without it they still are.
      const isSeal = bit >= (HEADER + 3 * RECORD) * 8;
      expect({ seed, bit, outcome: outcome === "whole" }).toEqual({ seed, bit, outcome: isSeal });
      await blobs.delete(blob(1));
      await blobs.expire(0, NEVER_ABORTED);
    }
    expect(blobs.usage().bytes).toBe(0);
  });

  it("is found when records are cut off, doubled, exchanged, or come from another blob", async () => {
    await put(blobs, blob(2), noise(SIZE, 2));
    const other = await readFile(file("log", blob(2)));
    await put(blobs, blob(1), bytes);
    const right = await readFile(file("log"));
    const record = (journal: Buffer, n: number) => journal.subarray(HEADER + n * RECORD, HEADER + (n + 1) * RECORD);
    const head = right.subarray(0, HEADER);
    const [r0, r1, r2, r3] = [0, 1, 2, 3].map((n) => record(right, n)) as [Buffer, Buffer, Buffer, Buffer];
    const wrong = [
      [head, r1, r0, r2, r3],
      [head, r0, r0, r1, r2, r3],
      [head, r0, r2, r3],
      [head, r0, record(other, 1), r2, r3],
      [other],
      [head, r0, r1, Buffer.alloc(RECORD), r3],
      [head.subarray(0, HEADER - 1)],
      [Buffer.alloc(0)],
    ];
    for (const parts of wrong) {
      await writeFile(file("log"), Buffer.concat(parts));
      expect(await readOn(0, SIZE)).toBe("none");
      await blobs.delete(blob(1));
      await put(blobs, blob(1), bytes);
    }
    await writeFile(file("log"), Buffer.concat([head, r0, r1, r2]));
    expect(await readOn(0, SIZE)).toBe("whole");
  });
});

describe("a damaged unfinished blob", () => {
  it("falls back to a durable end at most, and never keeps a wrong byte", MANY_SYNCS, async () => {
    const seed = freshSeed();
    const random = seededRandom(seed);
    const journalBytes = HEADER + 3 * RECORD;
    for (const bit of bitsAround([0, 24, HEADER, HEADER + RECORD, HEADER + 2 * RECORD], journalBytes, random)) {
      await begin(blobs, blob(1), SIZE);
      await appendAll(blobs, blob(1), 0, bytes.subarray(0, 1_000));
      await appendAll(blobs, blob(1), 1_000, bytes.subarray(1_000, 300_000));
      await flip(file("log"), bit);
      if (random.below(2) === 0) await reopen();
      const found = await blobs.find(blob(1));
      const flipped = `bit ${bit} of seed ${seed}`;
      if (bit < (HEADER + RECORD) * 8) expect(found, flipped).toBeUndefined();
      if (found !== undefined) {
        // Both records of the second append say that the first was durable.
        expect([1_000, SEGMENT], flipped).toContain(found.offset);
        await appendAll(blobs, blob(1), found.offset, bytes.subarray(found.offset));
        expect(await readOn(0, SIZE), flipped).toBe("whole");
      }
      await blobs.delete(blob(1));
    }
  });

  it("counts as none when data is missing that was durable", async () => {
    for (const id of [blob(1), blob(2)]) {
      await begin(blobs, id, SIZE);
      await appendAll(blobs, id, 0, bytes.subarray(0, 300_000));
      await truncate(file("data", id), 299_999);
    }
    expect(await blobs.append(blob(1), 300_000)).toBeUndefined();
    await reopen();
    expect(await blobs.find(blob(2))).toBeUndefined();
    expect(events).toEqual(["blobCorrupt", "blobCorrupt"]);
  });

  it("is found at the end when a bit flips before the append that goes on", async () => {
    await begin(blobs, blob(1), SIZE);
    await appendAll(blobs, blob(1), 0, bytes.subarray(0, 1_000));
    await flip(file("data"), 4_000);
    await appendAll(blobs, blob(1), 1_000, bytes.subarray(1_000));
    expect(await readOn(0, SIZE)).toBe("corrupt");
    expect(await readAll(blobs, blob(1)).catch(() => "none")).toBe("none");
  });
});
