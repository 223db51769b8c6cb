/**
 * Whether the time of a refusal tells its reason. Every reason is asked for in turn, in random order, from several
 * connections; within each kind of request, the times of every reason are compared with those of the first, an unknown
 * account where there can be one.
 *
 * Threshold: a two-sample Kolmogorov-Smirnov test at an error probability of 0.001 over all comparisons together. Controls:
 * the same samples shifted by steps show how small a difference would be seen, and the same load without the refusal
 * delay shows what the work alone gives away.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GrantingHost } from "../test/scenarios/consent/granting-host.js";
import { isToldApart, ksDistance, ksThreshold, median } from "../test/scenarios/security/distributions.js";
import { type RefusedClass, RefusedSender } from "../test/scenarios/security/refused-senders.js";
import { RelayApart } from "../test/scenarios/security/relay-apart.js";
import { freshSeed, type SeededRandom, seededRandom } from "../test/support/crash/seeded-random.js";
import type { Campaign } from "./campaign.js";

const LANES = 8;
const WARM_UP_ROUNDS = 50;
const ALPHA = 0.001;
/** The control must see a shift of this many milliseconds, or the test could not have failed. */
const MUST_SEE_MS = 0.5;
const SHIFTS_MS = [0.02, 0.05, 0.1, 0.2, MUST_SEE_MS, 1];

type Samples = ReadonlyMap<RefusedClass, readonly number[]>;

/** `--messages` is the number of samples of each reason. */
export const timingCampaign: Campaign = {
  summary: "the time of a refusal does not tell its reason (2,000 samples of each reason)",
  async run({ messages = 2_000, seed = freshSeed() }) {
    console.log(`seed ${seed}`);
    const bare = compare("without a refusal delay", await measure("0ms", messages, seed));
    console.log(`control: without the delay ${bare.told.length} of ${bare.compared} comparisons tell`);
    const { told, compared, seen } = compare("with the refusal delay of 25 ms", await measure("25ms", messages, seed));
    console.log(`control: a shift of ${seen ?? "more than 1"} ms would have been seen`);
    const isSharp = seen !== undefined && seen <= MUST_SEE_MS;
    if (!isSharp) console.log("too noisy: this machine cannot see what it should");
    const verdict = told.length === 0 && isSharp ? "passed" : "failed";
    console.log(
      `${verdict}: ${told.length} of ${compared} comparisons tell the reason${told.map((one) => `; ${one}`).join("")}`,
    );
    return verdict;
  },
};

/** Times of every reason, from a relay of its own. */
async function measure(refusalDelay: string, samples: number, seed: number): Promise<Samples> {
  const folder = await mkdtemp(join(tmpdir(), "sotto-timing-"));
  const host = new GrantingHost();
  const settings = { REFUSAL_DELAY: refusalDelay, LIMITER_SCALE: "1000000", ...host.environment };
  const relay = await RelayApart.start(folder, settings);
  const sender = await RefusedSender.open(relay.url, LANES, host);
  try {
    const times = new Map(sender.classes.map((refused) => [refused, [] as number[]]));
    const random = seededRandom(seed);
    let round = -WARM_UP_ROUNDS;
    const lane = async (number: number) => {
      while (round < samples) {
        const current = round++;
        for (const refused of shuffled(sender.classes, random)) {
          const { tookMs } = await sender.ask(number, refused);
          if (current >= 0) times.get(refused)?.push(tookMs);
        }
      }
    };
    await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)));
    return times;
  } finally {
    await sender.close();
    await relay.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Comparison {
  readonly told: readonly string[];
  readonly compared: number;
  /** The smallest shift of a sample that the same test sees. */
  readonly seen: number | undefined;
}

/** Prints a line for each reason and compares it with the first of its group. */
function compare(title: string, times: Samples): Comparison {
  const classes = [...times.keys()];
  const firstOf = (group: RefusedClass["group"]) => classes.find((one) => one.group === group) as RefusedClass;
  const pairs = classes.filter((one) => firstOf(one.group) !== one);
  const alpha = ALPHA / pairs.length;
  const told: string[] = [];
  console.log(`${title}:`);
  for (const [refused, sample] of times) {
    const basis = times.get(firstOf(refused.group)) ?? [];
    const distance = ksDistance(sample, basis);
    const threshold = ksThreshold(sample.length, basis.length, alpha);
    const numbers = `median ${median(sample).toFixed(3)} ms, distance ${distance.toFixed(4)} of ${threshold.toFixed(4)}`;
    const isTold = distance > threshold;
    console.log(`  ${refused.group}: ${refused.reason}: ${numbers}${isTold ? ", TOLD APART" : ""}`);
    if (isTold) told.push(`${refused.group}: ${refused.reason}`);
  }
  const [any = []] = times.values();
  const half = any.length >> 1;
  const [one, other] = [any.slice(0, half), any.slice(half)];
  const isSeen = (shiftMs: number) =>
    isToldApart(
      one,
      other.map((value) => value + shiftMs),
      alpha,
    );
  return { told, compared: pairs.length, seen: SHIFTS_MS.find(isSeen) };
}

function shuffled<T>(values: readonly T[], random: SeededRandom): readonly T[] {
  const mixed = [...values];
  for (let at = mixed.length - 1; at > 0; at--) {
    const to = random.below(at + 1);
    [mixed[at], mixed[to]] = [mixed[to] as T, mixed[at] as T];
  }
  return mixed;
}
