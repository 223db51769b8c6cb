/** The conversation as lines: one for each item, changed in place when the item changes. */

import type { Item } from "@sotto/sdk/node";
import { lineOf } from "./item-words.js";
import type { Names } from "./names.js";
import type { Room } from "./room.js";

/** Items kept on the screen's list. */
const MAX_ITEMS = 500;

/** A line of a transcript; `key` stays when its text changes. */
export interface Line {
  readonly key: string;
  readonly text: string;
}

/** Follows a conversation and keeps its lines up to date. */
export class Transcript {
  private readonly items = new Map<string, Item>();

  constructor(
    private readonly room: Room,
    private readonly names: Names,
    private readonly changed: (appeared: Item | undefined) => void,
  ) {}

  /** Shows history and then what comes, until the signal aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    const { conversation } = this.room;
    conversation.addEventListener("changed", ({ cursor }) => void this.refresh(cursor), { signal });
    for await (const item of conversation.messages({ signal })) {
      await this.names.meet(this.room, item);
      this.items.set(item.cursor, item);
      const [oldest] = this.items.keys();
      if (this.items.size > MAX_ITEMS && oldest !== undefined) this.items.delete(oldest);
      this.changed(item);
    }
  }

  /** The lines, oldest first: in the order that all devices of everybody show. */
  get lines(): readonly Line[] {
    const inOrder = [...this.items.values()].sort((one, other) => (one.order < other.order ? -1 : 1));
    return inOrder.flatMap((item) => {
      const text = lineOf(item, this.names.of);
      return text === undefined ? [] : [{ key: `${this.room.conversation.id} ${item.cursor}`, text }];
    });
  }

  /** The last text or reply in a direction. */
  last(direction: Item["direction"]): Extract<Item, { kind: "text" | "reply" }> | undefined {
    return [...this.items.values()].findLast(
      (item): item is Extract<Item, { kind: "text" | "reply" }> =>
        item.direction === direction && (item.kind === "text" || item.kind === "reply"),
    );
  }

  /** What was given up. */
  get failed(): readonly Extract<Item, { kind: "text" | "reply" }>[] {
    return [...this.items.values()].filter(
      (item): item is Extract<Item, { kind: "text" | "reply" }> =>
        (item.kind === "text" || item.kind === "reply") && item.status === "failed",
    );
  }

  private async refresh(cursor: Item["cursor"]): Promise<void> {
    const item = await this.room.conversation.item(cursor);
    if (item === undefined) this.items.delete(cursor);
    else if (this.items.has(cursor)) this.items.set(cursor, item);
    this.changed(undefined);
  }
}
