/** The contract of `create`, `find` and `append`. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Blobs } from "../../../server/ports.js";
import {
  appendAll,
  type BlobsHarness,
  begin,
  blob,
  isSame,
  MAX_BYTES,
  type MakeBlobs,
  noise,
  put,
  readAll,
  startAppend,
  TIMES,
} from "./harness.js";

/** Describes how blobs come to be. */
export function describeAppends(makeBlobs: MakeBlobs): void {
  describe("beginning and appending", () => {
    let harness: BlobsHarness;
    let blobs: Blobs;
    beforeEach(async () => {
      harness = await makeBlobs();
      blobs = harness.blobs;
    });
    afterEach(() => harness.dispose());

    it("knows nothing of a blob that was not begun", async () => {
      expect(await blobs.find(blob(1))).toBeUndefined();
      expect(await blobs.append(blob(1), 0)).toBeUndefined();
    });

    it("begins a blob once, and leaves the first as it was", async () => {
      await begin(blobs, blob(1), 500);
      expect(await blobs.create(blob(1), { lengthBytes: 9, expiresMs: 9, unfinishedMs: 9 })).toBe("exists");
      expect(await blobs.find(blob(1))).toEqual({ lengthBytes: 500, offset: 0, expiresMs: TIMES.expiresMs });
      expect(blobs.usage()).toEqual({ bytes: 500, maxBytes: MAX_BYTES });
    });

    it("lets one of many creations at once win", async () => {
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => blobs.create(blob(1), { lengthBytes: 5, ...TIMES })),
      );
      expect(answers.filter((answer) => answer === "created")).toHaveLength(1);
      expect(blobs.usage().bytes).toBe(5);
    });

    it("is complete at once if it has no bytes", async () => {
      await begin(blobs, blob(1), 0);
      expect(await blobs.find(blob(1))).toMatchObject({ lengthBytes: 0, offset: 0 });
      expect(await readAll(blobs, blob(1))).toHaveLength(0);
      expect(await appendAll(blobs, blob(1), 0, noise(0))).toBe(0);
    });

    it.each([1, 65_536, 262_143, 262_144, 262_145, 524_288, 1_000_000])("keeps %i bytes as they came", async (size) => {
      const bytes = noise(size, size);
      await begin(blobs, blob(1), size);
      expect(await appendAll(blobs, blob(1), 0, bytes, 70_001)).toBe(size);
      expect(await blobs.find(blob(1))).toMatchObject({ lengthBytes: size, offset: size });
      expect(isSame(await readAll(blobs, blob(1)), bytes)).toBe(true);
    });

    it("puts appends of any size behind each other", async () => {
      const sizes = [1, 99_999, 0, 262_144, 162_144, 7, 300_000, 2];
      const bytes = noise(sizes.reduce((sum, size) => sum + size, 0));
      await begin(blobs, blob(1), bytes.length);
      let offset = 0;
      for (const size of sizes) {
        expect(await appendAll(blobs, blob(1), offset, bytes.subarray(offset, offset + size))).toBe(offset + size);
        offset += size;
        expect((await blobs.find(blob(1)))?.offset).toBe(offset);
      }
      expect(isSame(await readAll(blobs, blob(1)), bytes)).toBe(true);
    });

    it("keeps what a piece said when it was written, whatever its memory says later", async () => {
      await begin(blobs, blob(1), 400_000);
      const append = await startAppend(blobs, blob(1), 0);
      const piece = new Uint8Array(40_000);
      for (let n = 0; n < 10; n++) {
        piece.fill(n);
        await append.write(piece);
      }
      piece.fill(99);
      await append.commit();
      const read = await readAll(blobs, blob(1));
      for (let n = 0; n < 10; n++) expect(read[n * 40_000 + 39_999]).toBe(n);
    });

    it("says where a blob is to an append elsewhere", async () => {
      await begin(blobs, blob(1), 100);
      await appendAll(blobs, blob(1), 0, noise(60));
      expect(await blobs.append(blob(1), 0)).toEqual({ kind: "moved", offset: 60 });
      expect(await blobs.append(blob(1), 61)).toEqual({ kind: "moved", offset: 60 });
      await appendAll(blobs, blob(1), 60, noise(40));
      expect(await blobs.append(blob(1), 60)).toEqual({ kind: "moved", offset: 100 });
    });

    it("lets one append at a time work on a blob, and others on other blobs", async () => {
      await begin(blobs, blob(1), 100);
      await begin(blobs, blob(2), 100);
      const answers = await Promise.all(Array.from({ length: 5 }, () => blobs.append(blob(1), 0)));
      expect(answers.map((answer) => answer?.kind).sort()).toEqual(["append", "busy", "busy", "busy", "busy"]);
      expect((await blobs.append(blob(2), 0))?.kind).toBe("append");
      for (const answer of answers) if (answer?.kind === "append") await answer.append.commit();
      expect((await blobs.append(blob(1), 0))?.kind).toBe("append");
    });

    it("keeps what was written before a peer went, and goes on behind it", async () => {
      const bytes = noise(300_000);
      await begin(blobs, blob(1), bytes.length);
      const broken = await startAppend(blobs, blob(1), 0);
      await broken.write(bytes.subarray(0, 100_001));
      expect(await broken.commit()).toBe(100_001);
      expect(await broken.commit()).toBe(100_001);
      await broken.discard();
      await appendAll(blobs, blob(1), 100_001, bytes.subarray(100_001));
      expect(isSame(await readAll(blobs, blob(1)), bytes)).toBe(true);
    });

    it("keeps nothing of a discarded append but what was durable", async () => {
      const bytes = noise(300_000);
      await begin(blobs, blob(1), bytes.length);
      await appendAll(blobs, blob(1), 0, bytes.subarray(0, 1_000));
      const given = await startAppend(blobs, blob(1), 1_000);
      await given.write(noise(299_000, 77));
      await given.discard();
      await given.discard();
      expect((await blobs.find(blob(1)))?.offset).toBe(1_000);
      await appendAll(blobs, blob(1), 1_000, bytes.subarray(1_000));
      expect(isSame(await readAll(blobs, blob(1)), bytes)).toBe(true);
    });

    it("takes nothing after the end of an append, and a late end ends no other", async () => {
      await begin(blobs, blob(1), 100);
      const first = await startAppend(blobs, blob(1), 0);
      await first.write(noise(10));
      await first.commit();
      await expect(first.write(noise(1))).rejects.toMatchObject({ kind: "unavailable" });
      const second = await startAppend(blobs, blob(1), 10);
      await first.discard();
      expect(await first.commit()).toBe(10);
      expect((await blobs.append(blob(1), 10))?.kind).toBe("busy");
      await second.write(noise(90));
      expect(await second.commit()).toBe(100);
      expect(await first.commit()).toBe(10);
    });

    it("refuses bytes beyond the length, and keeps those before them", async () => {
      await begin(blobs, blob(1), 100);
      const append = await startAppend(blobs, blob(1), 0);
      await append.write(noise(100));
      await expect(append.write(noise(1))).rejects.toMatchObject({ name: "BlobError", kind: "corrupt" });
      await append.write(noise(0));
      expect(await append.commit()).toBe(100);
      expect(isSame(await readAll(blobs, blob(1)), noise(100))).toBe(true);
    });

    it("promises no more than it may hold, and has room again after a deletion", async () => {
      await begin(blobs, blob(1), MAX_BYTES - 10);
      await expect(blobs.create(blob(2), { lengthBytes: 11, ...TIMES })).rejects.toMatchObject({ kind: "full" });
      expect(await blobs.find(blob(2))).toBeUndefined();
      await begin(blobs, blob(3), 10);
      expect(blobs.usage().bytes).toBe(MAX_BYTES);
      await blobs.delete(blob(1));
      await put(blobs, blob(2), noise(11));
      expect(blobs.usage().bytes).toBe(21);
    });

    it.each([-1, 0.5, Number.NaN, 2 ** 60])("takes %d for the caller's mistake", async (wrong) => {
      await expect(blobs.create(blob(1), { lengthBytes: wrong, ...TIMES })).rejects.toBeInstanceOf(RangeError);
      await expect(blobs.create(blob(1), { ...TIMES, lengthBytes: 1, expiresMs: wrong })).rejects.toBeInstanceOf(
        RangeError,
      );
      expect(await blobs.find(blob(1))).toBeUndefined();
      expect(blobs.usage().bytes).toBe(0);
    });
  });
}
