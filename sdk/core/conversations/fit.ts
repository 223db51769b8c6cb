/** Which contents may stand in a conversation at all, whatever else is in it. */

import { type Content, isGroupMessageId } from "@sotto/protocol";
import { isForGroups, isForTwo } from "./kind-roles.js";
import type { Timeline } from "./timeline.js";

/**
 * Whether a content may stand in this conversation. In a group its id is its sender's own, and it revises its sender's own
 * messages; that is all that has to be known to see it, so that all members agree whatever came first.
 */
export function isFit(content: Content, { id: group, peer }: Pick<Timeline, "id" | "peer">): boolean {
  if (peer !== undefined) return isForTwo(content.kind);
  const speaker = { group, sender: content.sender };
  if (content.revision === undefined || !isGroupMessageId(content.messageId, speaker)) return false;
  const isRevision = content.kind === "edit" || content.kind === "delete";
  if (isRevision) return isGroupMessageId(content.target, speaker);
  // No member confirms anything; what devices of one account have read they tell each other.
  return content.kind === "receipt" ? content.receipt === "read" : isForGroups(content.kind);
}
