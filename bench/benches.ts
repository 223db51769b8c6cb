/** The benches by name: which steps each has, and what a reader must know of it. */

import type { Contender, Goal, Metrics, Step } from "./compare.js";
import type { Target } from "./targets.js";
import { runDrain } from "./workloads/run-drain.js";
import { runIdle } from "./workloads/run-idle.js";
import { type PairsRun, runPairs, type Timing } from "./workloads/run-pairs.js";

/** The servers of one invocation. `references` come first; ratios refer to one of them. */
export interface Field {
  readonly afterCommit: Target;
  readonly beforeCommit: Target;
  readonly bare: Target;
  /** Sotto in each form asked for. */
  readonly sotto: readonly Target[];
  /** With `--against`: the relay of the other ref, which then is the only reference. */
  readonly other: Target | undefined;
}

/** How the runs are sized. */
export interface Sizes {
  readonly timing: Timing;
  /** Generator processes for pairs. */
  readonly generators: number;
  readonly idleConnections: number;
  /** Messages of the SDK's conversation. */
  readonly messages: number;
}

/** A bench: its steps, and sentences for its result. */
export interface Bench {
  readonly steps: readonly Step[];
  readonly notes: readonly string[];
}

/** The relay the goals are set for, among the contenders. */
export const SOTTO = "sotto";

const atMost = (metric: string, value: number): Goal => ({ contender: SOTTO, metric, bound: "atMost", value });
const atLeast = (metric: string, value: number): Goal => ({ contender: SOTTO, metric, bound: "atLeast", value });

/** Against the minimal relay that pushes after its commit, with 100 pairs. */
const SATURATION_GOALS = [atMost("cpuMicrosPerMessage", 1.5), atLeast("perSecond", 2 / 3)];
/** Against the minimal relay that pushes before its commit, at rates below the machine's limit. */
const LATENCY_GOALS = [atMost("deliveryP50Ms", 2), atMost("deliveryP99Ms", 2)];
/** Above a socket that is only open. */
const IDLE_GOALS = [atMost("residentBytesPerConnection", 4_096)];

/** Messages one pair keeps under way at saturation: enough that sockets and commits batch, as in a busy relay. */
const SATURATIONS = [
  { pairs: 100, window: 16, goals: SATURATION_GOALS },
  { pairs: 1_000, window: 4, goals: [] },
] as const;
/** Pairs of the open loop; each is quiet most of the time. */
const OPEN_PAIRS = 1_000;
const OFFERS = [
  { perSecond: 1_000, goals: LATENCY_GOALS },
  { perSecond: 5_000, goals: LATENCY_GOALS },
  { perSecond: 10_000, goals: [] },
] as const;
const DRAINED_MESSAGES = 10_000;

const GENERATOR_NOTE =
  "`busiest generator cores` near 1 means that the load generator was itself the limit. In the open loop it is near 1 by design: it turns its event loop to meet the intended times.";

/** Durable delivery as fast as it goes. */
export function relayBench(field: Field, { timing, generators }: Sizes): Bench {
  const steps = SATURATIONS.map(({ pairs, window, goals }) =>
    pairsStep(field, field.afterCommit, {
      name: `saturation, ${pairs.toLocaleString("en")} pairs, ${window} under way each`,
      goals,
      run: (target) => runPairs(target, { kind: "closed", pairs, window }, { generators, timing }),
    }),
  );
  return {
    steps,
    notes: [GENERATOR_NOTE, "CPU is user and system time of the whole server process, its threads included."],
  };
}

/** Delivery times when the load is given. */
export function latencyBench(field: Field, { timing, generators }: Sizes): Bench {
  const steps = OFFERS.map(({ perSecond, goals }) =>
    pairsStep(field, field.beforeCommit, {
      name: `${perSecond.toLocaleString("en")}/s offered, ${OPEN_PAIRS.toLocaleString("en")} pairs`,
      goals,
      run: (target) => runPairs(target, { kind: "open", pairs: OPEN_PAIRS, perSecond }, { generators, timing }),
    }),
  );
  return {
    steps,
    notes: [GENERATOR_NOTE, "Times count from the intended send time of a Poisson process, so that waiting counts."],
  };
}

/** Memory of connections that say nothing. */
export function idleBench(field: Field, { idleConnections }: Sizes): Bench {
  const targets = [field.bare, field.afterCommit, ...sottoTargets(field)];
  const step: Step = {
    name: `${idleConnections.toLocaleString("en")} idle connections`,
    reference: referenceOf(field, field.bare).name,
    judgedBy: "difference",
    goals: goalsOf(field, IDLE_GOALS),
    contenders: targets.map((target) => contender(target, () => runIdle(target, idleConnections))),
  };
  return {
    steps: [step],
    notes: [
      "Growth over the same server without connections, its devices already registered; both readings after full garbage collections.",
      "Sotto's connections are authenticated devices; those of the bare server have only been opened.",
    ],
  };
}

/** One full mailbox. */
export function drainBench(field: Field): Bench {
  const targets = [field.afterCommit, ...sottoTargets(field)];
  const step: Step = {
    name: `drain a mailbox of ${DRAINED_MESSAGES.toLocaleString("en")}`,
    reference: referenceOf(field, field.afterCommit).name,
    judgedBy: "ratio",
    goals: [],
    contenders: targets.map((target) => contender(target, () => runDrain(target, DRAINED_MESSAGES))),
  };
  return {
    steps: [step],
    notes: [
      "From the owner's first byte (connecting and greeting included) to the last message. The owner acknowledges as it reads; `left behind` is what came again afterwards.",
      "The minimal relay writes the whole mailbox out at once; Sotto keeps a bounded number of envelopes in flight and waits for acknowledgements.",
    ],
  };
}

function pairsStep(
  field: Field,
  reference: Target,
  { name, goals, run }: Pick<Step, "name" | "goals"> & { run(target: Target): Promise<PairsRun> },
): Step {
  return {
    name,
    reference: referenceOf(field, reference).name,
    judgedBy: "ratio",
    goals: goalsOf(field, goals),
    contenders: everyTarget(field).map((target) => contender(target, () => run(target))),
  };
}

/** The goals are set against the usual references, not against an older self. */
function goalsOf({ other }: Field, goals: readonly Goal[]): readonly Goal[] {
  return other === undefined ? goals : [];
}

function contender<Run extends { readonly [Metric in keyof Run]: number }>(
  { name }: Target,
  run: () => Promise<Run>,
): Contender {
  return { name, run: async (): Promise<Metrics> => ({ ...(await run()) }) };
}

function sottoTargets({ other, sotto }: Field): readonly Target[] {
  return other === undefined ? sotto : [other, ...sotto];
}

/** With `--against` the minimal relays stay away: the question is old against new. */
function everyTarget(field: Field): readonly Target[] {
  return field.other === undefined
    ? [field.afterCommit, field.beforeCommit, ...field.sotto]
    : [field.other, ...field.sotto];
}

function referenceOf({ other }: Field, usual: Target): Target {
  return other ?? usual;
}
