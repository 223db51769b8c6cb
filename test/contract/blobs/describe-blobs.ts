/** The contract of the `Blobs` port. Every adapter passes it. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BlobError } from "../../../server/ports.js";
import { describeAppends } from "./describe-appends.js";
import { describeModel } from "./describe-model.js";
import { describeReads } from "./describe-reads.js";
import { describeRemoval } from "./describe-removal.js";
import {
  type BlobsHarness,
  begin,
  blob,
  isSame,
  type MakeBlobs,
  NEVER_ABORTED,
  noise,
  put,
  readAll,
  startAppend,
  TIMES,
} from "./harness.js";

/** Describes the whole contract for one adapter. */
export function describeBlobs(name: string, makeBlobs: MakeBlobs): void {
  describe(`${name} as blobs`, () => {
    describeAppends(makeBlobs);
    describeReads(makeBlobs);
    describeRemoval(makeBlobs);
    describeModel(makeBlobs);
    describeLife(makeBlobs);
  });
}

function describeLife(makeBlobs: MakeBlobs): void {
  describe("opening and closing", () => {
    let harness: BlobsHarness;
    beforeEach(async () => {
      harness = await makeBlobs();
    });
    afterEach(() => harness.dispose());

    it("finds complete and unfinished blobs again, and what they take", async () => {
      const whole = noise(300_000);
      await put(harness.blobs, blob(1), whole);
      await begin(harness.blobs, blob(2), 1_000);
      const append = await startAppend(harness.blobs, blob(2), 0);
      await append.write(noise(10));
      await append.commit();
      const before = harness.blobs.usage();
      await harness.reopen();
      expect(harness.blobs.usage()).toEqual(before);
      expect(before.bytes).toBe(301_000);
      expect(isSame(await readAll(harness.blobs, blob(1)), whole)).toBe(true);
      expect(await harness.blobs.find(blob(2))).toEqual({ lengthBytes: 1_000, offset: 10, expiresMs: TIMES.expiresMs });
    });

    it("commits the appends under way when it closes", async () => {
      await begin(harness.blobs, blob(1), 1_000);
      const append = await startAppend(harness.blobs, blob(1), 0);
      await append.write(noise(700));
      await harness.reopen();
      expect((await harness.blobs.find(blob(1)))?.offset).toBe(700);
      await expect(append.write(noise(1))).rejects.toMatchObject({ kind: "unavailable" });
    });

    it("closes any number of times", async () => {
      await Promise.all([harness.blobs.close(), harness.blobs.close()]);
      await harness.blobs.close();
    });

    it("refuses every call after the close", async () => {
      const { blobs } = harness;
      await put(blobs, blob(1), noise(10));
      await blobs.close();
      const calls = [
        blobs.create(blob(2), { lengthBytes: 1, ...TIMES }),
        blobs.find(blob(1)),
        blobs.append(blob(1), 10),
        blobs.read(blob(1), { from: 0, to: 10 })[Symbol.asyncIterator]().next(),
        blobs.delete(blob(1)),
        blobs.expire(0, NEVER_ABORTED),
      ];
      for (const outcome of await Promise.allSettled(calls)) {
        expect(outcome).toMatchObject({ status: "rejected", reason: { kind: "unavailable" } });
        expect(outcome.status === "rejected" && outcome.reason).toBeInstanceOf(BlobError);
      }
    });
  });
}
