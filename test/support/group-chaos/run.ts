/** One run: a schedule is played, everybody comes online, and what all show is judged. */

import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KeyFindings } from "../chaos/key-watch.js";
import { pause } from "../chaos/patience.js";
import { inWords } from "./events.js";
import { GroupWorld } from "./group-world.js";
import { deedInWords } from "./ledger.js";
import { observedInLines } from "./observed-in-lines.js";
import { type Cast, schedule } from "./schedule.js";
import { inLines, isClean, judge } from "./verdict.js";

/** Everybody online, this long at most until nothing moves any more. */
const QUIET_MS = 60_000;
/** What is not there once it is quiet may still be on its way behind a timer: looked at again for so long. */
const HOPE_MS = 15_000;
const LOOK_AGAIN_MS = 500;
const GOODBYES = 3;

/** What is played. */
export interface RunOptions {
  readonly seed: number;
  readonly events: number;
  readonly cast: Cast;
  /**
   * Whether everybody has to show the same title in the end. In rare interleavings some miss the message that tells it, and show the
   * one before until the next change.
   */
  readonly titles: "alike" | "any";
  /** Stops playing, as a failed run does, once this long has passed. */
  readonly limitMs: number;
  say?(line: string): void;
}

/** What came of a run. */
export interface Outcome {
  readonly passed: boolean;
  readonly skipped: number;
  readonly sayings: number;
  readonly accepted: number;
  /** Changes of the group that took effect, and how the others ended, by failure code. */
  readonly deeds: number;
  readonly otherwise: Readonly<Record<string, number>>;
  readonly keys: KeyFindings;
  /** Why it failed, without keys. */
  readonly lines: readonly string[];
  /** Where the findings and everything that happened stand in full; `undefined` if it passed. */
  readonly report: string | undefined;
  readonly tookMs: { readonly forming: number; readonly playing: number; readonly settling: number };
}

/** Plays a schedule and judges its end. @throws if the group does not form. */
export async function runGroupChaos(options: RunOptions): Promise<Outcome> {
  const { seed, cast, say = () => undefined } = options;
  const events = schedule(seed, options.events, cast);
  const begunMs = Date.now();
  const world = await GroupWorld.open(cast);
  const formedMs = Date.now();
  const lines: string[] = [];
  let [played, skipped, playedMs] = [0, 0, formedMs];
  try {
    for (const [at, event] of events.entries()) {
      if (Date.now() - formedMs > options.limitMs) {
        lines.push(`only ${at} of ${events.length} events in ${options.limitMs} ms`);
        break;
      }
      say(`${at} ${inWords(event)}`);
      if ((await world.play(event, at)) === "skipped") skipped += 1;
      played = at + 1;
      if (world.wrong.length > 0) break;
    }
    playedMs = Date.now();
    if (world.wrong.length === 0) lines.push(...(await theEnd(world, played, options.titles)));
  } catch (error) {
    lines.push(`the end failed: ${error instanceof Error ? error.stack : error}`);
  }
  const settledMs = Date.now();
  lines.unshift(...world.wrong, ...world.traffic.wrong);
  const keys = await world.watch.findings();
  lines.push(...keys.repeated.map((one) => `a message key repeats: ${one}`));
  const seen = lines.length === 0 ? [] : await all(world).catch(() => []);
  await world.close().catch((error: unknown) => lines.push(`closing: ${error}`));

  const { sayings, deeds } = world.ledger;
  const otherwise: Record<string, number> = {};
  for (const { outcome } of [...sayings.values(), ...deeds]) {
    if (outcome.state === "done") continue;
    const how = outcome.state === "failed" ? outcome.code : "open";
    otherwise[how] = (otherwise[how] ?? 0) + 1;
  }
  const told = [
    `seed ${seed}, ${events.length} events, ${JSON.stringify(cast)}`,
    ...lines,
    "the events:",
    ...events.slice(0, played).map((event, at) => `  ${at} ${inWords(event)}`),
    "what came of changes:",
    ...deeds.map((deed) => `  ${deedInWords(deed)}`),
    ...seen,
  ];
  return {
    ...{ passed: lines.length === 0, skipped, otherwise, keys, lines },
    sayings: sayings.size,
    accepted: [...world.traffic.passages.values()].filter(({ acceptedMs }) => acceptedMs !== undefined).length,
    deeds: deeds.filter(({ outcome }) => outcome.state === "done").length,
    report: lines.length === 0 ? undefined : await written(seed, told),
    tookMs: { forming: formedMs - begunMs, playing: playedMs - formedMs, settling: settledMs - playedMs },
  };
}

/** Everybody comes online, a few say one thing more, and all is looked at once it is quiet. */
async function theEnd(world: GroupWorld, at: number, titles: RunOptions["titles"]): Promise<readonly string[]> {
  await world.gather();
  const before = await world.untilQuiet(QUIET_MS);
  if (before !== undefined) return before.map((what) => `it does not get quiet: ${what}`);
  await world.sayGoodbye(at, GOODBYES);
  const startedMs = Date.now();
  for (;;) {
    const moving = await world.untilQuiet(QUIET_MS);
    if (moving !== undefined) return moving.map((what) => `it does not get quiet: ${what}`);
    const found = judge(await world.observe());
    const findings = titles === "alike" ? found : { ...found, misnamed: [] };
    if (isClean(findings)) return [];
    if (Date.now() - startedMs > HOPE_MS) return inLines(findings);
    await pause(LOOK_AGAIN_MS);
  }
}

async function all(world: GroupWorld): Promise<readonly string[]> {
  return [...observedInLines(await world.observe()), ...(await world.counts())];
}

async function written(seed: number, lines: readonly string[]): Promise<string> {
  const file = join(tmpdir(), `sotto-group-chaos-${seed}-${Date.now()}.txt`);
  await writeFile(file, `${lines.join("\n")}\n`);
  return file;
}
