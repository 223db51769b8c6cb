/** `kill -9` of clients and relay while they upload and download, in small; `npm run campaign -- transfers` does it at length. */

import { expect, it } from "vitest";
import { freshSeed, seededRandom } from "../../support/crash/seeded-random.js";
import { MOST_HELD_BYTES } from "../../support/transfers/growth.js";
import { Nonces } from "../../support/transfers/nonces.js";
import { plannedFiles, type Victim } from "../../support/transfers/plan.js";
import { runTransfers } from "../../support/transfers/run.js";

const FILES = 7;
const LARGEST_BYTES = 25_165_824;
const DEATHS: readonly (readonly [Victim, number])[] = [
  [0, 0.15],
  ["relay", 0.4],
  [1, 0.7],
];
const MOST_SIGNS = 6;
const TIME_LIMIT_MS = 60_000;

it("brings every file over byte by byte, goes on where it was, and leaves nothing behind", {
  timeout: 2 * TIME_LIMIT_MS,
}, async () => {
  const seed = freshSeed();
  const random = seededRandom(seed);
  const files = plannedFiles(random, FILES, LARGEST_BYTES);
  const deaths = DEATHS.map(([victim, atShare]) => ({ victim, atShare, signsLater: random.below(MOST_SIGNS) }));
  const plan = { files, deaths, seed, timeLimitMs: TIME_LIMIT_MS, say: () => undefined };
  const { wrong, wentOn, clientGrowth } = await runTransfers(plan);
  expect({ seed, wrong }).toEqual({ seed, wrong: [] });
  expect(wentOn, `seed ${seed}`).toBeGreaterThan(0);
  expect(clientGrowth.held).toBeLessThan(MOST_HELD_BYTES);
});

it("would notice two plaintexts under one nonce", () => {
  const nonces = new Nonces();
  const two = [
    [0, "aa"],
    [1, "bb"],
  ] as const;
  expect(nonces.take("one", two)).toEqual([]);
  expect(nonces.take("one", two.slice(1))).toEqual([]);
  expect(nonces.take("another", [[1, "cc"]])).toEqual([]);
  expect(nonces.take("one", [[1, "cc"]])).toEqual(["chunk 1 of upload one"]);
  expect([nonces.left, nonces.repeated]).toEqual([5, 2]);
});
