/**
 * Whether what a decrypted envelope says may be said by who sent it: contents name their sender and conversation, what came
 * under a sender key is said in that key's group, and only devices of this account speak about its own affairs. What comes
 * out is decoded whole; nothing behind this parses again.
 */

import {
  type AccountId,
  type ArchiveEntry,
  type Content,
  type ConversationId,
  decodeContent,
  decodeGroupBody,
  decodeOwnBody,
  decodeRegisters,
  directConversationId,
  type GroupBody,
  type GroupStanding,
  type OwnBody,
  ownPayloadTypes,
  type Payload,
  type Register,
} from "@sotto/protocol";
import { isForGroups, isForTwo } from "../conversations/kind-roles.js";
import type { MeantFor } from "../franking/checking.js";
import type { Genuine, Wording } from "../franking/genuine.js";
import type { Address } from "../ports.js";

/** A content with the bytes it was decoded from. Whether it may be shown is not said yet. */
export type OpenedContent = Wording;

type OfType<Type extends Payload["type"]> = Extract<Payload, { readonly type: Type }>;
/** What SDKs say to each other, whoever they belong to. */
export type Word = Extract<Payload, { readonly type: "retry" | "unavailable" | "nothing" | "missed" }>;

/** What came may answer a send that did not open. */
interface Answering {
  readonly resendOf: Uint8Array | undefined;
}

/** What another account says between the two of us; `Words` are what may be shown of it once that was checked. */
export type PeerSaid<Words = Genuine> =
  | { readonly type: "content"; readonly payload: OfType<"content">; readonly opened: Words }
  | { readonly type: "contact"; readonly payload: OfType<"contact"> }
  | {
      readonly type: "invitation";
      readonly payload: OfType<"invitation">;
      readonly body: GroupBody<"invitation">;
      readonly opened: Words;
    }
  | { readonly type: "word"; readonly payload: Word };

/** What another account says as a member of a group. Its words are checked once the log was read so far. */
export type MemberSaid = { readonly group: GroupStanding } & (
  | {
      readonly type: "content";
      readonly payload: OfType<"content">;
      readonly opened: OpenedContent;
      readonly meantFor: MeantFor;
    }
  | { readonly type: "groupChange" }
  | ({ readonly type: "senderKey"; readonly body: GroupBody<"senderKey"> } & Answering)
  | { readonly type: "word"; readonly payload: Exclude<Word, { readonly type: "missed" }> }
);

/** What another device of this account says. */
export type OwnSaid =
  | { readonly type: "sent"; readonly payload: OfType<"sent">; readonly opened: OpenedContent }
  | ({ readonly type: "state"; readonly body: OwnBody<"state"> } & Answering)
  | ({ readonly type: "groups"; readonly body: GroupBody<"groups"> } & Answering)
  | ({ readonly type: "registers"; readonly registers: readonly Register[] } & Answering)
  /** Checked, and handed on as it came: a part of a history is large. */
  | ({ readonly type: "archive" | "archived"; readonly encoded: Uint8Array } & Answering)
  | { readonly type: "word"; readonly payload: Word };

/** What an envelope says, by where it came from. */
export type Said<Words = Genuine> =
  | ({ readonly from: "peer" } & PeerSaid<Words>)
  | ({ readonly from: "member" } & MemberSaid)
  | ({ readonly from: "own" } & OwnSaid);

/** How a payload came: through a session between two devices, or under a sender key that was handed out for a group. */
export type Channel = { readonly kind: "session" } | { readonly kind: "senderKey"; readonly group: ConversationId };

/**
 * Reads a payload as something this sender may say on this channel; `undefined` if it may not.
 *
 * @throws badFrame if a content or a body does not parse.
 */
export function said(
  payload: Payload,
  sender: Address,
  me: AccountId,
  channel: Channel,
): Said<OpenedContent> | undefined {
  if (sender.account !== me) {
    const member = memberSaid(payload, sender, channel);
    if (member !== undefined) return { from: "member", ...member };
    const peer = channel.kind === "session" ? peerSaid(payload, sender, me) : undefined;
    return peer === undefined ? undefined : { from: "peer", ...peer };
  }
  // Own devices are told in sessions what this account says in a group.
  if (channel.kind !== "session") return undefined;
  const own = ownSaid(payload, sender);
  return own === undefined ? undefined : { from: "own", ...own };
}

/** What is said in a group; `undefined` for what is not, or is not fit for it. */
function memberSaid(payload: Payload, sender: Address, channel: Channel): MemberSaid | undefined {
  const group = "group" in payload ? payload.group : undefined;
  if (group === undefined || (channel.kind === "senderKey" && channel.group !== group.id)) return undefined;
  switch (payload.type) {
    case "content": {
      const opened = read(payload.content);
      // A profile key is for contacts, and no member is one by being a member.
      const isPlain = payload.profileKey === undefined && payload.userId === undefined;
      // What its sender had read is asked of the payload; a content that claims more would outlive its author's removal.
      const { revision = Number.POSITIVE_INFINITY } = opened.content;
      const isRead = revision <= group.revision;
      const isFit = isPlain && isRead && isBy(opened.content, sender, group.id) && isForGroups(opened.content.kind);
      // What goes to one member goes in a session, and is meant for that one.
      const meantFor = channel.kind === "senderKey" ? "group" : "account";
      return isFit ? { type: "content", group, payload, opened, meantFor } : undefined;
    }
    case "groupChange":
      return { type: "groupChange", group };
    case "senderKey":
      // A key that came under another would outlive the session that vouches for it.
      if (channel.kind !== "session") return undefined;
      return { type: "senderKey", group, body: decodeGroupBody("senderKey", payload.body), resendOf: payload.resendOf };
    case "retry":
    case "unavailable":
    case "nothing":
      return channel.kind === "session" ? { type: "word", group, payload } : undefined;
    default:
      return undefined;
  }
}

function peerSaid(payload: Payload, sender: Address, me: AccountId): PeerSaid<OpenedContent> | undefined {
  if (ownPayloadTypes.has(payload.type)) return undefined;
  if (payload.type !== "invitation" && "group" in payload && payload.group !== undefined) return undefined;
  switch (payload.type) {
    case "content": {
      const opened = read(payload.content);
      const isFit = isBy(opened.content, sender, directConversationId(me, sender.account));
      return isFit && isForTwo(opened.content.kind) ? { type: "content", payload, opened } : undefined;
    }
    case "contact":
      return { type: "contact", payload };
    case "invitation": {
      const body = decodeGroupBody("invitation", payload.body);
      const opened = read(body.content);
      const { content } = opened;
      const isFit = isBy(content, sender, directConversationId(me, sender.account));
      const isAboutIt = content.kind === "invitation" && content.group === payload.group.id;
      return isFit && isAboutIt ? { type: "invitation", payload, body, opened } : undefined;
    }
    case "retry":
    case "unavailable":
    case "nothing":
    case "missed":
      return { type: "word", payload };
    default:
      return undefined;
  }
}

function ownSaid(payload: Payload, sender: Address): OwnSaid | undefined {
  switch (payload.type) {
    case "sent": {
      const { peer, group } = payload;
      if (peer === sender.account) return undefined;
      const conversation = peer === undefined ? group?.id : directConversationId(sender.account, peer);
      const opened = read(payload.content);
      return conversation !== undefined && isBy(opened.content, sender, conversation)
        ? { type: "sent", payload, opened }
        : undefined;
    }
    case "state":
      return { type: "state", resendOf: payload.resendOf, body: decodeOwnBody("state", payload.body) };
    case "groups":
      return { type: "groups", resendOf: payload.resendOf, body: decodeGroupBody("groups", payload.body) };
    case "registers":
      return { type: "registers", resendOf: payload.resendOf, registers: decodeRegisters(payload.body) };
    case "archive": {
      const { entries } = decodeOwnBody("archive", payload.body);
      return entries.every((entry) => isFitEntry(entry, sender.account))
        ? { type: "archive", resendOf: payload.resendOf, encoded: payload.body }
        : undefined;
    }
    case "archived":
      decodeOwnBody("archived", payload.body);
      return { type: "archived", resendOf: payload.resendOf, encoded: payload.body };
    case "retry":
    case "unavailable":
    case "nothing":
    case "missed":
      return { type: "word", payload };
    case "content":
    case "contact":
    case "invitation":
    case "senderKey":
    case "groupChange":
      // Nobody writes to itself: what own devices are told of a conversation says with whom it is.
      return undefined;
    default:
      return payload satisfies never;
  }
}

function read(encoded: Uint8Array): OpenedContent {
  return { content: decodeContent(encoded), encoded };
}

function isBy(content: Content, { account, device }: Address, conversation: Content["conversation"]): boolean {
  return content.sender === account && content.device === device && content.conversation === conversation;
}

/** An entry of a conversation between this account and another, by one of the two, under the name its content gives it. */
function isFitEntry(entry: ArchiveEntry, me: AccountId): boolean {
  const { peer, from, messageId, counter, content, edit, deletedMs } = entry;
  if (peer === me || (from !== me && from !== peer)) return false;
  if (content.length === 0) return deletedMs !== undefined && edit === undefined;
  const conversation = directConversationId(me, peer);
  const original = decodeContent(content);
  const isOriginal =
    original.sender === from &&
    original.conversation === conversation &&
    original.messageId === messageId &&
    original.counter === counter;
  if (!isOriginal) return false;
  if (edit === undefined) return true;
  const revision = decodeContent(edit);
  return (
    revision.kind === "edit" &&
    revision.sender === from &&
    revision.conversation === conversation &&
    revision.target === messageId
  );
}
