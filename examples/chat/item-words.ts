/** Items of a conversation in words. */

import type { AccountId, Item, ItemStatus } from "@sotto/sdk/node";
import { attachmentWords } from "./attachment-words.js";
import { spanWords } from "./figures.js";
import { changeWords } from "./group-words.js";
import { optionLines, questionWords } from "./poll-words.js";
import { timerWords } from "./timer-words.js";
import { harmless } from "./words.js";

/** What somebody said, whatever it is: it can be answered, reacted to, pinned. */
export type Message = Extract<Item, { readonly reactions: unknown }>;

/** Whether an item is a message. */
export function isMessage(item: Item): item is Message {
  return "reactions" in item;
}

/** What an item is told with. */
export interface Telling {
  readonly nameOf: (account: AccountId) => string;
  /** The number that commands mean a message by. */
  readonly numberOf: (item: Item) => number | undefined;
}

/** Under the words of a line: room for its number and the time. */
const INDENT = " ".repeat(10);

const TICKS: Readonly<Record<ItemStatus, string>> = {
  received: "",
  pending: " …",
  accepted: " ✓",
  delivered: " ✓✓",
  read: " ✓✓ read",
  failed: " ✗ not sent (/retry)",
};

/** The lines of an item; `undefined` for what only changes other items. */
export function lineOf(item: Item, telling: Telling): string | undefined {
  const { nameOf, numberOf } = telling;
  const number = String(numberOf(item) ?? "").padStart(3);
  const time = `${number} ${new Date(item.atMs).toTimeString().slice(0, 5)}`;
  const who = nameOf(item.from);
  if (isMessage(item)) {
    const { first, below } = messageWords(item, telling);
    const answer = item.kind === "reply" || ("quoted" in item && item.quoted !== undefined) ? "↪ " : "";
    return [`${time} ${who}: ${answer}${first}${tail(item)}`, ...below.map((line) => `${INDENT}${line}`)].join("\n");
  }
  switch (item.kind) {
    case "deleted":
      return `${time} ${who}: (deleted)`;
    case "keychange":
      return `${time} ! ${who}'s safety number changed. Compare it again with /safety.`;
    case "undecryptable":
      return item.reason === "lost"
        ? `${time} ${who}: (a message that was lost)`
        : `${time} ${who}: (a message that did not open; asked for it again)`;
    case "profile":
      return item.direction === "received" && item.name !== undefined
        ? `${time} · ${who} is called ${harmless(item.name)}`
        : undefined;
    case "timer":
      return `${time} · ${who} ${timerWords(item.durationMs)}`;
    case "edit":
    case "reaction":
    case "vote":
    case "delete":
      return undefined;
    case "group": {
      const words = changeWords(item.change, nameOf);
      return words === undefined ? undefined : `${time} · ${words}`;
    }
    default:
      return item satisfies never;
  }
}

/** What a message says: in its line, and in lines below it. */
function messageWords(
  item: Message,
  { nameOf, numberOf }: Telling,
): { readonly first: string; readonly below: readonly string[] } {
  switch (item.kind) {
    case "text":
    case "reply": {
      const { text, preview } = item;
      const page = preview === undefined ? [] : [`┆ ${harmless(preview.title)} · ${harmless(preview.url)}`];
      return { first: harmless(text), below: page };
    }
    case "attachments": {
      const { attachments, text, direction } = item;
      const number = numberOf(item);
      const lines = attachments.map((attachment, place) => {
        const which = attachments.length === 1 ? `${number}` : `${number}.${place + 1}`;
        const saving = direction === "received" && number !== undefined ? `  (/save ${which})` : "";
        return `${attachmentWords(attachment)}${saving}`;
      });
      const [only = ""] = lines;
      if (text !== undefined) return { first: harmless(text), below: lines };
      return lines.length === 1 ? { first: only, below: [] } : { first: `${lines.length} files`, below: lines };
    }
    case "location": {
      const { latitude, longitude, accuracyMeters, label } = item;
      const called = label === undefined ? "" : ` (${harmless(label)})`;
      const within = accuracyMeters === undefined ? "" : `, within ${accuracyMeters} m`;
      return { first: `[place] ${latitude}, ${longitude}${within}${called}`, below: [] };
    }
    case "card":
      return {
        first: `[card] ${harmless(item.name)}`,
        below: item.entries.map(({ kind, value }) => `${kind}: ${harmless(value)}`),
      };
    case "poll":
      return { first: questionWords(item), below: optionLines(item, nameOf) };
    case "custom":
    case "unsupported":
      return { first: "(a kind of message this chat cannot show)", below: [] };
    default:
      return item satisfies never;
  }
}

/** What stands behind the words of a message. */
function tail(item: Message): string {
  const edited = "edited" in item && item.edited === "yes" ? " (edited)" : "";
  const timer = item.timerMs === undefined ? "" : ` ⏱ ${spanWords(item.timerMs)}`;
  const reactions = item.reactions.map(({ emoji }) => ` ${harmless(emoji)}`).join("");
  return `${edited}${timer}${reactions}${item.direction === "sent" ? TICKS[item.status] : ""}`;
}
