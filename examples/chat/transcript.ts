/** The conversation as lines: one for each item, changed in place when the item changes. */

import type { DirectConversation, Item } from "@sotto/sdk/node";
import { lineOf } from "./words.js";

/** Items kept on the screen's list. */
const MAX_ITEMS = 500;

/** Follows a conversation and keeps its lines up to date. */
export class Transcript {
  private readonly items = new Map<string, Item>();

  constructor(
    private readonly conversation: DirectConversation,
    private readonly names: { readonly me: string; readonly peer: string },
    private readonly changed: (appeared: Item | undefined) => void,
  ) {}

  /** Shows history and then what comes, until the signal aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    this.conversation.addEventListener("changed", ({ cursor }) => void this.refresh(cursor), { signal });
    for await (const item of this.conversation.messages({ signal })) {
      this.items.set(item.cursor, item);
      const [oldest] = this.items.keys();
      if (this.items.size > MAX_ITEMS && oldest !== undefined) this.items.delete(oldest);
      this.changed(item);
    }
  }

  /** The lines, oldest first: in the order that all devices of both sides show. */
  get lines(): readonly string[] {
    const inOrder = [...this.items.values()].sort((one, other) => (one.order < other.order ? -1 : 1));
    return inOrder.flatMap((item) => lineOf(item, this.names) ?? []);
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
    const item = await this.conversation.item(cursor);
    if (item === undefined) this.items.delete(cursor);
    else if (this.items.has(cursor)) this.items.set(cursor, item);
    this.changed(undefined);
  }
}
