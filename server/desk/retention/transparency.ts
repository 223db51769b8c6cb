/** The numbers of a month, from verdict records and cases. What is below ten is not said, and never follows from the rest. Pure. */

import { type ReportCategory, reportCategories } from "@sotto/protocol";
import type { TransparencyReport } from "../api.js";
import type { RowOf } from "../rows.js";
import { monthOf } from "../triage/month.js";

/** What the numbers are made of. */
export interface MonthRecords {
  /** Of the month. */
  readonly verdicts: readonly RowOf<"verdict">[];
  readonly cases: readonly RowOf<"case">[];
  readonly actions: readonly RowOf<"action">[];
}

type Row = TransparencyReport["rows"][number];
type Column = Exclude<keyof Row, "category">;
type Exact = Readonly<Record<Column, { readonly count: number; readonly value: number }>>;

const SMALLEST = 10;
const HOUR_MS = 3_600_000;
const sums = ["reports", "verified", "cases", "actions", "appeals", "reversals"] as const;

/** The report of a month, as `2026-11`. */
export function transparencyOf(month: string, records: MonthRecords): TransparencyReport {
  const exact = new Map(reportCategories.map((category) => [category, numbersOf(month, records, category)]));
  const all = numbersOf(month, records, "all");
  const hidden = (column: Column): ReadonlySet<ReportCategory> => {
    const shown = reportCategories.filter((category) => countOf(exact, category, column) >= SMALLEST);
    const few = new Set(reportCategories.filter((category) => !shown.includes(category)));
    // What is left out of a sum by itself could be worked out from the sum: the smallest of the others goes as well.
    const isAlone = few.size === 1 && (sums as readonly Column[]).includes(column);
    const next = shown.sort((one, other) => countOf(exact, one, column) - countOf(exact, other, column))[0];
    return isAlone && next !== undefined ? few.add(next) : few;
  };
  const columns: readonly Column[] = [...sums, "medianHoursToDecision"];
  const hiding = new Map(columns.map((column) => [column, hidden(column)]));
  const row = (category: ReportCategory | "all", numbers: Exact): Row => {
    const cell = (column: Column): number | "<10" => {
      const isHidden = category === "all" ? numbers[column].count < SMALLEST : hiding.get(column)?.has(category);
      return isHidden ? "<10" : numbers[column].value;
    };
    return {
      category,
      ...{ reports: cell("reports"), verified: cell("verified"), cases: cell("cases"), actions: cell("actions") },
      ...{ appeals: cell("appeals"), reversals: cell("reversals") },
      medianHoursToDecision: cell("medianHoursToDecision"),
    };
  };
  return { month, rows: [row("all", all), ...[...exact].map(([category, numbers]) => row(category, numbers))] };
}

function countOf(exact: ReadonlyMap<ReportCategory, Exact>, category: ReportCategory, column: Column): number {
  return exact.get(category)?.[column].count ?? 0;
}

function numbersOf(month: string, records: MonthRecords, wanted: ReportCategory | "all"): Exact {
  const isOf = (category: ReportCategory | undefined) => wanted === "all" || category === wanted;
  const isThen = (atMs: number) => monthOf(atMs) === month;
  const reports = records.verdicts.filter(({ kind, category }) => kind === "report" && isOf(category));
  const cases = records.cases.filter(({ category }) => isOf(category));
  const actions = records.actions.filter(
    ({ kind, state, category, atMs }) =>
      kind !== "lift" && state !== "waiting" && state !== "rejected" && isOf(category) && isThen(atMs),
  );
  const reached = cases.flatMap(({ history, outcome, openedMs }) =>
    history.filter(({ atMs }) => isThen(atMs)).map((entry) => ({ ...entry, outcome, openedMs })),
  );
  const decided = cases.flatMap(({ history, openedMs }) => {
    const first = history.find(({ stage }) => stage === "actioned" || stage === "closed");
    return first !== undefined && isThen(first.atMs) ? [(first.atMs - openedMs) / HOUR_MS] : [];
  });
  const count = (value: number) => ({ count: value, value });
  return {
    reports: count(reports.length),
    verified: count(reports.filter(({ trust }) => trust === "verified" || trust === "repeated").length),
    cases: count(cases.filter(({ openedMs }) => isThen(openedMs)).length),
    actions: count(actions.length),
    appeals: count(reached.filter(({ stage }) => stage === "appealed").length),
    reversals: count(reached.filter(({ stage, outcome }) => stage === "closed" && outcome === "reversed").length),
    medianHoursToDecision: { count: decided.length, value: median(decided) },
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const before = sorted.length % 2 === 0 ? (sorted[sorted.length / 2 - 1] ?? 0) : middle;
  return Math.round(((middle + before) / 2) * 10) / 10;
}
