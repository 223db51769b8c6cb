/**
 * `npm run chaos:devices -- --events N [--seed S]`: three devices a side in chaos. The last line is the verdict, and so is
 * the exit code. The everyday form is test/scenarios/chaos-devices.test.ts.
 */

import { parseArgs } from "node:util";
import { runChaos } from "../test/support/chaos/run.js";
import { schedule } from "../test/support/chaos/schedule.js";
import { freshSeed } from "../test/support/crash/seeded-random.js";
import { whole } from "./whole.js";

const EVENTS = 2_000;
/** Longer schedules take longer in proportion. */
const LIMIT_PER_EVENT_MS = 300;
const LIMIT_FOR_THE_REST_MS = 60_000;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { events: { type: "string" }, seed: { type: "string" }, trace: { type: "boolean" } },
  });
  const count = whole(values.events, EVENTS);
  const seed = whole(values.seed, freshSeed());
  console.log(`seed ${seed}, ${count} events`);
  const outcome = await runChaos({
    events: schedule(seed, count),
    limitMs: LIMIT_FOR_THE_REST_MS + count * LIMIT_PER_EVENT_MS,
    ...(values.trace === true ? { say: console.log } : {}),
  });
  for (const line of outcome.lines) console.log(line);
  const { keys, skipped, sayings, accepted, otherwise, tookMs } = outcome;
  const rest = Object.entries(otherwise).map(([how, count]) => `, ${count} ${how}`);
  console.log(
    `${outcome.events} events (${skipped} skipped), ${sayings} sayings, ${accepted} accepted${rest.join("")}`,
  );
  console.log(`${keys.watched} message keys watched, ${keys.repeated.length} repeated, ${keys.unread} not readable`);
  console.log(`took ${Math.round(tookMs / 1_000)} s`);
  console.log(`${outcome.passed ? "passed" : "failed"}: seed ${seed}, ${count} events`);
  return outcome.passed ? 0 : 1;
}

// A client that did not end, which is what a failed run may have found, must not keep the verdict waiting.
process.exit(await main());
