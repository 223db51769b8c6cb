/** Items of a conversation in words. */

import type { AccountId, Item, ItemStatus } from "@sotto/sdk/node";
import { changeWords } from "./group-words.js";
import { harmless } from "./words.js";

const TICKS: Readonly<Record<ItemStatus, string>> = {
  received: "",
  pending: " …",
  accepted: " ✓",
  delivered: " ✓✓",
  read: " ✓✓ read",
  failed: " ✗ not sent (/retry)",
};

/** One line for an item; `undefined` for what only changes other lines. */
export function lineOf(item: Item, nameOf: (account: AccountId) => string): string | undefined {
  const time = new Date(item.atMs).toTimeString().slice(0, 5);
  const who = nameOf(item.from);
  const line = (words: string) => `${time} ${who}: ${words}`;
  switch (item.kind) {
    case "text":
    case "reply": {
      const arrow = item.kind === "reply" ? "↪ " : "";
      const edited = item.edited === "yes" ? " (edited)" : "";
      const reactions = item.reactions.map(({ emoji }) => ` ${harmless(emoji)}`).join("");
      return `${line(`${arrow}${harmless(item.text)}`)}${edited}${reactions}${item.direction === "sent" ? TICKS[item.status] : ""}`;
    }
    case "deleted":
      return line("(deleted)");
    case "custom":
    case "unsupported":
      return line("(a kind of message this chat cannot show)");
    case "keychange":
      return `${time} ! ${who}'s safety number changed. Compare it again with /safety.`;
    case "undecryptable":
      return item.reason === "lost"
        ? line("(a message that was lost)")
        : line("(a message that did not open; asked for it again)");
    case "profile":
      return item.direction === "received" && item.name !== undefined
        ? `${time} · ${who} is called ${harmless(item.name)}`
        : undefined;
    case "edit":
    case "reaction":
    case "delete":
      return undefined;
    case "group":
      return `${time} · ${changeWords(item.change, nameOf)}`;
    default:
      return item satisfies never;
  }
}
