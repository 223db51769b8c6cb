/** What a device shows of a conversation, in a form that can be compared between devices. */

import type { AccountId, MessageId } from "@sotto/protocol";
import type { DirectConversation, Item } from "@sotto/sdk";

/** One message as a device shows it. */
export interface Shown {
  readonly id: MessageId;
  /** All that must agree between devices. */
  readonly face: string;
  readonly direction: "sent" | "received";
  readonly status: string;
  /** Its place in the conversation. */
  readonly order: string;
}

/** A device's whole conversation. */
export interface View {
  /** Texts and what is left of deleted ones, in the conversation's order. Only what the relay accepted. */
  readonly messages: readonly Shown[];
  /** Texts of its own that are still on their way, or were refused. */
  readonly unaccepted: readonly MessageId[];
  /** The ids of everything there is that the relay accepted, changes too. */
  readonly ids: ReadonlySet<MessageId>;
  /** Reasons of items that did not open. */
  readonly closed: readonly string[];
}

/** Places looked at at once. */
const PAGE = 1_000;

/** Reads a device's whole conversation. */
export async function viewOf(conversation: DirectConversation, sides: ReadonlyMap<AccountId, string>): Promise<View> {
  const items = await everything(conversation);
  const messages: Shown[] = [];
  const unaccepted: MessageId[] = [];
  const ids = new Set<MessageId>();
  const closed: string[] = [];
  for (const item of items) {
    if (item.kind === "undecryptable") closed.push(item.reason);
    const id = "messageId" in item ? item.messageId : undefined;
    if (id === undefined) continue;
    const isOnItsWay = "status" in item && (item.status === "pending" || item.status === "failed");
    if (!isOnItsWay) ids.add(id);
    const { direction, order } = item;
    if (item.kind === "deleted") messages.push({ id, face: "deleted", direction, status: "deleted", order });
    if (item.kind !== "text") continue;
    if (isOnItsWay) unaccepted.push(id);
    else messages.push({ id, face: faceOf(item, sides), direction, status: item.status, order });
  }
  return { messages, unaccepted, ids, closed };
}

function faceOf(item: Extract<Item, { kind: "text" }>, sides: ReadonlyMap<AccountId, string>): string {
  const reactions = item.reactions.map(({ from, emoji }) => `${sides.get(from) ?? "somebody"}:${emoji}`).sort();
  // The words behind the number say nothing; an edit has a number of its own.
  return `${item.edited === "yes" ? "edited to " : ""}${item.text.split(" ")[0]} ${reactions.join(" ")}`.trim();
}

async function everything(conversation: DirectConversation): Promise<readonly Item[]> {
  let items: readonly Item[] = await conversation.latest(PAGE);
  for (let page = items; page[0] !== undefined; ) {
    page = await conversation.latest(PAGE, { before: page[0].order });
    items = [...page, ...items];
  }
  return items;
}
