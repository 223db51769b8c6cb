/** The contract of `read`. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Blobs } from "../../../server/ports.js";
import { type BlobsHarness, begin, blob, isSame, type MakeBlobs, noise, put, readAll, startAppend } from "./harness.js";

const SIZE = 1_000_000;
const bytes = noise(SIZE);

/** Describes how blobs are read. */
export function describeReads(makeBlobs: MakeBlobs): void {
  describe("reading", () => {
    let harness: BlobsHarness;
    let blobs: Blobs;
    beforeEach(async () => {
      harness = await makeBlobs();
      blobs = harness.blobs;
      await put(blobs, blob(1), bytes);
    });
    afterEach(() => harness.dispose());

    it.each([
      [0, 0],
      [0, 1],
      [262_143, 262_144],
      [262_144, 262_145],
      [262_143, 524_289],
      [999_999, 1_000_000],
      [1_000_000, 1_000_000],
      [123_456, 987_654],
    ])("hands out the bytes from %i to before %i", async (from, to) => {
      expect(isSame(await readAll(blobs, blob(1), { from, to }), bytes.subarray(from, to))).toBe(true);
    });

    it("hands out pieces that stay as they are", async () => {
      const pieces: Uint8Array[] = [];
      for await (const piece of blobs.read(blob(1), { from: 0, to: SIZE })) pieces.push(piece);
      expect(isSame(Buffer.concat(pieces), bytes)).toBe(true);
      for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(1_048_576);
    });

    it.each([
      [-1, 5],
      [5, 4],
      [0, SIZE + 1],
      [0.5, 1],
    ])("takes a range from %d to %d for the caller's mistake", async (from, to) => {
      await expect(readAll(blobs, blob(1), { from, to })).rejects.toBeInstanceOf(RangeError);
    });

    it("hands out nothing of a blob that is not complete, is not there, or is being appended to", async () => {
      await begin(blobs, blob(2), 10);
      for (const id of [blob(2), blob(3)])
        await expect(readAll(blobs, id, { from: 0, to: 1 })).rejects.toMatchObject({ kind: "unavailable" });
      const append = await startAppend(blobs, blob(2), 0);
      await append.write(noise(10));
      await expect(readAll(blobs, blob(2), { from: 0, to: 1 })).rejects.toMatchObject({ kind: "unavailable" });
      await append.commit();
      expect(isSame(await readAll(blobs, blob(2)), noise(10))).toBe(true);
    });

    it("lets many read at once, while others are appended to", async () => {
      await begin(blobs, blob(2), SIZE);
      const append = await startAppend(blobs, blob(2), 0);
      const reads = Promise.all(Array.from({ length: 10 }, () => readAll(blobs, blob(1))));
      for (let at = 0; at < SIZE; at += 50_000) await append.write(bytes.subarray(at, at + 50_000));
      await append.commit();
      for (const read of await reads) expect(isSame(read, bytes)).toBe(true);
      expect(isSame(await readAll(blobs, blob(2)), bytes)).toBe(true);
    });

    it("can be left in the middle", async () => {
      for await (const piece of blobs.read(blob(1), { from: 0, to: SIZE })) {
        expect(isSame(piece, bytes.subarray(0, piece.length))).toBe(true);
        break;
      }
      await blobs.delete(blob(1));
      expect(await blobs.find(blob(1))).toBeUndefined();
    });

    it("goes on with right bytes or throws when the blob is deleted meanwhile", async () => {
      let at = 0;
      const reading = (async () => {
        for await (const piece of blobs.read(blob(1), { from: 0, to: SIZE })) {
          if (at === 0) await blobs.delete(blob(1));
          expect(isSame(piece, bytes.subarray(at, at + piece.length))).toBe(true);
          at += piece.length;
        }
        return "whole";
      })();
      const outcome = await reading.catch((cause: { readonly kind: string }) => cause.kind);
      expect(outcome === "whole" ? at : outcome).toBe(outcome === "whole" ? SIZE : "unavailable");
    });

    it("ends with the storage", async () => {
      const reader = blobs.read(blob(1), { from: 0, to: SIZE })[Symbol.asyncIterator]();
      await reader.next();
      await blobs.close();
      await expect(reader.next()).rejects.toMatchObject({ kind: "unavailable" });
    });
  });
}
