/** What is done to a case's row, and what everybody who is concerned hears of it. */

import type { CaseStage, ReportCategory, Team } from "@sotto/protocol";
import { DeskError } from "../api.js";
import type { RowOf, Tables } from "../rows.js";
import type { Draft } from "../work.js";
import { type CaseEvent, stepCase, takesReports } from "./stage.js";

/** A case's row. */
export type CaseRow = RowOf<"case">;
/** An action's row. */
export type ActionRow = RowOf<"action">;

/** History that is kept; a case that goes on longer keeps its first and its newest. */
const MAX_HISTORY = 128;

/** A case that was just opened. */
export function newCase(
  id: string,
  about: { readonly accused: CaseRow["accused"]; readonly team: Team; readonly category: ReportCategory },
  nowMs: number,
): CaseRow {
  return {
    id,
    ...about,
    ...{ stage: "new", outcome: "open", openedMs: nowMs, stageMs: nowMs, claimedMs: 0, decidedBy: [] },
    ...{ reportCount: 0, unverifiedCount: 0, keptBytes: 0, verifiedItems: 0, refusedItems: 0, reporters: 0 },
    ...{ brigading: "no", overdueTold: "no", hasAppeal: "no", hold: "none", holdBy: [] },
    history: [{ atMs: nowMs, stage: "new", by: "desk" }],
  };
}

/** The case after an event. @throws DeskError conflict if that cannot happen where it stands. */
export function stepped(row: CaseRow, event: CaseEvent, by: string, nowMs: number): CaseRow {
  const next = stepCase(row, event);
  if (next === undefined)
    throw new DeskError("conflict", `A case that is ${row.stage} cannot be changed so (${event}).`);
  if (next.stage === row.stage) return { ...row, ...next };
  const entry = { atMs: nowMs, stage: next.stage, by };
  const history = [...row.history, entry];
  const kept = history.length <= MAX_HISTORY ? history : [...history.slice(0, 1), ...history.slice(2)];
  return { ...row, ...next, stageMs: nowMs, overdueTold: "no", history: kept };
}

/** Writes a case, keeps the way to it for new reports, and calls whoever listens if its stage is another one. */
export function putCase(tables: Tables, draft: Draft, before: CaseRow | undefined, after: CaseRow): void {
  const isOver = after.stage === "closed";
  draft.changes.push(
    tables.case.put(after.id, after),
    isOver ? tables.liveCase.drop(after.id) : tables.liveCase.put(after.id, {}),
  );
  const place = (row: CaseRow) => `${row.accused}/${row.team}`;
  // Only of a case that took reports: of one that was decided before, a newer one has the place.
  const hadPlace = before !== undefined && takesReports(before.stage);
  if (hadPlace && (before.team !== after.team || !takesReports(after.stage))) {
    draft.changes.push(tables.openCase.drop(place(before)));
  }
  if (takesReports(after.stage)) draft.changes.push(tables.openCase.put(place(after), { case: after.id }));
  if (before?.stage !== after.stage) draft.calls.push(callOf(after));
}

/** Every case that is not closed. */
export async function liveCases(tables: Tables): Promise<readonly CaseRow[]> {
  const found: CaseRow[] = [];
  for (const { key } of await tables.liveCase.all()) {
    const row = await tables.case.get(key);
    if (row !== undefined) found.push(row);
  }
  return found;
}

/** What a webhook hears of a case. */
export function callOf({ id, category, verifiedItems, stage }: CaseRow) {
  return { case: id, category, verified: verifiedItems > 0, stage };
}

/** Tells everybody who reported in a case how it stands. */
export async function tellReporters(tables: Tables, draft: Draft, row: CaseRow, nowMs: number): Promise<void> {
  for (const { key } of await tables.caseReport.all(`${row.id}/`)) {
    const report = await tables.report.get(key.slice(row.id.length + 1));
    if (report === undefined || report.kind !== "report") continue;
    draft.letters.push(receipt(report, { stage: row.stage, outcome: row.outcome }, nowMs));
  }
}

/** A receipt for one report. */
export function receipt(
  { id, reporter }: Pick<RowOf<"report">, "id" | "reporter">,
  { stage, outcome }: { readonly stage: CaseStage; readonly outcome: CaseRow["outcome"] },
  atMs: number,
) {
  return { to: reporter, note: { kind: "receipt", atMs, about: id, stage, outcome } as const };
}

/** Keeps the records of whoever reported and was reported, once a case was decided or its decision taken back. */
export async function recordDecision(
  tables: Tables,
  draft: Draft,
  row: CaseRow,
  decision: "upheld" | "dismissed" | "reversed",
  nowMs: number,
): Promise<void> {
  for (const { key } of await tables.caseReporter.all(`${row.id}/`)) {
    const account = key.slice(row.id.length + 1);
    const held = (await tables.reporter.get(account)) ?? { decided: 0, upheld: 0, lastDecidedMs: 0 };
    const decided = held.decided + (decision === "reversed" ? 0 : 1);
    const upheld = Math.max(0, held.upheld + (decision === "upheld" ? 1 : decision === "reversed" ? -1 : 0));
    draft.changes.push(tables.reporter.put(account, { decided, upheld, lastDecidedMs: nowMs }));
  }
  if (decision === "dismissed") return;
  const accused = (await tables.accused.get(row.accused)) ?? { upheld: 0 };
  const upheld = Math.max(0, accused.upheld + (decision === "upheld" ? 1 : -1));
  draft.changes.push(tables.accused.put(row.accused, { upheld }));
}
