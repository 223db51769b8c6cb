/** What each kind of content is in a conversation. Every rule that is about several kinds asks this table. */

import type { Content, KnownContent, MessageId } from "@sotto/protocol";

/**
 * `words`: a message whose words can be edited. `message`: any other one. `word`: something said about a message. `notice`:
 * an item that nothing is said about. `statement`: no item, but remembered. `passing`: no item at all.
 */
type Role = "words" | "message" | "word" | "notice" | "statement" | "passing";

/** Where a kind may be said: `within`: in no conversation, but inside another payload. */
type Place = "anywhere" | "betweenTwo" | "inGroups" | "within";

const roles = {
  text: ["words", "anywhere"],
  reply: ["words", "anywhere"],
  attachments: ["words", "anywhere"],
  annotated: ["words", "anywhere"],
  custom: ["message", "anywhere"],
  unsupported: ["message", "anywhere"],
  location: ["message", "anywhere"],
  card: ["message", "anywhere"],
  poll: ["message", "anywhere"],
  edit: ["word", "anywhere"],
  delete: ["word", "anywhere"],
  reaction: ["word", "anywhere"],
  vote: ["word", "anywhere"],
  profile: ["notice", "betweenTwo"],
  timer: ["notice", "betweenTwo"],
  receipt: ["passing", "betweenTwo"],
  typing: ["passing", "betweenTwo"],
  invitation: ["statement", "within"],
  groupProfile: ["statement", "inGroups"],
} as const satisfies Record<Content["kind"], readonly [Role, Place]>;

type Kind = Content["kind"];

/** A content of one kind. */
export type Of<K extends KnownContent["kind"]> = Extract<KnownContent, { kind: K }>;

/** A content about a message: it is nothing without it, and waits for one that is not here. */
export type AboutMessage = Extract<KnownContent, { readonly target: MessageId }>;

/** Whether a content is about a message. */
export function isAboutMessage(content: Content): content is AboutMessage {
  return roles[content.kind][0] === "word";
}

/** Whether a kind is a message whose words an edit may replace. */
export function hasWords(kind: Kind): boolean {
  return roles[kind][0] === "words";
}

/** Whether a kind is a message: it can be answered, reacted to and deleted. */
export function isMessage(kind: Kind): boolean {
  return hasWords(kind) || roles[kind][0] === "message";
}

/** Whether a kind is never kept as an item. */
export function isPassing(kind: Kind): boolean {
  return roles[kind][0] === "passing";
}

/** Whether a kind may be said in a group: confirmations, names and timers are between two. */
export function isForGroups(kind: Kind): boolean {
  return roles[kind][1] === "anywhere" || roles[kind][1] === "inGroups";
}

/** Whether a kind may be said between two: how a group looks, and invitations into one, are no part of a conversation. */
export function isForTwo(kind: Kind): boolean {
  return roles[kind][1] === "anywhere" || roles[kind][1] === "betweenTwo";
}
