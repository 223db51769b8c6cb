/**
 * `npm run chaos:groups -- --members N --events N [--seed S] [--trace]`: one group in chaos. The last line is the verdict, and
 * so is the exit code. The everyday form is test/scenarios/groups/many-members.test.ts.
 */

import { parseArgs } from "node:util";
import { freshSeed } from "../test/support/crash/seeded-random.js";
import { castOf } from "../test/support/group-chaos/cast.js";
import { runGroupChaos } from "../test/support/group-chaos/run.js";
import { whole } from "./whole.js";

const MEMBERS = 50;
const EVENTS = 400;
/** Longer schedules and larger groups take longer in proportion. */
const LIMIT_PER_EVENT_MS = 2_000;
const LIMIT_FOR_THE_REST_MS = 60_000;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      members: { type: "string" },
      events: { type: "string" },
      seed: { type: "string" },
      trace: { type: "boolean" },
    },
  });
  const events = whole(values.events, EVENTS);
  const members = whole(values.members, MEMBERS);
  const seed = whole(values.seed, freshSeed());
  console.log(`seed ${seed}, ${members} members, ${events} events`);
  const outcome = await runGroupChaos({
    ...{ seed, events, cast: castOf(members), titles: "alike" },
    limitMs: LIMIT_FOR_THE_REST_MS + events * LIMIT_PER_EVENT_MS,
    ...(values.trace === true ? { say: console.log } : {}),
  });
  for (const line of outcome.lines) console.log(line);
  const { keys, skipped, sayings, accepted, deeds, otherwise, tookMs, report } = outcome;
  const rest = Object.entries(otherwise).map(([how, count]) => `, ${count} ${how}`);
  console.log(
    `${events} events (${skipped} skipped), ${sayings} texts, ${accepted} accepted, ${deeds} changes${rest.join("")}`,
  );
  console.log(`${keys.watched} message keys watched, ${keys.repeated.length} repeated, ${keys.unread} not readable`);
  console.log(`took ${tookMs.forming} ms to form, ${tookMs.playing} ms to play, ${tookMs.settling} ms to settle`);
  if (report !== undefined) console.log(`all of it in ${report}`);
  console.log(`${outcome.passed ? "passed" : "failed"}: seed ${seed}, ${members} members, ${events} events`);
  return outcome.passed ? 0 : 1;
}

// A client that did not end, which is what a failed run may have found, must not keep the verdict waiting.
process.exit(await main());
