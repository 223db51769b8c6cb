/** What a journal says, whatever a crash left of it. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DiskBlobs } from "../../../server/blobs/disk/disk-blobs.js";
import { readJournal } from "../../../server/blobs/disk/journal.js";
import {
  decodeHeader,
  encodeHeader,
  encodeRecords,
  HEADER_BYTES,
  type JournalRecord,
  MAX_NUMBER,
  RECORD_BYTES,
  recordReader,
  sealingRecord,
} from "../../../server/blobs/disk/journal-format.js";
import { compactRecords, Replay } from "../../../server/blobs/disk/replay.js";
import { blobPath, SEGMENT_BYTES } from "../../../server/blobs/layout.js";
import { appendAll, begin, blob, isSame, noise, readAll } from "../../contract/blobs/harness.js";
import { manualClock } from "../../contract/store/harness.js";
import { CrashDisk } from "./crash-disk.js";

const whole = fc.integer({ min: 0, max: MAX_NUMBER });

/** Commits of a blob, each made of the sizes of its parts, none of which crosses the end of a segment. */
const commits = fc.array(fc.integer({ min: 1, max: 600_000 }), { minLength: 1, maxLength: 12 }).map((sizes) => {
  const records: JournalRecord[][] = [];
  let end = 0;
  for (const size of sizes) {
    const durableBefore = end;
    const batch: JournalRecord[] = [];
    for (const to = end + size; end < to; ) {
      end = Math.min(to, (Math.floor(end / SEGMENT_BYTES) + 1) * SEGMENT_BYTES);
      batch.push({ end, durableBefore, checksum: end >>> 0 });
    }
    records.push(batch);
  }
  return { lengthBytes: end, batches: records };
});

function replayed(lengthBytes: number, records: readonly (JournalRecord | undefined)[]) {
  const replay = new Replay(lengthBytes);
  for (const record of records) replay.take(record);
  return replay.result();
}

describe("the bytes of a journal", () => {
  it("come back as they were", () => {
    fc.assert(
      fc.property(fc.record({ lengthBytes: whole, expiresMs: whole, unfinishedMs: whole }), fc.nat(), (header, n) => {
        expect(decodeHeader(blob(n), encodeHeader(blob(n), header))).toEqual(header);
        expect(decodeHeader(blob(n + 1), encodeHeader(blob(n), header))).toBeUndefined();
      }),
    );
    const record = fc.record({ end: whole, durableBefore: whole, checksum: fc.nat() });
    fc.assert(
      fc.property(fc.array(record), fc.nat(1e6), (records, first) => {
        const bytes = encodeRecords(blob(1), first, records);
        const read = recordReader(blob(1));
        expect(records.map((_, n) => read(first + n, bytes, n * RECORD_BYTES))).toEqual(records);
        const elsewhere = recordReader(blob(2));
        for (let n = 0; n < records.length; n++) {
          expect(read(first + n + 1, bytes, n * RECORD_BYTES)).toBeUndefined();
          expect(elsewhere(first + n, bytes, n * RECORD_BYTES)).toBeUndefined();
        }
      }),
    );
  });

  it("are known by every bit", () => {
    const header = encodeHeader(blob(7), { lengthBytes: 1_000, expiresMs: 2_000, unfinishedMs: 3_000 });
    const record = encodeRecords(blob(7), 3, [{ end: 1_000, durableBefore: 10, checksum: 77 }]);
    for (let bit = 0; bit < HEADER_BYTES * 8; bit++)
      expect(decodeHeader(blob(7), flipped(header, bit))).toBeUndefined();
    for (let bit = 0; bit < RECORD_BYTES * 8; bit++)
      expect(recordReader(blob(7))(3, flipped(record, bit), 0)).toBeUndefined();
  });

  it("stand where they always stood", () => {
    const header = encodeHeader(blob(0x1234), { lengthBytes: 300_000, expiresMs: 0x18bcfe56800, unfinishedMs: 1 });
    expect(header.toString("hex")).toBe(
      "534f54544f424c31000000000000000000000000000012340000000493e0018bcfe5680000000000000148cfaaf0",
    );
    const record = encodeRecords(blob(0x1234), 1, [{ end: 300_000, durableBefore: 1, checksum: 0xdeadbeef }]);
    expect(record.toString("hex")).toBe("0000000493e0000000000001deadbeef381705f3");
  });
});

describe("what the records add up to", () => {
  it("is the last end, with a checksum for each segment", () => {
    fc.assert(
      fc.property(commits, ({ lengthBytes, batches }) => {
        const records = batches.flat();
        const result = replayed(lengthBytes, [...records, sealingRecord(lengthBytes)]);
        expect(result).toMatchObject({ end: lengthBytes, isSealed: true, records: records.length + 1 });
        expect(result?.checksums).toHaveLength(Math.ceil(lengthBytes / SEGMENT_BYTES));
        if (result === undefined) throw new Error("sound");
        expect(replayed(lengthBytes, compactRecords(result))).toMatchObject({
          end: lengthBytes,
          checksums: result.checksums,
        });
      }),
    );
  });

  it("never falls behind a commit that another one followed, and never says more than was written", () => {
    fc.assert(
      fc.property(commits, fc.nat(), ({ lengthBytes, batches }, at) => {
        const records = batches.flat();
        const lost = at % records.length;
        const batch = batches.findIndex((_, n) => lost < batches.slice(0, n + 1).flat().length);
        const result = replayed(
          lengthBytes,
          records.map((record, n) => (n === lost ? undefined : record)),
        );
        if (batch < batches.length - 1) expect(result).toBeUndefined();
        else expect(result?.end).toBe(records[lost - 1]?.end ?? 0);
      }),
    );
  });

  it("is nothing else for records that do not follow each other", () => {
    const record = fc.record({ end: fc.nat(600_000), durableBefore: fc.nat(600_000), checksum: fc.nat() });
    fc.assert(
      fc.property(fc.array(record), (records) => {
        const result = replayed(500_000, records);
        if (result === undefined) return;
        expect(result.end).toBeLessThanOrEqual(500_000);
        expect(result.checksums).toHaveLength(Math.ceil(result.end / SEGMENT_BYTES));
        for (const checksum of result.checksums) expect(checksum).toEqual(expect.any(Number));
      }),
    );
  });
});

describe("the journal of a blob that comes byte by byte", () => {
  it("is written anew before it grows long, and says the same", async () => {
    const disk = new CrashDisk();
    const blobs = new DiskBlobs({ disk, maxBytes: 1e9, clock: manualClock() });
    await blobs.open();
    const bytes = noise(2_500);
    await begin(blobs, blob(1), bytes.length);
    for (let offset = 0; offset < bytes.length; offset++) {
      await appendAll(blobs, blob(1), offset, bytes.subarray(offset, offset + 1));
    }
    expect(await disk.sizeOf(blobPath(blob(1), "log"))).toBeLessThan(HEADER_BYTES + 1_100 * RECORD_BYTES);
    expect(isSame(await readAll(blobs, blob(1)), bytes)).toBe(true);
    const file = await disk.open(blobPath(blob(1), "log"), "read");
    expect(file && (await readJournal(file, blob(1)))).toMatchObject({ end: 2_500, isSealed: true, hasTail: false });
  });
});

function flipped(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
