/** Where a report stands, as its reporter hears it: pure rules. It only ever goes on. */

import type { CaseOutcome, CaseStage } from "@sotto/protocol";

/**
 * Where a report can stand.
 *
 *   waiting ──the relay has it──▶ sent ──receipts of the desk──▶ received ──▶ inReview ──▶ action, noAction ──▶ reversed
 *      └──the relay will not take it──▶ refused
 */
export const reportStages = [
  "waiting",
  "refused",
  "sent",
  "received",
  "inReview",
  "action",
  "noAction",
  "reversed",
] as const;
/** Where a report stands. */
export type ReportStage = (typeof reportStages)[number];

const ranks: Readonly<Record<ReportStage, number>> = {
  waiting: 0,
  refused: 1,
  sent: 2,
  received: 3,
  inReview: 4,
  action: 5,
  noAction: 5,
  reversed: 6,
};

/** What a receipt of the desk means for the report that it is about. */
export function stageOfReceipt({
  stage,
  outcome,
}: {
  readonly stage: CaseStage;
  readonly outcome: CaseOutcome;
}): ReportStage {
  if (outcome !== "open") return outcome;
  return stage === "new" ? "received" : "inReview";
}

/** Whether a report that stands at one stage may be moved to another. A decision may be followed by another decision. */
export function goesOn(from: ReportStage, to: ReportStage): boolean {
  return ranks[to] > ranks[from] || (ranks[to] === ranks[from] && to !== from);
}

/** Whether the desk has decided, or never will. */
export function isSettled(stage: ReportStage): boolean {
  return stage === "refused" || ranks[stage] >= ranks.action;
}
