/** A conversation between two accounts, as an app works with it. */

import {
  type AccountId,
  type ConversationId,
  limits,
  type MessageId,
  parseMessageId,
  type Relation,
  SottoError,
} from "@sotto/protocol";
import type { Consent } from "../consent/consent.js";
import { TypedEvents } from "../events.js";
import type { SentMessage } from "../outbox/sent-message.js";
import type { AbortSignalLike, Log } from "../ports.js";
import type { SafetyNumber, Trust } from "../trust/trust.js";
import type { Saying } from "./author.js";
import type { Confirmations } from "./confirmations.js";
import type { ConversationState } from "./conversations.js";
import type { findMessage } from "./item-reader.js";
import { type ConversationEvents, type Cursor, type Item, sequenceOf } from "./items.js";
import { assertText, type Outgoing } from "./outgoing.js";
import { positionOf } from "./placement.js";
import type { Sender } from "./sender.js";
import type { Typing } from "./typing.js";

/** Who the conversation is with, as far as is known. */
export interface Peer {
  readonly accountId: AccountId;
  /** The host's name for the user, where it was used to open the conversation. */
  readonly userId: string | undefined;
  /** The name the peer gave itself. Not verified by anybody. */
  readonly name: string | undefined;
  /** `changed`: was verified, and another key came since; sending waits for `trustIdentity()`. */
  readonly verification: "unverified" | "verified" | "changed";
  /** How this account stands to it: `sent` and `received` are requests that wait for an answer. */
  readonly relation: Relation;
}

/** What a conversation works with. */
export interface ConversationParts {
  readonly me: AccountId;
  readonly state: ConversationState;
  readonly sender: Sender;
  readonly confirmations: Pick<Confirmations, "read">;
  readonly typing: Typing;
  readonly trust: Trust;
  readonly consent: Pick<Consent, "requestContact" | "block" | "unblock">;
  readonly log: Log;
  message(id: MessageId): ReturnType<typeof findMessage>;
  peer(): Promise<Peer>;
}

/** One direct conversation. There is exactly one object for each peer and client. */
export class DirectConversation extends TypedEvents<ConversationEvents> {
  private readonly parts: ConversationParts;

  constructor(parts: ConversationParts) {
    super(parts.log);
    this.parts = parts;
    parts.state.tell = ({ type, detail }) => this.emit(type, detail);
  }

  /** The same on both sides. */
  get id(): ConversationId {
    return this.parts.state.timeline.id;
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
   * requestPending until it is accepted, and anything but a text with textOnly. Writing to somebody who asked accepts.
   *
   * @throws invalidArgument for an empty or too long text. `accepted` rejects with outboxFull, notAllowed, requestPending,
   *   textOnly, identityChanged, expired, cancelled; with invalidArgument towards somebody blocked; with badCredentials
   *   once this device was revoked.
   */
  send(message: Outgoing): SentMessage {
    if ("custom" in message) return this.say({ kind: "custom", ...message.custom });
    const { text, replyTo } = message;
    assertText(text);
    if (replyTo === undefined) return this.say({ kind: "text", text });
    const quoted = parseMessageId(replyTo);
    return this.parts.sender.say(this.parts.state, async () => {
      const found = await this.parts.message(quoted);
      if (found === undefined)
        throw new SottoError("invalidArgument", { detail: "replyTo is no message of this conversation" });
      return { kind: "reply", quoted, quotedHash: found.hash, text };
    });
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

  /** Replaces the words of a text or reply of mine. The handle rejects with invalidArgument for anything else. */
  edit(target: MessageId, change: { readonly text: string }): SentMessage {
    assertText(change.text);
    return this.say({ kind: "edit", target: parseMessageId(target), text: change.text });
  }

  /** Adds my emoji to a message. */
  react(target: MessageId, emoji: string): SentMessage {
    return this.say({ kind: "reaction", target: parseMessageId(target), emoji, action: "add" });
  }

  /** Takes my emoji back. */
  unreact(target: MessageId, emoji: string): SentMessage {
    return this.say({ kind: "reaction", target: parseMessageId(target), emoji, action: "remove" });
  }

  /** Takes a message of mine back for everyone. Honest clients keep nothing of it; a modified one may. */
  delete(target: MessageId): SentMessage {
    return this.say({ kind: "delete", target: parseMessageId(target) });
  }

  /** Tells the peer that I began or stopped typing. Best effort, never stored; at most one every few seconds leaves. */
  typing(typing: "started" | "stopped"): void {
    this.parts.typing.send(this.parts.state, typing);
  }

  /** Tells the peer that I read these messages, once each. Call it when they were really shown. */
  async markRead(messages: readonly MessageId[]): Promise<void> {
    if (messages.length === 0) return;
    if (messages.length > limits.receiptTargets.value) {
      throw new SottoError("invalidArgument", { detail: `at most ${limits.receiptTargets.value} messages at once` });
    }
    await this.parts.confirmations.read(this.parts.state, messages.map(parseMessageId));
  }

  /**
   * The timeline behind a cursor (or from its beginning), then new items as they come; each exactly once, in the order of
   * their arrival on this device. `order` says where an item stands among those that `latest()` answers.
   *
   * Ends when the signal aborts or the client closes. Resume with the cursor of the last item you kept.
   *
   * @throws invalidArgument if `after` is no cursor.
   */
  async *messages(options: { after?: Cursor | undefined; signal?: AbortSignalLike } = {}): AsyncGenerator<Item> {
    const after = options.after === undefined ? 0 : sequenceOf(options.after);
    const { timeline, reader } = this.parts.state;
    for await (const row of timeline.follow(after, options.signal)) {
      const item = await reader.item(row);
      if (item !== undefined) yield item;
    }
  }

  /**
   * The last items in the order of the conversation, which is the same on every device; oldest first.
   *
   * Pass the `order` of the first one as `before` to page back.
   *
   * @throws invalidArgument if `before` is no order, or `count` is not from 1 to 1000.
   */
  async latest(count: number, options: { readonly before?: string | undefined } = {}): Promise<readonly Item[]> {
    if (!Number.isInteger(count) || count < 1 || count > 1_000) {
      throw new SottoError("invalidArgument", { detail: "count is an integer from 1 to 1000" });
    }
    const { timeline, reader } = this.parts.state;
    const before = options.before === undefined ? undefined : positionOf(options.before);
    const items = await Promise.all((await timeline.latest(count, before)).map((row) => reader.item(row)));
    return items.filter((item) => item !== undefined);
  }

  /** The item at a cursor, as it is now; `undefined` if there is nothing to show any more. */
  async item(cursor: Cursor): Promise<Item | undefined> {
    const sequence = sequenceOf(cursor);
    const { timeline, reader } = this.parts.state;
    const row = sequence > timeline.end ? undefined : await timeline.row(sequence);
    return row === undefined ? undefined : reader.item({ sequence, row });
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

  /** Sends a message that was given up once more, also one of an earlier run. @throws invalidArgument if there is none. */
  retry(message: MessageId): Promise<void> {
    return this.parts.sender.retry(this.parts.state, parseMessageId(message));
  }

  private say(saying: Saying): SentMessage {
    return this.parts.sender.say(this.parts.state, async () => saying);
  }
}
