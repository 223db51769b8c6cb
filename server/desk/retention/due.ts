/** When what was shared in a report is deleted, and how long other things stay. Pure. */

import { REPORT_WINDOW_MS } from "@sotto/protocol";
import type { CaseRow } from "../cases/case-file.js";

const DAY_MS = 24 * 3_600_000;

/** How long somebody may appeal, where the operator says nothing else: six months. */
export const APPEAL_MS = 183 * DAY_MS;
/** How much longer words stay while an appeal waits for its decision. */
const APPEAL_DECISION_MS = 30 * DAY_MS;
/** How long notes wait for their devices: as long as somebody may appeal, and a month. */
export function noteLifeMs(appealMs: number): number {
  return appealMs + 30 * DAY_MS;
}

/**
 * When the words of a report are deleted: 30 days after it came; where something was done, once that cannot be appealed against any
 * more. Whoever appealed has an answer within a month, or there is nothing left to answer with.
 */
export function wordsDueMs(
  row: Pick<CaseRow, "stage" | "outcome" | "decidedMs">,
  { receivedMs }: { readonly receivedMs: number },
  appealMs: number,
): number {
  const least = receivedMs + REPORT_WINDOW_MS;
  if (row.outcome !== "action" || row.decidedMs === undefined) return least;
  if (row.stage === "actioned") return Math.max(least, row.decidedMs + appealMs);
  if (row.stage === "appealed") return Math.max(least, row.decidedMs + appealMs + APPEAL_DECISION_MS);
  return least;
}
