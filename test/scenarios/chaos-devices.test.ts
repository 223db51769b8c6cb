/**
 * Two people, up to three devices each, and everything that happens to devices: all honest devices end with the same
 * conversation, nothing stays closed, and no message key repeats. What may be lost is written down in
 * test/support/chaos/oracle.ts.
 *
 * The everyday form plays several short schedules; `npm run chaos:devices` plays one of 2,000 events. A failure prints
 * its seed: `CHAOS_SEED=7 CHAOS_EVENTS=100 npx vitest run test/scenarios/chaos-devices.test.ts` plays it again.
 */

import { describe, expect, it } from "vitest";
import { runChaos } from "../support/chaos/run.js";
import { schedule } from "../support/chaos/schedule.js";
import { freshSeed } from "../support/crash/seeded-random.js";

const SEEDS = 2;
const EVENTS = 100;
const LIMIT_MS = 120_000;

const given = process.env.CHAOS_SEED;
const seeds = given === undefined ? Array.from({ length: SEEDS }, freshSeed) : [Number(given)];
const events = Number(process.env.CHAOS_EVENTS ?? EVENTS);

describe("devices in chaos", { timeout: 2 * LIMIT_MS }, () => {
  for (const seed of seeds) {
    it(`end with the same conversation (seed ${seed}, ${events} events)`, async () => {
      const { lines, keys, accepted, timed } = await runChaos({ events: schedule(seed, events), limitMs: LIMIT_MS });
      expect(lines, `seed ${seed}`).toEqual([]);
      expect(accepted).toBeGreaterThan(0);
      expect(timed).toBeGreaterThan(accepted * 0.9);
      expect(keys.watched).toBeGreaterThan(accepted);
    });
  }
});
