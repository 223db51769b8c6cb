/** Which cases of the queue are shown, and in which order. Pure. */

import type { CaseStage, ReportCategory } from "@sotto/protocol";
import type { QueueEntry } from "../api.js";

/** What somebody wants to see. */
export interface QueueFilter {
  readonly stage: "open" | "all" | CaseStage;
  readonly category: "all" | ReportCategory;
  readonly claim: "all" | "mine" | "free";
  /** The start of an id of a case or an account. */
  readonly search: string;
}

/** Everything that is not over. */
export const openCases: QueueFilter = { stage: "open", category: "all", claim: "all", search: "" };

/** The queue in two: what counts, and what nothing proves. Most urgent first, and of equals the one due first. */
export function shownQueue(
  entries: readonly QueueEntry[],
  filter: QueueFilter,
  me: string,
): { readonly verified: readonly QueueEntry[]; readonly lowTrust: readonly QueueEntry[] } {
  const shown = entries
    .filter((entry) => isShown(entry, filter, me))
    .sort((one, other) => other.priority - one.priority || one.dueMs - other.dueMs || compareIds(one.id, other.id));
  return {
    verified: shown.filter((entry) => entry.trust === "verified"),
    lowTrust: shown.filter((entry) => entry.trust === "unverified"),
  };
}

function isShown(entry: QueueEntry, { stage, category, claim, search }: QueueFilter, me: string): boolean {
  if (stage === "open" ? entry.stage === "closed" : stage !== "all" && entry.stage !== stage) return false;
  if (category !== "all" && entry.category !== category) return false;
  if (claim === "mine" && entry.claimedBy !== me) return false;
  if (claim === "free" && entry.claimedBy !== undefined) return false;
  const wanted = search.trim().toLowerCase();
  return wanted === "" || entry.id.startsWith(wanted) || entry.accused.startsWith(wanted);
}

function compareIds(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
