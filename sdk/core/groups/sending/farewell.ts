/**
 * A word on a group's log between two who share it no more: who was removed is told so, and who left tells those who have to
 * begin a new epoch. What shows the relay the right to is kept with the order, for the group's state knows it no longer.
 */

import { decodeRecord, encodeRecord, field, type GroupMember } from "@sotto/protocol";
import type { Row } from "../../rows.js";
import type { Fellow } from "../../sessions/fetch-bundles.js";

const farewell = field.record({ identityKey: field.bytes(33), deliveryKeyHash: field.bytes(32) });

/** What an order keeps of the other, as the group's log last named it. */
export function farewellTo({ identityKey, deliveryKeyHash }: GroupMember): Uint8Array {
  return encodeRecord(farewell, { identityKey, deliveryKeyHash });
}

/** Whom an order is for, if it is such a word. */
export function farewellOf({ type, body }: Pick<Row<"outbox">, "type" | "body">): Fellow | undefined {
  if (type !== "groupChange" || body.length === 0) return undefined;
  const { identityKey, deliveryKeyHash } = decodeRecord(farewell, body);
  return { identityKey, deliveryKeyHashes: [deliveryKeyHash] };
}
