/** From an outbox row to the payload that leaves, with the keys the account may hand out at that moment. */

import { type GroupStanding, type Payload, type Relation, SottoError } from "@sotto/protocol";
import type { Row } from "../rows.js";

/** What a payload is made from besides its row. */
export interface Speaking {
  /** How this account stands to the recipient. */
  readonly relation: Relation;
  /** The profile key that may leave now, if one may. */
  readonly profileKey: Uint8Array | undefined;
  /** This account's name at the host, if this device knows it. */
  readonly userId: string | undefined;
  /** `introducing`: the recipient may not know yet who writes. */
  readonly standing: "known" | "introducing";
  /** Of a row that has to do with a group: what it says of the group's log. */
  readonly group: GroupStanding | undefined;
  /** Of what can be reported. */
  readonly frank: Uint8Array | undefined;
}

/**
 * The payload of an outbox row; `undefined` if it has to wait until its key may leave.
 *
 * The profile key goes to nobody whom this account shut out or has not answered: who was blocked since a message was queued, or
 * asks for an old one again, learns nothing newer from it. Nor does it go to anybody for sharing a group with this account.
 *
 * @throws notAllowed for a `contact`, which is nothing but that key; storeCorrupt for a row that lacks what its type needs.
 */
export function outgoingPayload(
  row: Row<"outbox">,
  { relation, profileKey, userId, standing, group, frank }: Speaking,
): Payload | undefined {
  const { type, resendOf, envelopes, atMs, body, evidence } = row;
  const isShut = relation === "blocked" || relation === "declined" || relation === "received";
  const introduction = standing === "introducing" ? { userId } : {};
  switch (type) {
    case "content": {
      if (group !== undefined) return { type, content: body, group, resendOf, atMs, frank };
      if (isShut) return { type, content: body, resendOf, atMs, frank };
      return { type, content: body, profileKey, ...introduction, resendOf, atMs, frank };
    }
    case "contact":
      if (isShut) throw new SottoError("notAllowed", { detail: "a contact this account shut out meanwhile" });
      return profileKey === undefined ? undefined : { type, profileKey, userId, resendOf };
    case "retry":
    case "unavailable":
      return { type, envelopes, group };
    case "nothing":
      return { type, resendOf: there(resendOf), group };
    case "missed":
      return { type, atMs: there(atMs) };
    case "sent":
      if (group === undefined)
        return { type, peer: there(row.peer), atMs: there(atMs), content: body, resendOf, evidence };
      return { type, group, atMs: there(atMs), content: body, resendOf, evidence };
    case "state":
    case "archive":
    case "archived":
    case "groups":
    case "registers":
      return { type, body, resendOf };
    case "invitation":
      if (isShut) return { type, group: there(group), body, resendOf, frank };
      return { type, group: there(group), body, profileKey, ...introduction, resendOf, frank };
    case "senderKey":
      return { type, group: there(group), body, resendOf };
    case "groupChange":
      return { type, group: there(group) };
    default:
      return type satisfies never;
  }
}

function there<T>(value: T | undefined): T {
  if (value === undefined)
    throw new SottoError("storeCorrupt", { detail: "an outbox row without what its type needs" });
  return value;
}
