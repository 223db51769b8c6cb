/** A store of group mail that dies at any write: shared ends neither leak nor go early, logs are whole. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Store } from "../../../server/ports.js";
import type { Durability, Engine } from "../../../server/store/engine.js";
import { levelEngine } from "../../../server/store/level/level-engine.js";
import { memoryEngine } from "../../../server/store/memory/memory-engine.js";
import { orderedStore } from "../../../server/store/ordered/ordered-store.js";
import { freshSeed, seededRandom } from "../../support/crash/seeded-random.js";
import { program } from "../../support/programs/program.js";
import { recordingEngine } from "../power-loss/recording-engine.js";
import { audit, logRows, sharedEndRows } from "./group-store/audit.js";
import { clearOut, type Done, damagedBodies, MAILBOXES, Progress, runLoad } from "./group-store/load.js";

const STEPS = 25;
const LIVES = 6;
const WRITER = fileURLToPath(new URL("./group-store/writer-process.ts", import.meta.url));

function manualTime() {
  let nowMs = 1_700_000_000_000;
  return {
    now: () => {
      nowMs += 1;
      return nowMs;
    },
    monotonic: () => nowMs,
    after() {
      throw new Error("a store sets no timers");
    },
  };
}

/** One life of a writer, killed somewhere in its load. */
async function liveAndDie(folder: string, life: number): Promise<Progress> {
  const args = [...program(WRITER), folder, String(life)];
  const writer = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(writer, "exit");
  const progress = new Progress();
  const answersToDeath = 50 + Math.floor(Math.random() * 1_500);
  for await (const line of createInterface({ input: writer.stdout })) {
    progress.note(JSON.parse(line) as Done);
    if (progress.answers === answersToDeath) writer.kill("SIGKILL");
  }
  expect(await exited).toEqual([null, "SIGKILL"]);
  return progress;
}

async function expectSound(engine: Engine, store: Store, progress: Progress): Promise<void> {
  expect(await audit(engine)).toEqual([]);
  expect(await damagedBodies(store)).toEqual([]);
  expect(await progress.lost(store)).toEqual([]);
}

/** When the power goes, and what of it the disk has. */
interface Death {
  readonly write: number;
  readonly survives: "writesInFlight" | "onlyAnswered";
  readonly durability?: Durability;
  readonly seed: number;
}

describe("a store that dies at each of its writes", () => {
  /** One load with one death, and a store on what is left of it. */
  async function dieAt({ write, survives, durability = "synced", seed }: Death) {
    const engine = recordingEngine(memoryEngine());
    const time = manualTime();
    const store = orderedStore({ engine, clock: time, durability });
    await store.open();
    for (const mailbox of MAILBOXES) await store.mail.create(mailbox);
    engine.loseWrite(write);
    let hasFailed = false;
    void store.failed.then(() => {
      hasFailed = true;
    });
    const progress = new Progress();
    const load = { random: seededRandom(seed), now: time.now, done: (what: Done) => progress.note(what) };
    await runLoad({ ...load, store, firstMessage: 0 }, STEPS);
    await store.close();

    const left = memoryEngine();
    await engine.restoreInto(left, survives);
    const restored = orderedStore({ engine: left, clock: time, durability: "synced" });
    await restored.open();
    return { left, restored, progress, load, hasFailed };
  }

  /** Answers whether the load got to its end alive. */
  async function survive(death: Death): Promise<boolean> {
    const { left, restored, progress, load, hasFailed } = await dieAt(death);
    await expectSound(left, restored, progress);
    // It goes on as if nothing had been, and nothing is left when all is done.
    await runLoad({ ...load, store: restored, firstMessage: 1_000_000 }, 3);
    await expectSound(left, restored, progress);
    await clearOut(restored);
    expect(await audit(left)).toEqual([]);
    expect(await sharedEndRows(left)).toBe(0);
    expect(await logRows(left)).toBe(0);
    await restored.close();
    return !hasFailed;
  }

  it("has every body whole, leaks nothing and frees nothing early", { timeout: 120_000 }, async () => {
    const seed = freshSeed();
    let deaths = 0;
    for (let isOver = false; !isOver; deaths++) {
      for (const survives of ["writesInFlight", "onlyAnswered"] as const) {
        isOver = await survive({ write: deaths + 1, survives, seed }).catch((cause: unknown) => {
          throw new Error(`seed ${seed}, write ${deaths + 1}, ${survives}`, { cause });
        });
      }
    }
    expect(deaths).toBeGreaterThan(STEPS);
  });

  it("is seen to lose entries of logs once it does not sync", async () => {
    // One load in a hundred has its logs expire before each of these deaths: chosen ones, whose course is always the same.
    for (const seed of [1, 2, 3]) {
      let lost = 0;
      for (let write = 2; write <= 60; write += 2) {
        const death = { write, survives: "onlyAnswered", durability: "unsafeUnsynced", seed } as const;
        const { restored, progress } = await dieAt(death);
        lost += (await progress.lost(restored)).length;
        await restored.close();
      }
      expect(lost, `seed ${seed}`).toBeGreaterThan(0);
    }
  });
});

describe("a store whose process is killed", () => {
  it(`has every body whole, leaks nothing and frees nothing early, ${LIVES} times`, { timeout: 120_000 }, async () => {
    const base = await mkdtemp(join(tmpdir(), "sotto-groups-"));
    const folder = join(base, "store");
    let shared = 0;
    try {
      for (let life = 0; life < LIVES; life++) {
        const progress = await liveAndDie(folder, life);
        const engine = levelEngine(folder);
        const store = orderedStore({ engine, clock: manualTime(), durability: "synced" });
        await store.open();
        await expectSound(engine, store, progress);
        // A life may end where everything was just acknowledged; not all of them do.
        shared += await sharedEndRows(engine);
        await store.close();
      }
      expect(shared).toBeGreaterThan(0);
      const engine = levelEngine(folder);
      const store = orderedStore({ engine, clock: manualTime(), durability: "synced" });
      await store.open();
      await clearOut(store);
      expect(await sharedEndRows(engine)).toBe(0);
      expect(await logRows(engine)).toBe(0);
      await store.close();
    } finally {
      await rm(base, { recursive: true, force: true });
    }
  });
});
