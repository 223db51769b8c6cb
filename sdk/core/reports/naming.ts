/** From what an app calls conversations and messages to their names in what is kept. */

import { type ConversationId, type MessageId, parseConversationId, SottoError } from "@sotto/protocol";
import type { Conversations } from "../conversations/conversations.js";
import { type Cursor, sequenceOf } from "../conversations/items.js";
import { readStored } from "../conversations/stored-content.js";
import { type MessageName, type MessageRef, nameOf } from "./kept.js";
import { NotReportableError } from "./refusals.js";

/** Where something was said: a conversation, a group, a request, or the id of one. */
export type Where = ConversationId | { readonly id: ConversationId } | { readonly conversation: ConversationId };

/** The conversation that an app means. @throws invalidArgument. */
export function conversationOf(where: Where): ConversationId {
  if (typeof where === "string") return parseConversationId(where);
  const id = "id" in where ? where.id : where.conversation;
  if (typeof id !== "string") throw new SottoError("invalidArgument", { detail: "this is no conversation" });
  return parseConversationId(id);
}

/**
 * The names of messages of one conversation.
 *
 * @throws NotReportableError for what is no message; invalidArgument for what is no name.
 */
export async function namesIn(
  conversations: Pick<Conversations, "peerIn" | "of" | "group">,
  conversation: ConversationId,
  refs: readonly MessageRef[],
): Promise<readonly MessageName[]> {
  const named = await Promise.all(
    refs.map(async (ref) => ({
      ref,
      name: isCursor(ref) ? await nameAt(conversations, conversation, ref) : nameOf(ref as Exclude<MessageRef, Cursor>),
    })),
  );
  const missing = named.filter(({ name }) => name === undefined).map(({ ref }) => labelOf(ref));
  if (missing.length > 0) throw new NotReportableError(missing);
  return named.flatMap(({ name }) => name ?? []);
}

/** Cursors are short numbers, message ids long hex digits. */
function isCursor(ref: MessageRef): ref is Cursor {
  return typeof ref === "string" && /^\d{1,15}$/.test(ref);
}

async function nameAt(
  conversations: Pick<Conversations, "peerIn" | "of" | "group">,
  conversation: ConversationId,
  cursor: Cursor,
): Promise<MessageName | undefined> {
  const peer = await conversations.peerIn(conversation);
  const { timeline } = peer === undefined ? await conversations.group(conversation) : await conversations.of(peer);
  const row = await timeline.row(sequenceOf(cursor));
  if (row?.shape !== "content") return undefined;
  if (row.deletedMs !== undefined) return row.messageId && { messageId: row.messageId, from: row.from };
  const { messageId, sender: from } = readStored(row.content);
  return { messageId, from };
}

function labelOf(ref: MessageRef): MessageId | string {
  if (typeof ref === "string") return ref;
  return "cursor" in ref ? ref.cursor : "";
}
