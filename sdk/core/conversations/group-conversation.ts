/** What is said in a group, as an app works with it. */

import type { MessageId } from "@sotto/protocol";
import type { SentMessage } from "../outbox/sent-message.js";
import type { Confirmations } from "./confirmations.js";
import { type BaseParts, Conversation } from "./conversation.js";
import type { GroupThread } from "./conversations.js";
import type { Outgoing } from "./outgoing.js";
import { markable } from "./receipt-rules.js";

/**
 * One message sent to a group. `accepted`: the relay has it on disk for every device of every member. Nobody confirms more
 * than that in a group, so there is no `delivered`.
 */
export type SentToGroup = Pick<SentMessage, "id" | "accepted" | "cancel" | "retry">;

/** What a group's conversation works with. */
export interface GroupConversationParts extends BaseParts {
  readonly thread: GroupThread;
  readonly confirmations: Pick<Confirmations, "readInGroup">;
}

/** The messages of one group. There is exactly one object for each group and client. */
export class GroupConversation extends Conversation<SentToGroup> {
  private readonly confirming: Pick<GroupConversationParts, "thread" | "confirmations">;

  constructor(parts: GroupConversationParts) {
    super(parts);
    this.confirming = parts;
  }

  /**
   * Sends a message to everybody in the group; the handle is there at once and says what becomes of it.
   *
   * The message is on disk before anything leaves, and goes exactly once and in order, over crashes and disconnections. Who
   * joins later does not get it.
   *
   * @throws invalidArgument, tooLarge for what no message can say. `accepted` rejects with groupLeft if this account is no member,
   *   groupDenied if it may not write, outboxFull, tooManyRecipients, expired, cancelled; with badCredentials once this
   *   device was revoked.
   */
  override send(message: Outgoing): SentToGroup {
    return super.send(message);
  }

  /**
   * Remembers, on all devices of this account, that these messages were read: the time of those with a timer runs from then on.
   * Nobody else is told. Call it when they were really shown.
   *
   * @throws invalidArgument for more than 64 messages at once; outboxFull.
   */
  async markRead(messages: readonly MessageId[]): Promise<void> {
    const read = markable(messages);
    if (read.length > 0) await this.confirming.confirmations.readInGroup(this.confirming.thread, read);
  }

  protected handleOf(sent: SentMessage): SentToGroup {
    return sent;
  }
}
