/** One generator's pairs under load: connects them, offers the load, counts between two marks. */

import { type Dialect, inParallel } from "./dialect.js";
import { type Offer, offerClosed, offerOpen } from "./offer.js";
import type { Measured, Workload } from "./orders.js";
import { type Completion, type Faults, Pair } from "./pair.js";

/** Connections opened at once. */
const OPENED_AT_ONCE = 32;
/** Latencies kept of one run, spread evenly over it. */
const MAX_SAMPLES = 200_000;
/** How long what is under way may take at the end before it counts as lost. */
const LAST_ANSWERS_MS = 20_000;

/** A prepared load of pairs. */
export interface Traffic {
  start(): void;
  mark(): void;
  /** Stops, waits for what is under way, closes everything. */
  end(): Promise<Measured>;
}

/** Connects every pair of a workload. */
export async function prepareTraffic(
  dialect: Dialect,
  workload: Extract<Workload, { kind: "open" | "closed" }>,
  { generator, failed }: { readonly generator: number; failed(reason: string): void },
): Promise<Traffic> {
  const recipients = await dialect.enrol(workload.pairs, generator);
  const pairs = await inParallel(workload.pairs, OPENED_AT_ONCE, (index) => {
    const recipient = recipients[index];
    if (recipient === undefined) throw new Error("fewer mailboxes than pairs");
    return Pair.open(dialect, recipient, failed);
  });

  let offer: Offer | undefined;
  let completions = 0;
  let markedCompletions = 0;
  let fromMs = Number.POSITIVE_INFINITY;
  let cpu = process.cpuUsage();
  const deliveryMs: number[] = [];
  const acceptMs: number[] = [];
  let seen = 0;
  let stride = 1;

  const completed = ({ intendedMs, acceptedMs, deliveredMs }: Completion) => {
    completions += 1;
    if (intendedMs < fromMs) return;
    seen += 1;
    if (seen % stride !== 0) return;
    deliveryMs.push(deliveredMs - intendedMs);
    acceptMs.push(acceptedMs - intendedMs);
    if (deliveryMs.length >= MAX_SAMPLES) {
      stride *= 2;
      halve(deliveryMs);
      halve(acceptMs);
    }
  };

  return {
    start() {
      offer =
        workload.kind === "closed"
          ? offerClosed(pairs, { window: workload.window, completed })
          : offerOpen(pairs, { perSecond: workload.perSecond, completed });
    },
    mark() {
      fromMs = performance.now();
      markedCompletions = completions;
      cpu = process.cpuUsage();
    },
    async end() {
      offer?.stop();
      const seconds = (performance.now() - fromMs) / 1_000;
      const measuredCompletions = completions - markedCompletions;
      const { user, system } = process.cpuUsage(cpu);
      await lastAnswers(pairs);
      const faults: Faults = { lost: 0, refused: 0, duplicated: 0, reordered: 0 };
      for (const pair of pairs) {
        const { lost, refused, duplicated, reordered } = pair.close();
        faults.lost += lost;
        faults.refused += refused;
        faults.duplicated += duplicated;
        faults.reordered += reordered;
      }
      return {
        completed: measuredCompletions,
        seconds,
        generatorLoad: (user + system) / 1e6 / seconds,
        deliveryMs,
        acceptMs,
        faults,
      };
    },
  };
}

function halve(samples: number[]): void {
  let kept = 0;
  for (let index = 0; index < samples.length; index += 2) samples[kept++] = samples[index] as number;
  samples.length = kept;
}

/** Resolves when nothing is under way, or after `LAST_ANSWERS_MS`. */
function lastAnswers(pairs: readonly Pair[]): Promise<void> {
  const deadline = performance.now() + LAST_ANSWERS_MS;
  return new Promise((resolve) => {
    const look = () => {
      if (performance.now() > deadline || pairs.every((pair) => pair.underWay === 0)) resolve();
      else setTimeout(look, 20);
    };
    look();
  });
}
