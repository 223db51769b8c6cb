/** What a client tells the app. */

import type { AccountId, RegisterKind, SottoError } from "@sotto/protocol";
import type { Refused } from "../consent/judge.js";
import type { MessageRequest } from "../consent/requests.js";
import type { DirectConversation } from "../conversations/direct-conversation.js";
import type { Item } from "../conversations/items.js";
import type { Group } from "../groups/group.js";
import type { GroupInvitation } from "../groups/invitations.js";
import type { TransferProgress } from "../history/history.js";
import type { Report, Statement } from "../reports/report.js";

/** Where a client stands. `revoked`: this device is registered no more, and nothing is sent or received. */
export type ClientState = "linking" | "restoring" | "ready" | "offline" | "revoked" | "closed";

/** What devices of an account note for themselves. */
export type NoteKind = RegisterKind;

/** What a client tells. */
export type ClientEvents = {
  /** The state changed; `reason` says why it is not `ready`. */
  state: { readonly state: ClientState; readonly reason: SottoError | undefined };
  /** A new item is durable, in any conversation. For a view of one, iterate its `messages()`. */
  message: { readonly conversation: DirectConversation | Group; readonly item: Item };
  /** Somebody asks to write to this account. For all that wait, iterate `requests()`. */
  request: { readonly request: MessageRequest };
  /** Somebody accepted this account's request, or another device of this account accepted theirs: both may write now. */
  contact: { readonly conversation: DirectConversation };
  /** Something of somebody who may not say it was dropped: more than one text in a request, or against the policy. */
  policy: { readonly accountId: AccountId; readonly what: Refused };
  /** A peer's identity key is another than before: it registered anew, or somebody sits in the middle. */
  keychange: { readonly conversation: DirectConversation };
  /** Somebody asks this account to join a group. For all that wait, iterate `invitations()`. */
  invitation: { readonly invitation: GroupInvitation };
  /** A group is another than before: who is in it, its settings, or where this account stands. */
  group: { readonly group: Group };
  /**
   * The relay shows members of a group different histories of it; `remedy` says what to do. Where this client caught it by
   * itself, nothing more is said there; a member's word alone silences nobody.
   */
  fork: { readonly group: Group; readonly remedy: string };
  /**
   * Something is missing: `missed` envelopes that stayed longer than the relay keeps mail, or that it lost; or, where `group`
   * is given, entries of a group's log that the relay does not show, though a member has read them. `remedy` says what to do.
   */
  gap: { readonly missed: number; readonly group: Group | undefined; readonly remedy: string };
  /** History goes to another device of this account, or comes from one. */
  transfer: TransferProgress;
  /**
   * Another device of this account changed quick replies, labels, or what is noted on a conversation: a draft, pins, labels
   * (`labelled`), who looks after it. `conversation` is absent where it is about none.
   */
  notes: { readonly kind: NoteKind; readonly conversation: DirectConversation | Group | undefined };
  /** A report of this account stands elsewhere than before, or moderators ask for what is missing in it (`report.wanted`). */
  report: { readonly report: Report };
  /** Moderators did something to this account: what, why, and until when it can be appealed against. */
  statement: { readonly statement: Statement };
  /** The devices of this account are others than before: one joined or was revoked. `devices.list()` tells them. */
  devices: Record<never, never>;
  /** A device of this account's could not join because the account has as many as it may have. Revoking one makes room. */
  devicelimit: Record<never, never>;
  /** The relay refused mail for this device because too much waits. */
  mailboxfull: Record<never, never>;
};
