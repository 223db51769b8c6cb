/** What the parts tell the client, which tells the app. */

import type { AccountId, ConversationId, RegisterKind, SottoError } from "@sotto/protocol";
import type { Refused } from "../consent/judge.js";
import type { Thread } from "../conversations/conversations.js";
import type { TransferProgress } from "../history/history.js";
import type { LinkState } from "../link/relay-link.js";
import type { Row } from "../rows.js";

/** Called by the parts. Functions of their own: none needs a `this`, and none throws. */
export interface ClientHooks {
  /** A new item is durable. */
  readonly arrived: (thread: Thread, sequence: number) => void;
  /** A peer's identity changed. */
  readonly keyChanged: (account: AccountId) => void;
  /** Somebody asks this account to join a group, and it is durable. */
  readonly invited: (group: ConversationId) => void;
  /** A group's state is another. */
  readonly groupChanged: (group: ConversationId) => void;
  /** The relay shows two histories of a group. */
  readonly forked: (group: ConversationId) => void;
  /** A member has read further in a group's log than the relay shows, by so many entries. */
  readonly logGap: (group: ConversationId, missed: number) => void;
  /** Another device of this account changed a note, of a conversation if it names one. */
  readonly noted: (kind: RegisterKind, conversation: string) => void;
  /** Cursors were skipped. */
  readonly gap: (missed: number) => void;
  /** History came or went. */
  readonly transfer: (progress: TransferProgress) => void;
  /** State may have been lost and is repaired before anything is sent. */
  readonly restoring: () => void;
  /** Mail for this device was refused. */
  readonly mailboxFull: () => void;
  /** Somebody asks, and it is durable. */
  readonly asked: (account: AccountId) => void;
  /** Somebody is a contact now, by their word or that of another device of this account. */
  readonly contact: (account: AccountId) => void;
  /** Requests came or went. */
  readonly requestsChanged: () => void;
  /** Something of somebody who may not say it was dropped. */
  readonly refused: (account: AccountId, what: Refused) => void;
  /** A report stands elsewhere than before, or the desk asks for more. */
  readonly reportChanged: (report: Row<"report">) => void;
  /** Moderators did something to this account. */
  readonly stated: (statement: Row<"statement">) => void;
  /** The account's devices are others than before. */
  readonly devicesChanged: () => void;
  /** A device was refused because there are too many. */
  readonly deviceLimit: () => void;
  /** The device's connection changed. */
  readonly linkChanged: (state: LinkState, reason: SottoError | undefined) => void;
  /** A part failed in a way after which memory and disk may differ: the client must end. */
  readonly failed: (error: unknown) => void;
}
