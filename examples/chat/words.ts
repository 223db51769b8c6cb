/** What the chat says: plain words for people, and nothing from the other side that could steer a terminal. */

import type { Item, ItemStatus } from "@sotto/sdk/node";

/** The commands, as `/help` shows them. */
export const HELP = [
  "Type a line and press Enter to send it. Commands:",
  "  /reply TEXT    answer the last message you received",
  "  /edit TEXT     change the last message you sent",
  "  /delete        take the last message you sent back, for both of you",
  "  /react EMOJI   react to the last message you received",
  "  /safety        show the safety number; compare it over another channel",
  "  /verify        mark the safety number as compared",
  "  /trust         go on after the other side's safety number changed",
  "  /retry         send what was given up once more",
  "  /name NAME     set the name others may show for you",
  "  /accept        let whoever asked write to you; /decline says no without telling them",
  "  /block         refuse whoever asked, or the one you talk with; /unblock undoes it",
  "  /policy WHO    who may ask: everyone, grant (the host vouches), contacts, nobody",
  "  /link          show a code that links a new device, with your history (/link nohistory: without)",
  "  /devices       list your devices; /revoke NUMBER removes one, /rename NAME names this one",
  "  /state         show how this client is doing",
  "  /quit          leave (Ctrl-C works too); what was not sent yet goes next time",
] as const;

const TICKS: Readonly<Record<ItemStatus, string>> = {
  received: "",
  pending: " …",
  accepted: " ✓",
  delivered: " ✓✓",
  read: " ✓✓ read",
  failed: " ✗ not sent (/retry)",
};

/** Text without the characters that move cursors, change colours or reorder what is read. */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => (character === "\u200d" ? character : " "));
}

/** The number in groups of five, as people compare it. */
export function grouped(digits: string): string {
  return digits.match(/.{1,5}/g)?.join(" ") ?? digits;
}

/** One line for an item; `undefined` for what only changes other lines. */
export function lineOf(item: Item, names: { readonly me: string; readonly peer: string }): string | undefined {
  const time = new Date(item.atMs).toTimeString().slice(0, 5);
  const who = item.direction === "sent" ? names.me : names.peer;
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
      return `${time} ! ${names.peer}'s safety number changed. Compare it again with /safety.`;
    case "undecryptable":
      return item.reason === "lost"
        ? line("(a message that was lost)")
        : line("(a message that did not open; asked for it again)");
    case "profile":
      return item.direction === "received" && item.name !== undefined
        ? `${time} · ${names.peer} is called ${harmless(item.name)}`
        : undefined;
    case "edit":
    case "reaction":
    case "delete":
      return undefined;
    default:
      return item satisfies never;
  }
}
