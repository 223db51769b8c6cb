/** What people do in a conversation: write, change what they wrote, react, read. */

import type { MessageId } from "@sotto/protocol";
import type { DirectConversation, Item, SentMessage } from "@sotto/sdk";
import type { ChaosDevice } from "./chaos-device.js";
import { type ChaosEvent, changeKinds } from "./events.js";
import type { Ledger, Saying } from "./ledger.js";

/** The last items somebody looks at to change one of them. */
const IN_SIGHT = 40;
/** Messages read at once. */
const READ_AT_ONCE = 8;
const emojis = ["👍", "🎉", "👀"] as const;

/** An event that changes a message. */
export type Change = Extract<ChaosEvent, { kind: (typeof changeKinds)[number] }>;

/** Whether an event changes a message. */
export function isChange(event: ChaosEvent): event is Change {
  return (changeKinds as readonly string[]).includes(event.kind);
}

/** Something was said; `settled` resolves when it is known what became of it. */
export interface Said {
  readonly settled: Promise<void>;
}

/** Says a text, if the device is on. */
export function say(
  ledger: Ledger,
  device: ChaosDevice,
  { at, words }: { readonly at: number; readonly words: number },
): Said | undefined {
  const { on } = device;
  if (on === undefined) return undefined;
  const text = [`#${ledger.next}`, ...Array.from({ length: words }, () => "word")].join(" ");
  return note(ledger, device, on.conversation.send({ text }), { kind: "text", target: undefined, at });
}

/** Changes one of the last messages, if there is one fit for it. */
export async function change(
  ledger: Ledger,
  device: ChaosDevice,
  { at, event }: { readonly at: number; readonly event: Change },
): Promise<Said | undefined> {
  const { on } = device;
  if (on === undefined) return undefined;
  const { conversation } = on;
  const texts = (await conversation.latest(IN_SIGHT)).filter(isText);
  const pick = (fits: (item: Text) => boolean) => {
    const fit = texts.filter(fits);
    return fit[Math.floor(event.chance * fit.length)];
  };
  if (event.kind === "read") {
    const unread = texts.filter(({ direction, status }) => direction === "received" && status === "received");
    const ids = unread.slice(-READ_AT_ONCE).map(({ messageId }) => messageId);
    if (ids.length === 0) return undefined;
    await conversation.markRead(ids);
    for (const id of ids) device.biography.reads.push({ id, at });
    return undefined;
  }
  const { kind } = event;
  const emoji = emojis[Math.floor(event.chance * 97) % emojis.length] ?? emojis[0];
  const mine = (item: Text) => item.direction === "sent" && item.status !== "failed";
  const target = pick(kind === "edit" || kind === "delete" ? mine : () => true)?.messageId;
  if (target === undefined) return undefined;
  const handle = handleOf(conversation, { kind, target, emoji, number: ledger.next });
  return note(ledger, device, handle, { kind, target, at });
}

interface Changing {
  readonly kind: Exclude<Change["kind"], "read">;
  readonly target: MessageId;
  readonly emoji: string;
  readonly number: number;
}

function handleOf(conversation: DirectConversation, { kind, target, emoji, number }: Changing): SentMessage {
  switch (kind) {
    case "edit":
      return conversation.edit(target, { text: `#${number} edited` });
    case "delete":
      return conversation.delete(target);
    case "react":
      return conversation.react(target, emoji);
    case "unreact":
      return conversation.unreact(target, emoji);
    default:
      return kind satisfies never;
  }
}

function note(
  ledger: Ledger,
  device: ChaosDevice,
  handle: SentMessage,
  saying: Pick<Saying, "kind" | "target" | "at">,
): Said {
  const { name: author, side } = device.biography;
  const settled = new Promise<void>((resolve) => {
    ledger.said(handle, { ...saying, author, side }, resolve);
  });
  return { settled };
}

type Text = Extract<Item, { kind: "text" }>;

function isText(item: Item): item is Text {
  return item.kind === "text";
}
