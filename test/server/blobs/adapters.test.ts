/** Every adapter of the blobs passes the contract. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { folderBlobs, memoryBlobs } from "../../../server/blobs/index.js";
import type { Blobs } from "../../../server/ports.js";
import { describeBlobs } from "../../contract/blobs/describe-blobs.js";
import { type BlobsHarness, MAX_BYTES } from "../../contract/blobs/harness.js";
import { manualClock } from "../../contract/store/harness.js";

async function makeHarness(makeBlobs: () => Blobs, deleteAll: () => Promise<void>): Promise<BlobsHarness> {
  let blobs = makeBlobs();
  await blobs.open();
  return {
    get blobs() {
      return blobs;
    },
    async reopen() {
      await blobs.close();
      blobs = makeBlobs();
      await blobs.open();
    },
    async dispose() {
      await blobs.close();
      await deleteAll();
    },
  };
}

describeBlobs("A folder", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sotto-blobs-"));
  return makeHarness(
    () => folderBlobs({ folder, maxBytes: MAX_BYTES, clock: manualClock() }),
    () => rm(folder, { recursive: true }),
  );
});

describeBlobs("Memory", async () => {
  const blobs = memoryBlobs({ maxBytes: MAX_BYTES });
  return makeHarness(
    () => blobs,
    async () => {},
  );
});
