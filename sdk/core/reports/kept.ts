/** What can be shown to a desk: contents whose evidence is kept here, found by what an app calls them. */

import {
  type AccountId,
  accountIdFromBytes,
  type CommittedContent,
  type Content,
  type ConversationId,
  committedForm,
  type DeviceId,
  decodeCommitted,
  type MessageId,
  parseMessageId,
  SottoError,
} from "@sotto/protocol";
import type { Cursor, Item } from "../conversations/items.js";
import { readStored } from "../conversations/stored-content.js";
import type { KeptEvidence } from "../franking/evidence.js";

/** A content that can be shown to a desk. */
export interface Reportable {
  readonly messageId: MessageId;
  readonly from: AccountId;
  readonly deviceId: DeviceId;
  readonly conversation: ConversationId;
  /** What others said can be reported; what this account said can go with it as context. */
  readonly direction: "sent" | "received";
  /** The relay's clock when it took it. */
  readonly acceptedMs: number;
  /** What a desk would read. Of attachments all but what opens them. */
  readonly said: CommittedContent;
  /** Until then, by the relay's clock; what has a timer goes a day after its end. */
  readonly untilMs: number;
}

/** What an app calls a message: its id, its cursor, its item, or an entry of `reportable()`. */
export type MessageRef =
  | MessageId
  | Cursor
  | Item
  | { readonly messageId: MessageId; readonly from?: AccountId | undefined };

/** A message by its name, and by who said it where that is known: in a DM both sides may have given one id. */
export interface MessageName {
  readonly messageId: MessageId;
  readonly from: AccountId | undefined;
}

/** A kept content that was read. */
export interface KeptContent extends KeptEvidence {
  readonly said: Content;
}

/** Reads the content of what is kept. @throws storeCorrupt if it is none. */
export function keptContent(kept: KeptEvidence): KeptContent {
  return { ...kept, said: readStored(kept.content) };
}

/** What tells one content of a conversation from another. */
export function keptName({ said }: KeptContent): string {
  return `${said.sender}/${said.messageId}`;
}

/** The order of a conversation: by the relay's time, then by the sender's counter, then by id. */
export function byAcceptance(one: KeptContent, other: KeptContent): number {
  const byTime = one.acceptedMs - other.acceptedMs;
  if (byTime !== 0) return byTime;
  if (one.said.counter !== other.said.counter) return one.said.counter - other.said.counter;
  return one.said.messageId < other.said.messageId ? -1 : 1;
}

/** What an app is shown of a kept content. */
export function reportableOf({ content, said, acceptedMs, untilMs }: KeptContent, me: AccountId): Reportable {
  return {
    messageId: said.messageId,
    from: said.sender,
    deviceId: said.device,
    conversation: said.conversation,
    direction: said.sender === me ? "sent" : "received",
    acceptedMs,
    said: decodeCommitted(committedForm(content)),
    untilMs,
  };
}

/** The kept content that a name means: where it does not say whose, what somebody else said goes first. */
export function findKept(
  kept: readonly KeptContent[],
  { messageId, from }: MessageName,
  me: AccountId,
): KeptContent | undefined {
  const named = kept.filter(({ said }) => said.messageId === messageId && (from === undefined || said.sender === from));
  return named.find(({ said }) => said.sender !== me) ?? named[0];
}

/**
 * What an app means, unless it is a cursor, which only a timeline can tell; `undefined` for an item that is no message.
 *
 * @throws invalidArgument for what is no name of a message.
 */
export function nameOf(ref: Exclude<MessageRef, Cursor>): MessageName | undefined {
  if (typeof ref === "string") return { messageId: parseMessageId(ref), from: undefined };
  if (typeof ref !== "object" || ref === null) {
    throw new SottoError("invalidArgument", { detail: "messages are named by id, cursor or item" });
  }
  const { messageId, from } = ref as Partial<MessageName>;
  return messageId === undefined ? undefined : { messageId: parseMessageId(messageId), from };
}

/** Whether this account got it, as what is reported has to be: the stamp and the roster name it. */
export function isReceivedBy(me: AccountId, { evidence: { head } }: KeptEvidence): boolean {
  return head.account !== me && head.recipient === me && accountIdFromBytes(head.stampedFor) === me;
}
