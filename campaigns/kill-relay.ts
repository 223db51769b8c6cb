/** `kill -9` of the relay at random moments under load: 30 lives, 10,000 messages. */

import { killRelay } from "../test/support/crash/relay-kill.js";
import { freshSeed } from "../test/support/crash/seeded-random.js";
import { inWords, isClean } from "../test/support/crash/verdict.js";
import type { Campaign } from "./campaign.js";

/** More lives than the issue asks for take longer in proportion. */
const TIME_LIMIT_PER_ROUND_MS = 30_000;

/** Messages named in a bad verdict. */
const SHOWN = 40;

/** Kills the relay under the load of five groups of real clients, of whom some are away. */
export const killRelayCampaign: Campaign = {
  summary: "kill -9 of the relay under load (30 rounds, 10,000 messages)",
  async run({ rounds = 30, messages = 10_000, seed = freshSeed() }) {
    console.log(`seed ${seed}`);
    const timeLimitMs = 60_000 + rounds * TIME_LIMIT_PER_ROUND_MS;
    const outcome = await killRelay({ rounds, messages, groups: 5, seed, timeLimitMs, say: console.log });
    const { findings, wrong, elapsedMs } = outcome;
    for (const what of wrong) console.log(`wrong: ${what}`);
    for (const text of [...findings.lost, ...findings.twice, ...findings.disordered, ...findings.unknown].slice(
      0,
      SHOWN,
    )) {
      console.log(`  ${text}`);
    }
    console.log(`took ${Math.round(elapsedMs / 1_000)} s`);
    console.log(`${outcome.rounds} rounds, ${outcome.messages} messages: ${inWords(findings)}`);
    return isClean(findings) && wrong.length === 0 ? "passed" : "failed";
  },
};
