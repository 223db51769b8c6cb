/** One message as a bot's handler gets it. */

import type { AccountId, DirectConversation, Item, Outgoing } from "../core/index.js";

/** What people say to a bot; what they do to messages (edits, reactions, votes) is not. */
export type MessageItem = Extract<
  Item,
  { readonly kind: "text" | "reply" | "attachments" | "location" | "card" | "poll" | "custom" }
>;

/** What a message can have done with it. */
export interface MessageDeeds {
  /** Says something in the conversation once the bot's rate allows it, and resolves when the relay accepted it. */
  say(message: Outgoing): Promise<void>;
  /** Leaves the conversation to somebody else. */
  handOver(agent: string): Promise<void>;
}

/** A message to the bot, and what may be done about it. */
export class BotMessage {
  constructor(
    readonly conversation: DirectConversation,
    readonly item: MessageItem,
    /** What the rule's pattern found; `undefined` where it was none. */
    readonly match: RegExpMatchArray | undefined,
    private readonly deeds: MessageDeeds,
  ) {}

  /** Who wrote it. */
  get from(): AccountId {
    return this.item.from;
  }

  /** Its words; empty if it has none. */
  get text(): string {
    return wordsOf(this.item);
  }

  /**
   * Answers in the conversation, once the bot's rate allows it. Resolves when the relay accepted it; what was answered and
   * not accepted yet goes with the next run.
   *
   * @throws what `send` and its `accepted` throw.
   */
  reply(message: string | Outgoing): Promise<void> {
    return this.deeds.say(typeof message === "string" ? { text: message } : message);
  }

  /**
   * Leaves the conversation to a human: assigns it to them on all devices of the account. The bot says nothing more there, and
   * marks nothing read, until somebody calls `conversation.assign(undefined)`; agents mark as read what they have dealt with.
   */
  handOver(agent = "human"): Promise<void> {
    return this.deeds.handOver(agent);
  }
}

/** The words of a message; empty if it has none. */
export function wordsOf(item: MessageItem): string {
  return "text" in item ? (item.text ?? "") : "";
}
