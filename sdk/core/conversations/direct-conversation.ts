/** A conversation between two accounts, as an app works with it. */

import type { AccountId, AccountRole, MessageId, Relation } from "@sotto/protocol";
import type { Consent } from "../consent/consent.js";
import { durationOf } from "../disappearing/timer-setting.js";
import type { SentMessage } from "../outbox/sent-message.js";
import type { Log } from "../ports.js";
import type { Notes } from "../registers/notes.js";
import type { SafetyNumber, Trust } from "../trust/trust.js";
import type { Confirmations } from "./confirmations.js";
import { type BaseParts, Conversation } from "./conversation.js";
import type { ConversationState } from "./conversations.js";
import type { Outgoing } from "./outgoing.js";
import { markable } from "./receipt-rules.js";
import type { Sender } from "./sender.js";
import type { Typing } from "./typing.js";

/** Who the conversation is with, as far as is known. */
export interface Peer {
  readonly accountId: AccountId;
  /** The host's name for the user, where it was used to open the conversation. */
  readonly userId: string | undefined;
  /** The name the peer gave itself. Not verified by anybody. */
  readonly name: string | undefined;
  /** `bot`: the host says that no person sits there. The relay's certificate of each of its messages says it; it cannot leave it out. */
  readonly accountRole: AccountRole;
  /** `changed`: was verified, and another key came since; sending waits for `trustIdentity()`. */
  readonly verification: "unverified" | "verified" | "changed";
  /** How this account stands to it: `sent` and `received` are requests that wait for an answer. */
  readonly relation: Relation;
}

/** What a conversation works with. */
export interface ConversationParts {
  readonly state: ConversationState;
  readonly sender: Sender;
  readonly confirmations: Pick<Confirmations, "read">;
  readonly typing: Typing;
  readonly trust: Trust;
  readonly consent: Pick<Consent, "requestContact" | "block" | "unblock">;
  readonly notes: Notes;
  readonly reports: BaseParts["reports"];
  readonly log: Log;
  peer(): Promise<Peer>;
}

/** One direct conversation. There is exactly one object for each peer and client. */
export class DirectConversation extends Conversation<SentMessage> {
  private readonly parts: ConversationParts;

  constructor(parts: ConversationParts) {
    super({ ...parts, thread: parts.state });
    this.parts = parts;
  }

  /** Whom it is with. */
  peer(): Promise<Peer> {
    return this.parts.peer();
  }

  /**
   * Sends a message; the handle is there at once and says what becomes of it.
   *
   * The message is on disk before anything leaves, and goes exactly once and in order, over crashes and disconnections.
   *
   * To somebody who is no contact yet, the first text is a request: `accepted` of the next message rejects with
   * requestPending until it is accepted, and anything but plain text with textOnly. Writing to somebody who asked accepts.
   *
   * @throws invalidArgument, tooLarge for what no message can say. `accepted` rejects with outboxFull, notAllowed,
   *   requestPending, textOnly, identityChanged, expired, cancelled; with invalidArgument towards somebody blocked; with badCredentials
   *   once this device was revoked.
   */
  override send(message: Outgoing): SentMessage {
    return super.send(message);
  }

  /**
   * Asks for contact without words. Resolves when it is durable; nothing happens if it was asked before, and if they asked,
   * it accepts.
   *
   * @throws invalidArgument towards somebody blocked.
   */
  requestContact(): Promise<void> {
    return this.parts.consent.requestContact(this.parts.state.peer);
  }

  /**
   * Blocks the peer: nothing of it is shown any more, the relay refuses it without telling it, and the key it held is
   * replaced for everybody else. Resolves when that is durable here; the relay follows at once, or when it is reached.
   *
   * @throws invalidArgument beyond the number of accounts that can be blocked.
   */
  block(): Promise<void> {
    return this.parts.consent.block(this.parts.state.peer);
  }

  /** Takes a block back. The peer is a stranger then, and may ask again. */
  unblock(): Promise<void> {
    return this.parts.consent.unblock(this.parts.state.peer);
  }

  /** Tells the peer that I began or stopped typing. Best effort, never stored; at most one every few seconds leaves. */
  typing(typing: "started" | "stopped"): void {
    this.parts.typing.send(this.parts.state, typing);
  }

  /**
   * Sets how long messages that either side says from now on are kept after they were read; `undefined` = for ever. Of two
   * words on it the last one counts, whoever said it. Messages that were said before keep what was set then.
   *
   * The time of a message of mine begins when the relay accepted it, that of one of theirs when one of my devices marked it as read.
   * At its end it is gone from all my devices, with edits, reactions and votes, and its quotes show `missing`. Whether the other
   * side does the same is up to its client: a modified one may keep what it was sent, as anybody may who looks at a screen.
   *
   * @throws invalidArgument for what is no whole number of milliseconds up to a year. `accepted` rejects as a message's does, and
   *   with textOnly towards somebody who is no contact yet.
   */
  setTimer(durationMs: number | undefined): SentMessage {
    const { state, sender } = this.parts;
    const saying = { kind: "timer", durationMs: durationOf(durationMs) } as const;
    return sender.say(state, async () => saying);
  }

  /** How long messages said here from now on are kept after they were read; `undefined` = for ever. */
  timerMs(): Promise<number | undefined> {
    return this.parts.state.reader.timerMs();
  }

  /**
   * Tells the peer that I read these messages, once each. Call it when they were really shown: the time of those with a timer runs
   * from then on, on all devices of this account.
   */
  async markRead(messages: readonly MessageId[]): Promise<void> {
    const read = markable(messages);
    if (read.length > 0) await this.parts.confirmations.read(this.parts.state, read);
  }

  /**
   * The number both sides compare over another channel, as 60 digits and as bytes for a QR code; `undefined` before the
   * first contact.
   */
  safetyNumber(): Promise<SafetyNumber | undefined> {
    return this.parts.trust.safetyNumber(this.parts.state.peer);
  }

  /** Whether scanned bytes are this conversation's safety number as the peer shows it. Does not mark it verified. */
  matchesScanned(scanned: Uint8Array): Promise<boolean> {
    return this.parts.trust.matchesScanned(this.parts.state.peer, scanned);
  }

  /**
   * Marks the safety number as compared: a later change stops sending until `trustIdentity()`.
   *
   * Pass the digits that were shown, so that a change between showing and comparing is not confirmed by mistake.
   *
   * @throws identityChanged if the digits are no longer the safety number; invalidArgument before the first contact.
   */
  markVerified(compared?: string): Promise<void> {
    return this.parts.trust.markVerified(this.parts.state.peer, compared);
  }

  /**
   * Accepts a changed identity key; it counts as unverified until compared again. Given-up messages go with `retry()`.
   *
   * @throws identityChanged if digits were passed and are no longer the safety number.
   */
  trustIdentity(compared?: string): Promise<void> {
    return this.parts.trust.trustIdentity(this.parts.state.peer, compared);
  }

  protected handleOf(sent: SentMessage): SentMessage {
    return sent;
  }
}
