/** What was shown is told as read: to its author where people tell each other that, and to this account's other devices. */

import type { Item, MessageId } from "@sotto/sdk/node";
import { isMessage } from "./item-words.js";
import type { Room } from "./room.js";

/** Messages that can be marked at once. */
const READ_AT_ONCE = 64;

/** Marks messages of one conversation as read. The time of those that vanish runs from then on. */
export class Reading {
  private readonly unread = new Set<MessageId>();

  constructor(
    private readonly room: Room,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** An item was shown: marks it, together with what else is shown in this turn. */
  saw(item: Item): void {
    if (!isMessage(item) || item.direction !== "received" || item.status !== "received") return;
    this.unread.add(item.messageId);
    queueMicrotask(() => void this.mark());
  }

  private async mark(): Promise<void> {
    const shown = [...this.unread].slice(0, READ_AT_ONCE);
    for (const id of shown) this.unread.delete(id);
    await this.room.conversation.markRead(shown).catch(this.failed);
  }
}
