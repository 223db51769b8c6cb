/**
 * Where a case stands, and what may happen to it there. Pure.
 *
 *          claim          act                    appeal
 *   new ─────────▶ triage ────────────▶ actioned ──────▶ appealed
 *                   │ │  ▲               │ ▲ │             │
 *          escalate │ │  │ (escalate)    │ └─┘ act         │ uphold, reverse
 *                   ▼ │  │          over │                 ▼
 *               escalated ──── act ─▶    └────────────▶ closed
 *                     └──── dismiss ──────────────────────▲
 *
 * `triage` is dismissed as `escalated` is. What is closed stays so: a new report opens a new case.
 */

import type { CaseOutcome, CaseStage } from "@sotto/protocol";

/** What can happen to a case. */
export type CaseEvent = "claim" | "escalate" | "act" | "dismiss" | "appeal" | "uphold" | "reverse" | "over";

/** Where a case stands, and what came of it. */
export interface CaseStanding {
  readonly stage: CaseStage;
  readonly outcome: CaseOutcome;
}

const inReview = ["triage", "escalated"] as const;

/** Where each event may happen, and what it leads to; without a stage the case stays where it is. */
const table: Readonly<
  Record<CaseEvent, { readonly from: readonly CaseStage[]; readonly stage?: CaseStage; readonly outcome?: CaseOutcome }>
> = {
  claim: { from: ["new", ...inReview, "actioned", "appealed"] },
  escalate: { from: inReview, stage: "escalated" },
  act: { from: [...inReview, "actioned"], stage: "actioned", outcome: "action" },
  dismiss: { from: inReview, stage: "closed", outcome: "noAction" },
  appeal: { from: ["actioned"], stage: "appealed" },
  uphold: { from: ["appealed"], stage: "closed" },
  reverse: { from: ["appealed"], stage: "closed", outcome: "reversed" },
  over: { from: ["actioned"], stage: "closed" },
};

/** Where a case stands after an event; `undefined` if that cannot happen there. */
export function stepCase({ stage, outcome }: CaseStanding, event: CaseEvent): CaseStanding | undefined {
  const row = table[event];
  if (!row.from.includes(stage)) return undefined;
  const reached = event === "claim" && stage === "new" ? "triage" : (row.stage ?? stage);
  return { stage: reached, outcome: row.outcome ?? outcome };
}

/** Whether new reports about the account go to a case that stands here. */
export function takesReports(stage: CaseStage): boolean {
  return stage === "new" || stage === "triage" || stage === "escalated";
}
