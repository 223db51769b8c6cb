/** What time does to cases: a stage that takes too long is called out once, and what cannot be appealed against any more is over. */

import type { Work } from "../work.js";
import { callOf, liveCases, putCase, stepped } from "./case-file.js";
import { dueOf } from "./views.js";

/** Looks at every case that is not over. */
export async function passDeadlines(work: Work): Promise<void> {
  const { tables, now, settings } = work.parts;
  const nowMs = now();
  for (const value of await liveCases(tables)) {
    const key = value.id;
    const isOver = value.stage === "actioned" && nowMs > (value.decidedMs ?? nowMs) + settings.stageMs.actioned;
    const isLate = value.stage !== "actioned" && value.overdueTold === "no" && nowMs > dueOf(value, settings);
    if (!isOver && !isLate) continue;
    await work.run(async (draft) => {
      const row = await tables.case.get(key);
      // Somebody may have worked on it since it was read.
      if (row === undefined || row.stage !== value.stage || row.stageMs !== value.stageMs) return;
      if (isOver) {
        putCase(tables, draft, row, { ...stepped(row, "over", "desk", nowMs), claimedBy: undefined });
        draft.log.push({ by: "desk", what: "appealPeriodOver", about: key });
        return;
      }
      draft.calls.push({ ...callOf(row), overdue: true });
      draft.log.push({ by: "desk", what: "overdue", about: key, detail: { stage: row.stage } });
      putCase(tables, draft, row, { ...row, overdueTold: "yes" });
    });
  }
}
