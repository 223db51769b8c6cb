/** How the status of an item moves on. Pure rules. */

import type { ItemStatus } from "./items.js";

const ORDER: readonly ItemStatus[] = ["failed", "pending", "accepted", "delivered", "read"];

/** Whether a status of my own message may follow another. A receipt also proves what its acceptance had not yet told. */
export function movesOn(from: ItemStatus, to: ItemStatus): boolean {
  return from !== "received" && ORDER.indexOf(to) > ORDER.indexOf(from);
}

/** Whether a status may follow another: my own message's by the peer's receipts, a peer's by my own read mark. */
export function follows(from: ItemStatus, to: ItemStatus): boolean {
  return from === "received" ? to === "read" : movesOn(from, to);
}
