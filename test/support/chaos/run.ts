/** One run: a schedule is played, everybody comes online, and what all show is judged. */

import { ChaosWorld } from "./chaos-world.js";
import { type ChaosEvent, inWords } from "./events.js";
import { type KeyFindings, KeyWatch } from "./key-watch.js";
import { pause } from "./patience.js";
import { type End, type Findings, inLines, isClean, judge } from "./verdict.js";

/** Everybody online, this long at most until nothing moves any more. */
const QUIET_MS = 45_000;
/** What is not there once it is quiet may still be on its way behind a timer: looked at again for so long. */
const HOPE_MS = 15_000;
const LOOK_AGAIN_MS = 500;
/** Events named with a failure. */
const LAST_EVENTS = 15;

/** What came of a run. */
export interface Outcome {
  readonly passed: boolean;
  readonly events: number;
  readonly skipped: number;
  readonly sayings: number;
  readonly accepted: number;
  /** How many of those the relay was heard to accept: without its time the verdict is milder. */
  readonly timed: number;
  /** How many sayings ended otherwise, by failure code; `open`: their device was put back, revoked or crashed first. */
  readonly otherwise: Readonly<Record<string, number>>;
  readonly keys: KeyFindings;
  /** Why it failed, without texts, ids or keys. */
  readonly lines: readonly string[];
  readonly tookMs: number;
}

/** How a run goes. */
export interface RunOptions {
  readonly events: readonly ChaosEvent[];
  /** Stops playing, as a failed run does, once this long has passed. */
  readonly limitMs: number;
  say?(line: string): void;
}

/** Plays a schedule and judges its end. Never throws for what the product does. */
export async function runChaos({ events, limitMs, say = () => undefined }: RunOptions): Promise<Outcome> {
  const startedMs = Date.now();
  const watch = new KeyWatch();
  const world = await ChaosWorld.open(watch);
  const lines: string[] = [];
  let played = 0;
  let skipped = 0;
  try {
    for (const [at, event] of events.entries()) {
      if (Date.now() - startedMs > limitMs) {
        lines.push(`only ${at} of ${events.length} events in ${limitMs} ms`);
        break;
      }
      say(`${at} ${inWords(event)}`);
      if ((await world.play(event, at)) === "skipped") skipped += 1;
      played = at + 1;
      if (world.wrong.length > 0) break;
    }
    if (world.wrong.length === 0) lines.push(...(await theEnd(world, played)));
  } catch (error) {
    lines.push(`the end failed: ${error instanceof Error ? error.stack : error}`);
  }
  lines.unshift(...world.wrong);
  const keys = await watch.findings();
  lines.push(...keys.repeated.map((one) => `a message key repeats: ${one}`));
  await world.close().catch((error: unknown) => lines.push(`closing: ${error}`));
  const sayings = [...world.ledger.sayings.values()];
  const otherwise: Record<string, number> = {};
  for (const { outcome } of sayings) {
    const how = outcome.state === "failed" ? outcome.code : outcome.state;
    otherwise[how] = (otherwise[how] ?? 0) + 1;
  }
  const { accepted = 0, ...others } = otherwise;
  if (lines.length > 0) {
    const from = Math.max(0, played - LAST_EVENTS);
    lines.push(
      "the last events:",
      ...events.slice(from, played).map((event, at) => `  ${from + at} ${inWords(event)}`),
    );
  }
  return {
    passed: lines.length === 0,
    events: played,
    skipped,
    sayings: sayings.length,
    accepted,
    timed: sayings.filter((one) => one.outcome.state === "accepted" && world.ledger.isTimed(one)).length,
    otherwise: others,
    keys,
    lines,
    tookMs: Date.now() - startedMs,
  };
}

/** Everybody comes online, says one thing more, and is looked at once it is quiet. */
async function theEnd(world: ChaosWorld, at: number): Promise<readonly string[]> {
  await world.gather();
  const before = await world.untilQuiet(QUIET_MS);
  if (before !== undefined) return before.map((what) => `it does not get quiet: ${what}`);
  await world.sayGoodbye(at);
  const startedMs = Date.now();
  for (;;) {
    const moving = await world.untilQuiet(QUIET_MS);
    if (moving !== undefined) return moving.map((what) => `it does not get quiet: ${what}`);
    const findings = await look(world);
    if (isClean(findings)) return [];
    if (Date.now() - startedMs > HOPE_MS) return inLines(findings);
    await pause(LOOK_AGAIN_MS);
  }
}

async function look(world: ChaosWorld): Promise<Findings> {
  const ends: End[] = [];
  for (const device of world.live) ends.push({ device: device.biography, view: await device.view() });
  return judge(world.ledger, ends);
}
