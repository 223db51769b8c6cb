/** Cases beside the one that tests work on, so that a queue is a queue. */

import { toHex } from "@sotto/protocol";
import type { QueueEntry } from "../../../server/desk/api.js";
import { secretOf } from "../../support/franking/realm.js";

/** Company for the one case there is. */
export function otherEntries(): readonly QueueEntry[] {
  const nowMs = Date.now();
  const id = (name: string) => toHex(secretOf(name).subarray(0, 16));
  const base: Omit<QueueEntry, "id" | "accused" | "stage" | "category" | "priority"> = {
    ...{ team: "community", trust: "verified", verifiedItems: 3, refusedItems: 0, reporters: 2, priorVerdicts: 0 },
    ...{
      openedMs: nowMs - 9_000_000,
      dueMs: nowMs + 20 * 3_600_000,
      claimedBy: undefined,
      hasAppeal: false,
      brigading: false,
    },
  };
  return [
    {
      ...base,
      id: id("q1"),
      accused: id("a1"),
      stage: "triage",
      category: "harassment",
      priority: 48,
      claimedBy: id("someone"),
    },
    {
      ...base,
      id: id("q2"),
      accused: id("a2"),
      stage: "new",
      category: "spam",
      priority: 32,
      reporters: 41,
      brigading: true,
    },
    {
      ...base,
      id: id("q3"),
      accused: id("a3"),
      stage: "appealed",
      category: "hate",
      priority: 30,
      hasAppeal: true,
      dueMs: nowMs - 7_200_000,
    },
    {
      ...base,
      id: id("q4"),
      accused: id("a4"),
      stage: "escalated",
      category: "selfHarm",
      priority: 80,
      refusedItems: 2,
    },
    { ...base, id: id("q5"), accused: id("a5"), stage: "new", category: "scam", priority: 10 },
    {
      ...base,
      id: id("q6"),
      accused: id("a6"),
      stage: "new",
      category: "other",
      priority: 0.4,
      trust: "unverified",
      verifiedItems: 0,
      refusedItems: 5,
      reporters: 0,
    },
  ];
}
