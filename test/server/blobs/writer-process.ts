/** Appends to blobs in a process of its own until it is killed, and tells what was answered, one line an event. */

import { writeSync } from "node:fs";
import { DiskBlobs } from "../../../server/blobs/disk/disk-blobs.js";
import { nodeDisk } from "../../../server/blobs/disk/node-disk.js";
import { blob, noise } from "../../contract/blobs/harness.js";
import { seededRandom } from "../../support/crash/seeded-random.js";
import type { WriterEvent } from "./writer-events.js";

const [folder = "", seed = "0", firstBlob = "0"] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after() {
    throw new Error("blobs set no timers");
  },
};

/** A write to a pipe is synchronous on Linux: what was answered is told before anything else happens. */
function tell(event: WriterEvent): void {
  writeSync(1, `${JSON.stringify(event)}\n`);
}

// Marks come often, so that kills meet them.
const blobs = new DiskBlobs({ disk: nodeDisk(folder), maxBytes: 1e12, clock, markBytes: 600_000 });
await blobs.open();
tell({ kind: "opened" });
for (let number = Number(firstBlob); ; number++) {
  const lengthBytes = 1 + random.below(4_000_000);
  tell({ kind: "creating", number, lengthBytes });
  await blobs.create(blob(number), { lengthBytes, expiresMs: 1e12, unfinishedMs: 1e12 });
  tell({ kind: "committed", number, offset: 0 });
  const bytes = noise(lengthBytes, number + 1);
  for (let offset = 0; offset < lengthBytes; ) {
    const answer = await blobs.append(blob(number), offset);
    if (answer?.kind !== "append") throw new Error(`an append was answered ${answer?.kind}`);
    const end = Math.min(lengthBytes, offset + 1 + random.below(2_000_000));
    const pieceBytes = 1 + random.below(400_000);
    for (; offset < end; offset += pieceBytes) {
      await answer.append.write(bytes.subarray(offset, Math.min(end, offset + pieceBytes)));
    }
    offset = await answer.append.commit();
    tell({ kind: "committed", number, offset });
  }
}
