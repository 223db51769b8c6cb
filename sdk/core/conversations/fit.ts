/** Which contents may stand in a conversation at all, whatever else is in it. */

import { type Content, isGroupMessageId } from "@sotto/protocol";
import type { Timeline } from "./timeline.js";

/**
 * Whether a content may stand in this conversation. In a group its id is its sender's own, and it revises its sender's own
 * messages; that is all that has to be known to see it, so that all members agree whatever came first.
 */
export function isFit(content: Content, { id: group, peer }: Pick<Timeline, "id" | "peer">): boolean {
  if (peer !== undefined) return true;
  const speaker = { group, sender: content.sender };
  if (content.revision === undefined || !isGroupMessageId(content.messageId, speaker)) return false;
  switch (content.kind) {
    case "edit":
    case "delete":
      return isGroupMessageId(content.target, speaker);
    case "receipt":
    case "typing":
    case "profile":
      // Confirmations and names are between two.
      return false;
    default:
      return true;
  }
}
