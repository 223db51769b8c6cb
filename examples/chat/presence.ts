/** What only two people tell each other: that somebody types, and what was read. In groups nobody tells either. */

import { setTimeout as pause } from "node:timers/promises";
import type { Item, MessageId } from "@sotto/sdk/node";
import type { DirectRoom } from "./room.js";

/** How long the other's typing is shown. */
const TYPING_MS = 5_000;
/** Messages that one receipt can name. */
const READ_AT_ONCE = 64;

/** Follows and tells it, in one direct conversation. */
export class Presence {
  /** What the screen says of the other just now. */
  notice = "";
  private readonly unread = new Set<MessageId>();

  constructor(
    private readonly room: DirectRoom,
    private readonly tell: { changed(): void; failed(error: unknown): void },
  ) {}

  /** Follows the other's typing until the signal aborts. */
  follow(signal: AbortSignal): void {
    this.room.conversation.addEventListener(
      "typing",
      (event) => {
        this.show(event.typing === "started" ? `${this.room.peer} is typing…` : "");
        void pause(TYPING_MS, undefined, { signal }).then(
          () => this.show(""),
          () => undefined, // left meanwhile
        );
      },
      { signal },
    );
  }

  /** A key was pressed. */
  typed(): void {
    this.room.conversation.typing("started");
  }

  /** An item was shown: tells its author, together with what else is shown in this turn. */
  saw(item: Item): void {
    if (item.direction !== "received" || !("status" in item) || item.status !== "received") return;
    this.unread.add(item.messageId);
    queueMicrotask(() => void this.markRead());
  }

  private async markRead(): Promise<void> {
    const shown = [...this.unread].slice(0, READ_AT_ONCE);
    for (const id of shown) this.unread.delete(id);
    await this.room.conversation.markRead(shown).catch((error: unknown) => this.tell.failed(error));
  }

  private show(notice: string): void {
    this.notice = notice;
    this.tell.changed();
  }
}
