/** What an app renders: the union of timeline items, and the events of a conversation. */

import { type AccountId, type ContentBodyOf, type MessageId, SottoError } from "@sotto/protocol";
import type { Attachment } from "../attachments/attachment.js";
import type { LinkPreview, Mention } from "./annotations.js";
import type { ShownChange } from "./group-change.js";
import type { Location } from "./location.js";
import type { Tally } from "./polls.js";

declare const brand: unique symbol;

/** A place in one conversation's timeline on this device; keep it to resume `messages()` behind it. */
export type Cursor = string & { readonly [brand]: "Cursor" };

/** The cursor of a sequence number. */
export function cursorOf(sequence: number): Cursor {
  return String(sequence) as Cursor;
}

/**
 * The sequence number of a cursor.
 *
 * @throws invalidArgument if the text was not a cursor of ours.
 */
export function sequenceOf(cursor: string): number {
  const sequence = Number(cursor);
  if (!/^\d{1,15}$/.test(cursor) || !Number.isSafeInteger(sequence)) {
    throw new SottoError("invalidArgument", { detail: "`after` is not a cursor of this conversation" });
  }
  return sequence;
}

/** Where an item stands. A peer's: `received`, then `read` here. One's own: `pending`, `accepted`, `delivered`, `read`, or `failed`. */
export type ItemStatus = "received" | "pending" | "accepted" | "delivered" | "read" | "failed";

/** One emoji of one person on a message. */
export interface Reaction {
  readonly from: AccountId;
  readonly emoji: string;
}

/** What a quoted message looks like here: `forged` means that the quote's hash is not that of the message. */
export type QuotedState = "found" | "edited" | "deleted" | "missing" | "forged";

interface Placed {
  readonly cursor: Cursor;
  /**
   * Where it stands in the conversation: compares with `<`. By the relay's time of acceptance, and then the same on every
   * device of both sides; behind all others while it is on its way. What is no message (a changed key, something that did
   * not open) stands where this device met it.
   */
  readonly order: string;
  readonly from: AccountId;
  /** Whether this account wrote it. */
  readonly direction: "sent" | "received";
  /** This device's clock when it was stored here. */
  readonly atMs: number;
}

interface Written extends Placed {
  readonly messageId: MessageId;
  /** The sender's clock. */
  readonly sentAtMs: number;
  readonly status: ItemStatus;
  /** The failure code, if `status` is `failed`. */
  readonly failure?: string | undefined;
}

interface Message extends Written {
  readonly reactions: readonly Reaction[];
  /** How long it is kept once its time runs; `undefined` = for ever. */
  readonly timerMs?: number | undefined;
  /** When it goes, by the relay's clock: once a message of mine was accepted, and anybody else's was read here. */
  readonly expiresMs?: number | undefined;
}

/** The message that another one answers. */
export interface Quoted {
  readonly messageId: MessageId;
  readonly state: QuotedState;
}

interface Words extends Message {
  readonly text: string;
  readonly edited: "no" | "yes";
  /** People whom the words name, in the order of the words; what an edit replaced the words with names nobody. */
  readonly mentions?: readonly Mention[] | undefined;
  /** What the sender saw of a page; gone with an edit. Nothing was fetched for it here, and nothing proves it. */
  readonly preview?: LinkPreview | undefined;
}

/** An item of a timeline. */
export type Item =
  | (Words & { readonly kind: "text" })
  | (Words & { readonly kind: "reply"; readonly quoted: Quoted })
  /** Pictures, voice notes, videos and files. What is said of them is their sender's word until they were downloaded. */
  | (Message & {
      readonly kind: "attachments";
      readonly attachments: readonly Attachment[];
      readonly text?: string | undefined;
      readonly edited: "no" | "yes";
      readonly quoted?: Quoted | undefined;
    })
  | (Message & Location & { readonly kind: "location" })
  /** How somebody is reached; `account` and `userId` are the sender's word. */
  | (Message & ContentBodyOf<"card"> & { readonly kind: "card" })
  /** `tally` counts the votes that came here: one of each voter, the last one. */
  | (Message & ContentBodyOf<"poll"> & { readonly kind: "poll"; readonly tally: Tally })
  | (Message & { readonly kind: "custom"; readonly schema: string; readonly data: Uint8Array })
  | (Message & { readonly kind: "unsupported"; readonly kindNumber: number })
  /** A message that was deleted for everyone; nothing of it is kept. */
  | (Placed & { readonly kind: "deleted"; readonly messageId?: MessageId | undefined })
  /** Someone edited `target`; the target item already shows the new words. */
  | (Written & { readonly kind: "edit"; readonly target: MessageId; readonly text: string })
  | (Written & {
      readonly kind: "reaction";
      readonly target: MessageId;
      readonly emoji: string;
      readonly action: "add" | "remove";
    })
  /** Someone voted in the poll `target`, which counts it already. Choices are places of its options; none takes a vote back. */
  | (Written & { readonly kind: "vote"; readonly target: MessageId; readonly choices: readonly number[] })
  /** Someone deleted `target` for everyone. */
  | (Written & { readonly kind: "delete"; readonly target: MessageId })
  /** Someone set how long messages said here from then on are kept after they were read; `undefined` = for ever. Only in DMs. */
  | (Written & { readonly kind: "timer"; readonly durationMs: number | undefined })
  | (Written & { readonly kind: "profile"; readonly name?: string | undefined })
  /** The peer's safety number changed: they registered anew, or somebody sits in the middle. Compare it again. */
  | (Placed & { readonly kind: "keychange" })
  /** Something happened to the group itself, by the word of its log; `from` wrote the entry. Only in groups. */
  | (Placed & { readonly kind: "group"; readonly change: ShownChange })
  /** A message that did not open. Its sender has been asked to send it again. */
  | (Placed & {
      readonly kind: "undecryptable";
      readonly reason: string;
      /** The item it became; `undefined` if it was nothing to show, or is lost for good. Pending until then. */
      readonly resolved: Promise<Item | undefined>;
    });

/** The events of one conversation. In a group nobody confirms messages or tells of typing: only `changed` comes. */
export type ConversationEvents = {
  /** A message of mine reached a device of the peer, or was read. */
  receipt: { readonly messageId: MessageId; readonly status: "delivered" | "read"; readonly atMs: number };
  /** The peer began or stopped typing. */
  typing: { readonly from: AccountId; readonly typing: "started" | "stopped" };
  /** An item changed in place: edited, deleted, reacted to, resolved, or its status moved on. */
  changed: { readonly cursor: Cursor };
};
