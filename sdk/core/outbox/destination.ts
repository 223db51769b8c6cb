/** Where a row goes. Rows with the same destination keep their order; others do not wait for each other. */

import { type AccountId, type ConversationId, SottoError } from "@sotto/protocol";
import type { Row } from "../rows.js";

/** An account; one member of a group, on the group's behalf; or all other members of a group. */
export type Destination =
  | { readonly kind: "account"; readonly recipient: AccountId }
  | { readonly kind: "fellow"; readonly recipient: AccountId; readonly group: ConversationId }
  | { readonly kind: "group"; readonly group: ConversationId };

/**
 * The destination of a row. What own devices are told of a group, and invitations, go the way of all that is said between
 * two: neither needs a group's log.
 *
 * @throws storeCorrupt for a row without any.
 */
export function destinationOf(
  { recipient, group, type }: Pick<Row<"outbox">, "recipient" | "group" | "type">,
  me: AccountId,
): Destination {
  if (recipient !== undefined) {
    const isOnBehalf = group !== undefined && recipient !== me && type !== "invitation";
    return isOnBehalf ? { kind: "fellow", recipient, group } : { kind: "account", recipient };
  }
  if (group === undefined) throw new SottoError("storeCorrupt", { detail: "an outbox row that goes nowhere" });
  return { kind: "group", group };
}

/** The name of a destination's lane. */
export function laneOf(destination: Destination): string {
  switch (destination.kind) {
    case "account":
      return destination.recipient;
    case "fellow":
      return `${destination.group}/${destination.recipient}`;
    case "group":
      return `${destination.group}/`;
    default:
      return destination satisfies never;
  }
}
