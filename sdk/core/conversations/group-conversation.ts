/** What is said in a group, as an app works with it. */

import type { SentMessage } from "../outbox/sent-message.js";
import { type BaseParts, Conversation } from "./conversation.js";
import type { GroupThread } from "./conversations.js";
import type { Outgoing } from "./outgoing.js";

/**
 * One message sent to a group. `accepted`: the relay has it on disk for every device of every member. Nobody confirms more
 * than that in a group, so there is no `delivered`.
 */
export type SentToGroup = Pick<SentMessage, "id" | "accepted" | "cancel" | "retry">;

/** What a group's conversation works with. */
export interface GroupConversationParts extends BaseParts {
  readonly thread: GroupThread;
}

/** The messages of one group. There is exactly one object for each group and client. */
export class GroupConversation extends Conversation<SentToGroup> {
  constructor(parts: GroupConversationParts) {
    super(parts);
  }

  /**
   * Sends a message to everybody in the group; the handle is there at once and says what becomes of it.
   *
   * The message is on disk before anything leaves, and goes exactly once and in order, over crashes and disconnections. Who
   * joins later does not get it.
   *
   * @throws invalidArgument for an empty or too long text. `accepted` rejects with groupLeft if this account is no member,
   *   groupDenied if it may not write, outboxFull, tooManyRecipients, expired, cancelled; with badCredentials once this
   *   device was revoked.
   */
  override send(message: Outgoing): SentToGroup {
    return super.send(message);
  }

  protected handleOf(sent: SentMessage): SentToGroup {
    return sent;
  }
}
