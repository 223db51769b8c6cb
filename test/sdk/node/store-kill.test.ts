import { randomInt } from "node:crypto";
import { expect, test } from "vitest";
import { SealedStore } from "../../../sdk/core/storage/sealed-store.js";
import { levelStore } from "../../../sdk/node/level-store.js";
import { nodePlatform } from "../../../sdk/node/platform.js";
import { BATCH_ROWS } from "./batches.js";
import { runChild } from "./child.js";
import { freshFolder } from "./folder.js";

const ROUNDS = 5;

/** How many rows each batch has on disk; every row must hold its batch's number. */
async function batchesIn(folder: string): Promise<ReadonlyMap<number, number>> {
  const store = await SealedStore.open(levelStore(folder), nodePlatform);
  const counts = new Map<number, number>();
  for (let after = "batch."; ; ) {
    const rows = await store.list({ after, before: "batch/", limit: 1_000, order: "ascending" });
    for (const { key, value } of rows) {
      const number = Number(key.split(".")[1]);
      expect(new TextDecoder().decode(value)).toBe(String(number));
      counts.set(number, (counts.get(number) ?? 0) + 1);
    }
    const last = rows.at(-1);
    if (last === undefined) break;
    after = last.key;
  }
  await store.close();
  return counts;
}

test("what was committed survives kill -9, and every batch is whole", async () => {
  const folder = await freshFolder();
  const promised = new Set<number>();
  let next = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    const child = runChild("./batch-writer.ts", folder, String(next));
    const lines = randomInt(1, 300);
    await child.printed(lines);
    child.process.kill("SIGKILL");
    expect(await child.ended).toEqual({ code: null, signal: "SIGKILL" });
    expect(child.lines.length).toBeGreaterThanOrEqual(lines);
    for (const line of child.lines) promised.add(Number(line));

    const batches = await batchesIn(folder);
    const lost = [...promised].filter((number) => !batches.has(number));
    const torn = [...batches].filter(([, rows]) => rows !== BATCH_ROWS);
    expect({ round, lines, lost, torn }).toEqual({ round, lines, lost: [], torn: [] });
    next = Math.max(...batches.keys()) + 1;
  }
}, 120_000);
