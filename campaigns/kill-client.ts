/** SIGKILL of a client at every moment between two promises and at random ones: 60 deaths, 2,800 messages. */

import { type Death, killClient } from "../test/support/crash/client-kill.js";
import { type KillMoment, killMoments } from "../test/support/crash/kill-point.js";
import { freshSeed, type SeededRandom, seededRandom } from "../test/support/crash/seeded-random.js";
import { inWords, isClean, together } from "../test/support/crash/verdict.js";
import type { Campaign } from "./campaign.js";

/** Messages each way in one life. */
const MESSAGES_PER_LIFE = 20;
/** What one client may take, with all its lives. */
const TIME_LIMIT_MS = 180_000;
/** How often a life gets to a moment at the least: many messages share a commit and an acknowledgement. */
const MOST_PASSES: Readonly<Record<KillMoment, number>> = {
  beforeCommit: 3,
  beforeAck: 3,
  beforeSend: MESSAGES_PER_LIFE,
  afterSend: MESSAGES_PER_LIFE,
  onAccepted: MESSAGES_PER_LIFE,
};

/** Kills one client after the other; each dies once at every moment and once at any. */
export const killClientCampaign: Campaign = {
  summary: "SIGKILL of clients between any two promises (10 rounds of 6 deaths)",
  async run({ rounds = 10, seed = freshSeed() }) {
    console.log(`seed ${seed}`);
    const random = seededRandom(seed);
    const outcomes = [];
    for (let round = 1; round <= rounds; round++) {
      const deaths = deathsOf(random);
      console.log(`round ${round}: ${deaths.map(describe).join(", ")}`);
      const outcome = await killClient({ deaths, messagesPerLife: MESSAGES_PER_LIFE, timeLimitMs: TIME_LIMIT_MS });
      for (const what of outcome.wrong) console.log(`wrong: ${what}`);
      outcomes.push(outcome);
    }
    const findings = together(outcomes.map((outcome) => outcome.findings));
    const messages = outcomes.reduce((sum, outcome) => sum + outcome.messages, 0);
    const deaths = rounds * (Object.keys(killMoments).length + 1);
    console.log(`${deaths} deaths, ${messages} messages: ${inWords(findings)}`);
    return isClean(findings) && outcomes.every(({ wrong }) => wrong.length === 0) ? "passed" : "failed";
  },
};

/** One death of each kind, in a random order. */
function deathsOf(random: SeededRandom): readonly Death[] {
  const moments = Object.keys(killMoments) as KillMoment[];
  const deaths: Death[] = moments.map((at) => ({ at, nth: 1 + random.below(MOST_PASSES[at]) }));
  deaths.push({ at: "anyMoment", afterShown: 1 + random.below(MESSAGES_PER_LIFE) });
  for (let last = deaths.length - 1; last > 0; last--) {
    const [death] = deaths.splice(random.below(last + 1), 1);
    if (death !== undefined) deaths.push(death);
  }
  return deaths;
}

function describe(death: Death): string {
  return death.at === "anyMoment" ? `any moment after ${death.afterShown} items` : `${death.at} ${death.nth}`;
}
