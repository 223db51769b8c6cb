/** How this account stands to a group when it wants to say something there. */

import type { AccountId } from "@sotto/protocol";
import type { Membership } from "../conversations/sender.js";
import type { GroupSnapshot } from "./log/group-logs.js";
import { hasAccepted } from "./log/group-rows.js";
import { mayWrite } from "./state/permissions.js";

/** As far as the group's log was read here. Who waits for an admin is in the group, and has no voice yet. */
export function membership(group: GroupSnapshot | undefined, me: AccountId): Membership {
  if (group === undefined || !hasAccepted(group.status)) return { kind: "none" };
  const { seq: revision, timerMs } = group.state;
  const isHeard = group.status === "joined" && mayWrite(group.state, me);
  return { kind: "member", mayWrite: isHeard ? "yes" : "no", revision, timerMs };
}
