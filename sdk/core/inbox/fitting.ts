/**
 * Whether what a decrypted envelope says may be said by who sent it: contents name their sender and conversation, and only
 * devices of this account speak about its own affairs. What comes out is decoded whole; nothing behind this parses again.
 */

import {
  type AccountId,
  type ArchiveEntry,
  type Content,
  decodeContent,
  decodeOwnBody,
  directConversationId,
  type OwnBody,
  ownPayloadTypes,
  type Payload,
} from "@sotto/protocol";
import type { Address } from "../ports.js";

/** A content with the bytes it was decoded from. */
export interface OpenedContent {
  readonly content: Content;
  readonly encoded: Uint8Array;
}

type OfType<Type extends Payload["type"]> = Extract<Payload, { readonly type: Type }>;
/** What SDKs say to each other, whoever they belong to. */
export type Word = Extract<Payload, { readonly type: "retry" | "unavailable" | "nothing" | "missed" }>;

/** What came may answer a send that did not open. */
interface Answering {
  readonly resendOf: Uint8Array | undefined;
}

/** What another account says. */
export type PeerSaid =
  | { readonly type: "content"; readonly payload: OfType<"content">; readonly opened: OpenedContent }
  | { readonly type: "contact"; readonly payload: OfType<"contact"> }
  | { readonly type: "word"; readonly payload: Word };

/** What another device of this account says. */
export type OwnSaid =
  | { readonly type: "sent"; readonly payload: OfType<"sent">; readonly opened: OpenedContent }
  | ({ readonly type: "state"; readonly body: OwnBody<"state"> } & Answering)
  /** Checked, and handed on as it came: a part of a history is large. */
  | ({ readonly type: "archive" | "archived"; readonly encoded: Uint8Array } & Answering)
  | { readonly type: "word"; readonly payload: Word };

/** What an envelope says, by where it came from. */
export type Said = ({ readonly from: "peer" } & PeerSaid) | ({ readonly from: "own" } & OwnSaid);

/**
 * Reads a payload as something this sender may say; `undefined` if it may not.
 *
 * @throws badFrame if a content or a body does not parse.
 */
export function said(payload: Payload, sender: Address, me: AccountId): Said | undefined {
  if (sender.account !== me) {
    const peer = peerSaid(payload, sender, me);
    return peer === undefined ? undefined : { from: "peer", ...peer };
  }
  const own = ownSaid(payload, sender);
  return own === undefined ? undefined : { from: "own", ...own };
}

function peerSaid(payload: Payload, sender: Address, me: AccountId): PeerSaid | undefined {
  if (ownPayloadTypes.has(payload.type)) return undefined;
  switch (payload.type) {
    case "content": {
      const opened = read(payload.content);
      return isBy(opened.content, sender, directConversationId(me, sender.account))
        ? { type: "content", payload, opened }
        : undefined;
    }
    case "contact":
      return { type: "contact", payload };
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
      if (payload.peer === sender.account) return undefined;
      const opened = read(payload.content);
      return isBy(opened.content, sender, directConversationId(sender.account, payload.peer))
        ? { type: "sent", payload, opened }
        : undefined;
    }
    case "state":
      return { type: "state", resendOf: payload.resendOf, body: decodeOwnBody("state", payload.body) };
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
