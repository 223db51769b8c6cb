/** A client is killed between any two of its promises: everything is there once, in order and readable in its next life. */

import { describe, expect, it } from "vitest";
import { type ClientKillPlan, type Death, killClient } from "../../support/crash/client-kill.js";
import { type KillMoment, killMoments } from "../../support/crash/kill-point.js";
import { isClean } from "../../support/crash/verdict.js";

const TIME_LIMIT_MS = 120_000;

async function expectNothingLost(deaths: readonly Death[]): Promise<void> {
  const plan: ClientKillPlan = { deaths, messagesPerLife: 20, timeLimitMs: TIME_LIMIT_MS };
  const { findings, wrong, messages } = await killClient(plan);
  expect(wrong).toEqual([]);
  expect(findings).toEqual({ lost: [], twice: [], disordered: [], unknown: [] });
  expect(isClean(findings)).toBe(true);
  expect(messages).toBe((deaths.length + 1) * 40);
}

describe("a client killed with SIGKILL", { timeout: 2 * TIME_LIMIT_MS }, () => {
  for (const at of Object.keys(killMoments) as KillMoment[]) {
    it(`${killMoments[at]} loses, repeats and mixes up nothing`, async () => {
      await expectNothingLost([1].map((nth) => ({ at, nth })));
    });
  }

  it("at any moment under load loses, repeats and mixes up nothing", async () => {
    await expectNothingLost([3, 17].map((afterShown) => ({ at: "anyMoment", afterShown })));
  });
});
