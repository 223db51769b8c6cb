/** What was answered `stored` survives a power cut, which a killed process does not show: it keeps unsynced writes. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Durability } from "../../server/store/engine.js";
import { levelStore } from "../../server/store/index.js";
import { levelEngine } from "../../server/store/level/level-engine.js";
import { orderedStore } from "../../server/store/ordered/ordered-store.js";
import { program } from "../support/programs/program.js";
import { ext4Volume, reasonAgainstVolumes } from "./power-loss/ext4-volume.js";
import { Ledger, ledgerAtCut, type TimedEvent, violations } from "./power-loss/ledger.js";
import { prepare, runLoad } from "./power-loss/load.js";
import { recordingEngine } from "./power-loss/recording-engine.js";

const ROUNDS = 10;
const WRITER = fileURLToPath(new URL("./power-loss/writer-process.ts", import.meta.url));
const clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after() {
    throw new Error("a store sets no timers");
  },
};

/** One load, one cut at a random write, one look at what a fresh LevelDB folder with the surviving writes says. */
async function cutOnce(
  durability: Durability,
): Promise<{ readonly stored: number; readonly broken: readonly string[] }> {
  const base = await mkdtemp(join(tmpdir(), "sotto-power-"));
  try {
    const engine = recordingEngine(levelEngine(join(base, "before")));
    const store = orderedStore({ engine, clock, durability });
    await store.open();
    await prepare(store);
    engine.loseWrite(20 + Math.floor(Math.random() * 150));
    const ledger = new Ledger();
    await runLoad(store, (event) => ledger.note(event));
    expect((await store.failed).kind).toBe("fatal");
    await store.close();

    const after = join(base, "after");
    await engine.restoreInto(levelEngine(after), Math.random() < 0.5 ? "writesInFlight" : "onlyAnswered");
    const restored = levelStore({ folder: after, clock });
    await restored.open();
    const broken = await violations(restored, ledger);
    await restored.close();
    return { stored: ledger.stored.size, broken };
  } finally {
    await rm(base, { recursive: true, force: true });
  }
}

describe("a power cut that drops every unsynced write", () => {
  it(`loses nothing that was answered, invents nothing and keeps the order, ${ROUNDS} times`, {
    timeout: 120_000,
  }, async () => {
    let stored = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const cut = await cutOnce("synced");
      expect(cut.broken).toEqual([]);
      stored += cut.stored;
    }
    expect(stored).toBeGreaterThan(ROUNDS * 50);
  });

  it("is noticed by this check when the store does not sync", async () => {
    const { broken } = await cutOnce("unsafeUnsynced");
    expect(broken.length).toBeGreaterThan(0);
  });
});

const reason = await reasonAgainstVolumes();
if (reason !== undefined) console.log(`skipped: a real file system cannot lose power here: ${reason}`);

/** As `cutOnce`, with a process that writes to a real file system, and the file system shut down under it. */
async function cutVolumeOnce(durability: Durability): Promise<readonly string[]> {
  const volume = await ext4Volume();
  try {
    const folder = join(volume.folder, "store");
    const events: TimedEvent[] = [];
    let answers = 0;
    const answersToCut = 200 + Math.floor(Math.random() * 400);
    const args = [...program(WRITER), folder, durability];
    const writer = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const exited = once(writer, "exit");
    let cut: Promise<number> | undefined;
    for await (const line of createInterface({ input: writer.stdout })) {
      const told = JSON.parse(line) as TimedEvent;
      events.push(told);
      if (told.event.kind === "stored") answers += 1;
      // Unsynced writes fail late or never once the disk is gone: the process does not notice.
      if (answers >= answersToCut) cut ??= volume.cutPower().finally(() => void writer.kill("SIGKILL"));
    }
    await exited;
    if (cut === undefined) throw new Error(`the writer ended after ${answers} answers, before the cut`);
    const ledger = ledgerAtCut(events, await cut);
    expect(ledger.stored.size).toBeGreaterThanOrEqual(answersToCut);

    await volume.powerOn();
    const restored = levelStore({ folder, clock });
    await restored.open();
    const broken = await violations(restored, ledger);
    await restored.close();
    return broken;
  } finally {
    await volume.dispose();
  }
}

describe.skipIf(reason !== undefined)("a file system that is shut down without a flush", () => {
  it("loses nothing that was answered", { timeout: 120_000 }, async () => {
    for (let round = 0; round < 2; round++) expect(await cutVolumeOnce("synced")).toEqual([]);
  });

  it("loses what an unsynced store answered, so the cut is real", { timeout: 120_000 }, async () => {
    expect((await cutVolumeOnce("unsafeUnsynced")).length).toBeGreaterThan(0);
  });
});
