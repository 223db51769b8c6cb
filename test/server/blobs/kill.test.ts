/** What a killed process was answered is there, and no more than it wrote. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { folderBlobs } from "../../../server/blobs/index.js";
import { appendAll, blob, isSame, noise, readAll } from "../../contract/blobs/harness.js";
import { manualClock } from "../../contract/store/harness.js";
import { freshSeed, seededRandom } from "../../support/crash/seeded-random.js";
import { program } from "../../support/programs/program.js";
import type { WriterEvent } from "./writer-events.js";

const KILLS = 6;
const WRITER = fileURLToPath(new URL("./writer-process.ts", import.meta.url));

interface Known {
  readonly lengthBytes: number;
  committed: number | undefined;
}

/** Runs a writer on the folder and kills it some events and a moment after it began. */
async function writeUntilKilled(folder: string, seed: number, known: Map<number, Known>): Promise<void> {
  const args = [...program(WRITER), folder, String(seed), String(known.size)];
  const writer = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(writer, "exit");
  let eventsLeft = 2 + seededRandom(seed).below(30);
  for await (const line of createInterface({ input: writer.stdout })) {
    const event = JSON.parse(line) as WriterEvent;
    if (event.kind === "creating") known.set(event.number, { lengthBytes: event.lengthBytes, committed: undefined });
    const told = event.kind === "committed" ? known.get(event.number) : undefined;
    if (told !== undefined && event.kind === "committed") told.committed = event.offset;
    eventsLeft -= 1;
    if (eventsLeft === 0) writer.kill("SIGKILL");
  }
  const [code, signal] = await exited;
  expect({ code, signal }).toEqual({ code: null, signal: "SIGKILL" });
}

it(`keeps what was committed, byte for byte, through ${KILLS} kills or more`, { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "sotto-kill-"));
  const seed = freshSeed();
  const events: string[] = [];
  const log = { info() {}, error() {}, warn: (event: string) => void events.push(event) };
  const known = new Map<number, Known>();
  try {
    // Once more where every life ended in its first blob.
    for (let kill = 0; kill < KILLS || known.size <= KILLS; kill++) {
      await writeUntilKilled(folder, seed + kill, known);
      const blobs = folderBlobs({ folder, maxBytes: 1e12, clock: manualClock(), log });
      await blobs.open();
      for (const [number, { lengthBytes, committed }] of known) {
        const found = await blobs.find(blob(number));
        if (committed === undefined) {
          // Creations that were not answered may have happened.
          if (found === undefined) continue;
        }
        expect({ seed, number, found: found?.lengthBytes }).toEqual({ seed, number, found: lengthBytes });
        const offset = found?.offset ?? 0;
        expect(offset).toBeGreaterThanOrEqual(committed ?? 0);
        const bytes = noise(lengthBytes, number + 1);
        // The other half of what is kept: nothing but what was written, which the whole blob's bytes show.
        await appendAll(blobs, blob(number), offset, bytes.subarray(offset));
        expect(isSame(await readAll(blobs, blob(number)), bytes)).toBe(true);
        const told = known.get(number);
        if (told !== undefined) told.committed = lengthBytes;
      }
      await blobs.close();
    }
    expect(events).toEqual([]);
    expect(known.size).toBeGreaterThan(KILLS);
  } finally {
    await rm(folder, { recursive: true });
  }
});
