/** What time does to cases: a stage that takes too long is called out once, and what cannot be appealed against any more is over. */

import type { DeskSettings } from "../parts.js";
import type { Work } from "../work.js";
import { type CaseRow, callOf, liveCases, putCase, stepped } from "./case-file.js";
import { dueOf } from "./views.js";

/** Now, and until when everything that reached the relay was filed: an appeal that lies there was made in time. */
export interface Passed {
  readonly nowMs: number;
  readonly filedMs: number;
}

/** Looks at every case that is not over. */
export async function passDeadlines(work: Work, passed: Passed): Promise<void> {
  const { tables, settings } = work.parts;
  const { nowMs } = passed;
  for (const early of await liveCases(tables)) {
    if (dueIn(early, settings, passed) === undefined) continue;
    await work.run(async (draft) => {
      // Somebody may have worked on it since it was read.
      const row = await tables.case.get(early.id);
      const due = row === undefined ? undefined : dueIn(row, settings, passed);
      if (row === undefined || due === undefined) return;
      if (due === "over") {
        putCase(tables, draft, row, { ...stepped(row, "over", "desk", nowMs), claimedBy: undefined });
        draft.log.push({ by: "desk", what: "appealPeriodOver", about: row.id });
        return;
      }
      draft.calls.push({ ...callOf(row), overdue: true });
      draft.log.push({ by: "desk", what: "overdue", about: row.id, detail: { stage: row.stage } });
      putCase(tables, draft, row, { ...row, overdueTold: "yes" });
    });
  }
}

/** What time does to a case now, if anything. */
function dueIn(row: CaseRow, settings: DeskSettings, { nowMs, filedMs }: Passed): "over" | "late" | undefined {
  if (row.stage === "actioned") {
    return filedMs > (row.decidedMs ?? nowMs) + settings.stageMs.actioned ? "over" : undefined;
  }
  return row.overdueTold === "no" && nowMs > dueOf(row, settings) ? "late" : undefined;
}
