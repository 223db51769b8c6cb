/** Runs every step on every target in alternating order and condenses the rounds to medians and ratios. */

import { median } from "./statistics.js";

/** What one run measured, by metric. */
export type Metrics = Readonly<Record<string, number>>;

/** Something that is measured: a target under a workload, or a piece of code. */
export interface Contender {
  readonly name: string;
  run(): Promise<Metrics>;
}

/** A figure the project set itself, for what a contender has, alone or against the reference (`judgedBy`). */
export interface Goal {
  readonly contender: string;
  readonly metric: string;
  readonly bound: "atMost" | "atLeast";
  readonly value: number;
}

/** One step of a bench: the same work for several contenders. */
export interface Step {
  readonly name: string;
  /** The contender the ratios refer to. */
  readonly reference: string;
  /** Whether a contender is judged by its ratio to the reference, by what it has above it, or by its own figure. */
  readonly judgedBy: "ratio" | "difference" | "value";
  readonly goals: readonly Goal[];
  readonly contenders: readonly Contender[];
}

/** A contender's rounds and what they come to. */
interface Outcome {
  readonly contender: string;
  readonly rounds: readonly Metrics[];
  readonly medians: Metrics;
  /** Medians divided by the reference's. */
  readonly ratios: Metrics;
  /** Medians minus the reference's. */
  readonly differences: Metrics;
}

/** A measured step. */
export interface StepResult {
  readonly step: string;
  readonly reference: string;
  readonly judgedBy: Step["judgedBy"];
  readonly goals: readonly (Goal & { readonly measured: number; readonly verdict: "met" | "missed" })[];
  readonly outcomes: readonly Outcome[];
}

/** Metrics of which anything but 0 means that a server did not do the work, whatever its speed. */
export const MUST_BE_ZERO = ["lost", "refused", "duplicated", "reordered", "leftBehind"] as const;

const JUDGED = { ratio: "ratios", difference: "differences", value: "medians" } as const;

/** Runs one step: every contender once a round, and every other round in reverse. */
export async function runStep(step: Step, rounds: number, progress: (line: string) => void): Promise<StepResult> {
  const measured = new Map<string, Metrics[]>(step.contenders.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    const order = round % 2 === 1 ? step.contenders : step.contenders.toReversed();
    for (const { name, run } of order) {
      progress(`${step.name}, round ${round} of ${rounds}: ${name}`);
      measured.get(name)?.push(await run());
    }
  }
  const medians = new Map([...measured].map(([name, runs]) => [name, medianOf(runs)]));
  const reference = medians.get(step.reference) ?? {};
  const outcomes = [...measured].map(([contender, runs]): Outcome => {
    const own = medians.get(contender) ?? {};
    return {
      contender,
      rounds: runs,
      medians: own,
      ratios: against(own, reference, (value, base) => (base === 0 ? undefined : value / base)),
      differences: against(own, reference, (value, base) => value - base),
    };
  });
  const goals = step.goals.flatMap((goal) => {
    const outcome = outcomes.find(({ contender }) => contender === goal.contender);
    const value = outcome?.[JUDGED[step.judgedBy]][goal.metric];
    if (value === undefined) return [];
    const isMet = goal.bound === "atMost" ? value <= goal.value : value >= goal.value;
    return [{ ...goal, measured: value, verdict: isMet ? ("met" as const) : ("missed" as const) }];
  });
  return { step: step.name, reference: step.reference, judgedBy: step.judgedBy, goals, outcomes };
}

/** The faults of a result, in words; empty if every message was accounted for. */
export function faultsIn(results: readonly StepResult[]): string[] {
  const faults: string[] = [];
  for (const { step, outcomes } of results) {
    for (const { contender, rounds } of outcomes) {
      for (const metric of MUST_BE_ZERO) {
        const total = rounds.reduce((sum, round) => sum + (round[metric] ?? 0), 0);
        if (total !== 0) faults.push(`${step}: ${contender}: ${total} ${metric}`);
      }
    }
  }
  return faults;
}

function medianOf(rounds: readonly Metrics[]): Metrics {
  const names = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, median(rounds.map((round) => round[name] ?? Number.NaN))]));
}

function against(
  own: Metrics,
  reference: Metrics,
  compare: (value: number, base: number) => number | undefined,
): Metrics {
  const compared: Record<string, number> = {};
  for (const [name, value] of Object.entries(own)) {
    const base = reference[name];
    const result = base === undefined ? undefined : compare(value, base);
    if (result !== undefined) compared[name] = result;
  }
  return compared;
}
