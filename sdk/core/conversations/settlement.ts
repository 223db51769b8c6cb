/** What the end of an outbox order changes of its item. */

import type { Settled } from "../outbox/order.js";
import type { StoreChange } from "../ports.js";
import type { Row } from "../rows.js";
import { earlierOf } from "./placement.js";
import { movesOn } from "./statuses.js";
import type { Timeline } from "./timeline.js";

/**
 * The changes of an item whose order was accepted or given up: its status moves on, and an accepted one gets its place in
 * the order of the conversation. The caller holds the conversation's lock and commits them in the same turn.
 */
export function settledChanges(
  timeline: Timeline,
  { item, sequence }: { readonly item: Row<"item">; readonly sequence: number },
  outcome: Pick<Settled, "kind"> & { readonly acceptedMs?: number; readonly error?: { readonly code: string } },
): readonly StoreChange[] {
  if (item.shape !== "content") return [];
  if (outcome.kind === "failed") {
    // A receipt, or another device, may have told that it was accepted after all.
    if (item.acceptedMs !== undefined) return [];
    return [timeline.replace(sequence, { ...item, status: "failed", failure: outcome.error?.code })];
  }
  // A receipt may have come before the relay's answer: then the item is further than that already.
  const status = movesOn(item.status, "accepted") ? "accepted" : item.status;
  const acceptedMs = earlierOf(item.acceptedMs, outcome.acceptedMs);
  return timeline.move(sequence, item, { ...item, status, failure: undefined, acceptedMs });
}
