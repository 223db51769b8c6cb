/** A case as it is shown: counts and verdicts, and no word. */

import type { CaseAction, CaseReport, CaseView, QueueEntry } from "../api.js";
import type { DeskSettings } from "../parts.js";
import { claimantOf } from "../people/permissions.js";
import { wordsDueMs } from "../retention/due.js";
import type { RowOf, Tables } from "../rows.js";
import type { ActionRow, CaseRow } from "./case-file.js";
import { priorityOf } from "./priority.js";

/** What showing works on. */
export interface ViewParts {
  readonly tables: Tables;
  readonly settings: DeskSettings;
  now(): number;
}

/** One line of the queue. */
export async function queueEntry({ tables, settings, now }: ViewParts, row: CaseRow): Promise<QueueEntry> {
  const nowMs = now();
  const sinceMs = (await tables.account.get(row.accused))?.enrolledMs;
  const upheld = (await tables.accused.get(row.accused))?.upheld ?? 0;
  // What was decided here is not prior to it.
  const priorVerdicts = Math.max(0, upheld - (row.outcome === "action" ? 1 : 0));
  const { id, stage, team, category, brigading, reporters } = row;
  return {
    ...{ id, stage, team, category, reporters, priorVerdicts },
    accused: row.accused,
    trust: row.verifiedItems > 0 ? "verified" : "unverified",
    verifiedItems: row.verifiedItems,
    refusedItems: row.refusedItems,
    priority: priorityOf({ category, reporters, brigading, sinceMs, priorVerdicts, nowMs }),
    openedMs: row.openedMs,
    dueMs: dueOf(row, settings),
    claimedBy: claimantOf(row, nowMs),
    hasAppeal: row.hasAppeal === "yes",
    brigading: brigading === "yes",
  };
}

/** When the present stage should be over. */
export function dueOf({ stage, stageMs }: CaseRow, settings: DeskSettings): number {
  return Math.min(Number.MAX_SAFE_INTEGER, stageMs + settings.stageMs[stage]);
}

/** A whole case. */
export async function caseView(parts: ViewParts, row: CaseRow): Promise<CaseView> {
  const reports = await reportsOf(parts.tables, row.id);
  const actions = await actionsOf(parts.tables, row.id);
  const kept = reports.filter(({ words }) => words === "kept");
  return {
    ...(await queueEntry(parts, row)),
    reports: listed(reports).map((report) => shownReport(report, row)),
    actions: actions.map(shownAction),
    outcome: row.outcome,
    history: row.history,
    retainedUntilMs: Math.max(0, ...kept.map(({ report }) => wordsDueMs(row, report, parts.settings.stageMs.actioned))),
    hold: row.hold,
    holdBy: row.holdBy,
  };
}

/** Of those whose words are gone or were never kept, what a whole case lists: a message that a thousand people report is one message. */
const MAX_WORDLESS = 1_000;

/** The reports that a case lists: all with words, and the first of the others. In their order. */
function listed(reports: readonly HeldReport[]): readonly HeldReport[] {
  let wordless = 0;
  return reports.filter(({ words }) => words === "kept" || ++wordless <= MAX_WORDLESS);
}

/** A report of a case, and whether what was shared in it is still kept. */
export interface HeldReport {
  readonly name: string;
  readonly report: RowOf<"report">;
  readonly words: "kept" | "deleted";
}

/** All reports of a case, oldest first. */
export async function reportsOf(tables: Tables, id: string): Promise<readonly HeldReport[]> {
  const found: HeldReport[] = [];
  for (const { key } of await tables.caseReport.all(`${id}/`)) {
    const name = key.slice(id.length + 1);
    const report = await tables.report.get(name);
    const kept = await tables.kept.get(name);
    if (report !== undefined) found.push({ name, report, words: kept === undefined ? "deleted" : "kept" });
  }
  return found.sort((one, other) => one.report.receivedMs - other.report.receivedMs);
}

/** All actions of a case, oldest first. */
export async function actionsOf(tables: Tables, id: string): Promise<readonly ActionRow[]> {
  const found: ActionRow[] = [];
  for (const { key } of await tables.caseAction.all(`${id}/`)) {
    const action = await tables.action.get(key.slice(id.length + 1));
    if (action !== undefined) found.push(action);
  }
  return found.sort((one, other) => one.atMs - other.atMs);
}

/** What triage found, as a browser is told. */
export function shownItems({ items }: RowOf<"report">): CaseReport["items"] {
  return items.map(({ role, account, device, acceptedMs, verdict }) => ({
    ...{ role, device, acceptedMs, verdict },
    account,
  }));
}

function shownReport({ name, report, words }: HeldReport, row: CaseRow): CaseReport {
  const { kind, reporter, category, receivedMs, teamKey } = report;
  return {
    ...{ kind, category, receivedMs, teamKey },
    reporter,
    report: name,
    items: shownItems(report),
    words: words === "kept" && row.hold === "held" ? "held" : words,
  };
}

function shownAction(action: ActionRow): CaseAction {
  const { id, kind, device, category, rule, untilMs, atMs, by, approvedBy, state, enforced } = action;
  return { id, kind, device, category, rule, untilMs, atMs, by, approvedBy, state, enforced: enforced === "yes" };
}
