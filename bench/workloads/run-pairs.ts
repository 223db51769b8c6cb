/** One run of pairs against one fresh server: warm up, measure, account for every message. */

import type { Workload } from "../load/orders.js";
import { startGenerators } from "../processes/generators.js";
import { percentiles } from "../statistics.js";
import type { Target } from "../targets.js";

/** Length of a run. */
export interface Timing {
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** What one run measured. Latencies count from the intended send time. */
export interface PairsRun {
  readonly perSecond: number;
  readonly cpuMicrosPerMessage: number;
  readonly deliveryP50Ms: number;
  readonly deliveryP99Ms: number;
  readonly acceptP50Ms: number;
  readonly acceptP99Ms: number;
  /** CPU of the server and of the busiest generator, in cores: a generator near 1 was itself the limit. */
  readonly serverCores: number;
  readonly busiestGeneratorCores: number;
  readonly lost: number;
  readonly refused: number;
  readonly duplicated: number;
  readonly reordered: number;
}

/** Runs one workload, split evenly over `generators` processes. */
export async function runPairs(
  target: Target,
  workload: Extract<Workload, { kind: "open" | "closed" }>,
  { generators: count, timing }: { readonly generators: number; readonly timing: Timing },
): Promise<PairsRun> {
  const server = await target.start("outside");
  try {
    const shares = Array.from({ length: count }, () => shareOf(workload, count));
    const generators = await startGenerators({ port: server.port, dialect: target.dialect }, shares);
    try {
      generators.start();
      await pause(timing.warmUpSeconds);
      generators.mark();
      const cpuBefore = await server.cpuSeconds();
      const startedMs = performance.now();
      await pause(timing.seconds);
      const cpu = (await server.cpuSeconds()) - cpuBefore;
      const wallSeconds = (performance.now() - startedMs) / 1_000;
      const measured = await generators.end();

      const perSecond = sum(measured.map(({ completed, seconds }) => completed / seconds));
      const [deliveryP50Ms = 0, deliveryP99Ms = 0] = percentiles(
        measured.flatMap(({ deliveryMs }) => deliveryMs),
        [0.5, 0.99],
      );
      const [acceptP50Ms = 0, acceptP99Ms = 0] = percentiles(
        measured.flatMap(({ acceptMs }) => acceptMs),
        [0.5, 0.99],
      );
      return {
        perSecond,
        cpuMicrosPerMessage: (cpu / wallSeconds / perSecond) * 1e6,
        deliveryP50Ms,
        deliveryP99Ms,
        acceptP50Ms,
        acceptP99Ms,
        serverCores: cpu / wallSeconds,
        busiestGeneratorCores: Math.max(...measured.map(({ generatorLoad }) => generatorLoad)),
        lost: sum(measured.map(({ faults }) => faults.lost)),
        refused: sum(measured.map(({ faults }) => faults.refused)),
        duplicated: sum(measured.map(({ faults }) => faults.duplicated)),
        reordered: sum(measured.map(({ faults }) => faults.reordered)),
      };
    } finally {
      await generators.stop();
    }
  } finally {
    await server.stop();
  }
}

function shareOf<W extends Extract<Workload, { kind: "open" | "closed" }>>(workload: W, count: number): W {
  const pairs = Math.ceil(workload.pairs / count);
  return workload.kind === "open"
    ? { ...workload, pairs, perSecond: workload.perSecond / count }
    : { ...workload, pairs };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}
