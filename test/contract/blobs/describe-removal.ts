/** The contract of `delete` and `expire`. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Blobs } from "../../../server/ports.js";
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

/** Describes how blobs go. */
export function describeRemoval(makeBlobs: MakeBlobs): void {
  describe("deleting and expiring", () => {
    let harness: BlobsHarness;
    let blobs: Blobs;
    beforeEach(async () => {
      harness = await makeBlobs();
      blobs = harness.blobs;
    });
    afterEach(() => harness.dispose());

    it("deletes a blob whatever its state, any number of times", async () => {
      await put(blobs, blob(1), noise(1_000));
      await begin(blobs, blob(2), 1_000);
      for (const id of [blob(1), blob(2), blob(3), blob(1)]) {
        await blobs.delete(id);
        expect(await blobs.find(id)).toBeUndefined();
      }
      expect(blobs.usage().bytes).toBe(0);
      await harness.reopen();
      expect(await harness.blobs.find(blob(1))).toBeUndefined();
      expect(harness.blobs.usage().bytes).toBe(0);
    });

    it("begins anew under the name of a deleted blob", async () => {
      await put(blobs, blob(1), noise(300_000, 1));
      await blobs.delete(blob(1));
      await put(blobs, blob(1), noise(200_000, 2));
      expect(isSame(await readAll(blobs, blob(1)), noise(200_000, 2))).toBe(true);
    });

    it("ends the append to a blob that is deleted, and keeps nothing of it", async () => {
      await begin(blobs, blob(1), 1_000);
      const append = await startAppend(blobs, blob(1), 0);
      await append.write(noise(500));
      await blobs.delete(blob(1));
      await expect(append.write(noise(1))).rejects.toMatchObject({ kind: "unavailable" });
      await expect(append.commit()).rejects.toMatchObject({ kind: "unavailable" });
      await append.discard();
      expect(await blobs.find(blob(1))).toBeUndefined();
      await put(blobs, blob(1), noise(10));
      expect(isSame(await readAll(blobs, blob(1)), noise(10))).toBe(true);
    });

    it("deletes unfinished blobs at their time, complete ones at theirs, and no others", async () => {
      await put(blobs, blob(1), noise(300_000));
      await begin(blobs, blob(2), 100);
      await begin(blobs, blob(3), 0);
      expect(await blobs.expire(TIMES.unfinishedMs - 1, NEVER_ABORTED)).toBe(0);
      expect(await blobs.expire(TIMES.unfinishedMs, NEVER_ABORTED)).toBe(1);
      expect(await blobs.find(blob(2))).toBeUndefined();
      expect(await blobs.find(blob(3))).toMatchObject({ lengthBytes: 0 });
      expect(isSame(await readAll(blobs, blob(1)), noise(300_000))).toBe(true);
      expect(await blobs.expire(TIMES.expiresMs - 1, NEVER_ABORTED)).toBe(0);
      expect(await blobs.expire(TIMES.expiresMs, NEVER_ABORTED)).toBe(2);
      expect(await blobs.find(blob(1))).toBeUndefined();
      expect(blobs.usage().bytes).toBe(0);
    });

    it("goes by the times also after it was opened anew", async () => {
      await put(blobs, blob(1), noise(10));
      await begin(blobs, blob(2), 10);
      await harness.reopen();
      expect(await harness.blobs.expire(TIMES.unfinishedMs, NEVER_ABORTED)).toBe(1);
      expect(await harness.blobs.expire(TIMES.expiresMs, NEVER_ABORTED)).toBe(1);
      expect(harness.blobs.usage().bytes).toBe(0);
    });

    it("leaves a blob that is being appended to", async () => {
      await begin(blobs, blob(1), 100);
      const append = await startAppend(blobs, blob(1), 0);
      await append.write(noise(50));
      expect(await blobs.expire(TIMES.expiresMs, NEVER_ABORTED)).toBe(0);
      expect(await append.commit()).toBe(50);
      expect(await blobs.expire(TIMES.expiresMs, NEVER_ABORTED)).toBe(1);
    });

    it("lets a reader of an expiring blob go on with right bytes, or throws", async () => {
      const bytes = noise(900_000);
      await put(blobs, blob(1), bytes);
      const reader = blobs.read(blob(1), { from: 0, to: bytes.length })[Symbol.asyncIterator]();
      const first = await reader.next();
      expect(await blobs.expire(TIMES.expiresMs, NEVER_ABORTED)).toBe(1);
      let at = first.done === true ? 0 : first.value.length;
      const rest = (async () => {
        for (let next = await reader.next(); next.done !== true; next = await reader.next()) {
          expect(isSame(next.value, bytes.subarray(at, at + next.value.length))).toBe(true);
          at += next.value.length;
        }
      })();
      await rest.catch((cause: unknown) => expect(cause).toMatchObject({ kind: "unavailable" }));
    });

    it("stops when it is told to", async () => {
      for (let n = 0; n < 20; n++) await begin(blobs, blob(n), 1);
      expect(await blobs.expire(TIMES.expiresMs, { aborted: true })).toBe(0);
      expect(blobs.usage().bytes).toBe(20);
    });
  });
}
