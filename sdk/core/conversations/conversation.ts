/** What any conversation lets an app do: say something, change what was said, and read it. */

import { type ConversationId, type MessageId, parseMessageId, SottoError } from "@sotto/protocol";
import { TypedEvents } from "../events.js";
import type { SentMessage } from "../outbox/sent-message.js";
import type { AbortSignalLike, Log } from "../ports.js";
import type { Label } from "../registers/labels.js";
import type { Notes } from "../registers/notes.js";
import type { MessageRef } from "../reports/kept.js";
import type { ReportDraft } from "../reports/report-draft.js";
import type { ReportOptions, Reports } from "../reports/reports.js";
import type { Saying } from "./author.js";
import type { Thread } from "./conversations.js";
import { type ConversationEvents, type Cursor, type Item, sequenceOf } from "./items.js";
import { assertCounted, assertText, choicesOf, type Outgoing, prepared } from "./outgoing.js";
import { positionOf } from "./placement.js";
import type { Sender } from "./sender.js";

/** What any conversation works with. */
export interface BaseParts {
  readonly thread: Thread;
  readonly sender: Pick<Sender, "say" | "retry">;
  /** What devices of this account note on it. */
  readonly notes: Notes;
  readonly reports: Pick<Reports, "draftReport">;
  readonly log: Log;
}

/** One conversation. `Handle` is what of a sent message's handle means something in it. */
export abstract class Conversation<Handle> extends TypedEvents<ConversationEvents> {
  private readonly base: BaseParts;

  constructor(base: BaseParts) {
    super(base.log);
    this.base = base;
    base.thread.tell = ({ type, detail }) => this.emit(type, detail);
  }

  /** The same for everybody in it. */
  get id(): ConversationId {
    return this.base.thread.timeline.id;
  }

  /**
   * Sends a message; the handle is there at once and says what becomes of it.
   *
   * The message is on disk before anything leaves, and goes exactly once and in order, over crashes and disconnections.
   *
   * @throws invalidArgument for what is no such message: an empty text, a mention beside the text, a poll with one option,
   *   coordinates of no place on earth; tooLarge for a text or line that is too long. The detail says what would do.
   */
  send(message: Outgoing): Handle {
    const { replyTo, saying } = prepared(message);
    if (replyTo === undefined) return this.say(saying(undefined));
    const { sender, thread } = this.base;
    return this.handleOf(
      sender.say(thread, async () => {
        const found = await thread.reader.message(replyTo);
        if (found === undefined)
          throw new SottoError("invalidArgument", { detail: "replyTo is no message of this conversation" });
        return saying({ messageId: replyTo, hash: found.hash });
      }),
    );
  }

  /**
   * Votes in a poll: `choices` are places of its options, from 0. A new vote replaces the one before; none takes it back.
   * Everybody here sees who voted for what.
   *
   * @throws invalidArgument for what no vote can say. The handle rejects with it for what is no poll, and for choices that it
   *   does not have or does not let together.
   */
  vote(poll: MessageId, choices: readonly number[]): Handle {
    const target = parseMessageId(poll);
    const places = choicesOf(choices);
    const { sender, thread } = this.base;
    return this.handleOf(
      sender.say(thread, async () => {
        const found = await thread.reader.poll(target);
        if (found === undefined)
          throw new SottoError("invalidArgument", { detail: "there is no such poll in this conversation" });
        assertCounted(found, places);
        return { kind: "vote", target, choices: places };
      }),
    );
  }

  /**
   * Replaces the words of a text, a reply or attachments of mine. People they named, and the preview of a page, are gone with
   * them. The handle rejects with invalidArgument for anything else.
   */
  edit(target: MessageId, change: { readonly text: string }): Handle {
    assertText(change.text);
    return this.say({ kind: "edit", target: parseMessageId(target), text: change.text });
  }

  /** Adds my emoji to a message. */
  react(target: MessageId, emoji: string): Handle {
    return this.say({ kind: "reaction", target: parseMessageId(target), emoji, action: "add" });
  }

  /** Takes my emoji back. */
  unreact(target: MessageId, emoji: string): Handle {
    return this.say({ kind: "reaction", target: parseMessageId(target), emoji, action: "remove" });
  }

  /** Takes a message of mine back for everyone. Honest clients keep nothing of it; a modified one may. */
  delete(target: MessageId): Handle {
    return this.say({ kind: "delete", target: parseMessageId(target) });
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
    const { timeline, reader } = this.base.thread;
    for await (const row of timeline.follow(after, options.signal)) {
      const [item] = await reader.items(async () => [row]);
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
    const { timeline, reader } = this.base.thread;
    const before = options.before === undefined ? undefined : positionOf(options.before);
    const items = await reader.items(() => timeline.latest(count, before));
    // One that was accepted while they were read has left its place among those on their way.
    return [...items].sort((one, other) => (one.order < other.order ? -1 : 1));
  }

  /** The item at a cursor, as it is now; `undefined` if there is nothing to show any more. */
  async item(cursor: Cursor): Promise<Item | undefined> {
    const sequence = sequenceOf(cursor);
    const { timeline, reader } = this.base.thread;
    return sequence > timeline.end ? undefined : reader.at(sequence);
  }

  /** Sends a message that was given up once more, also one of an earlier run. @throws invalidArgument if there is none. */
  retry(message: MessageId): Promise<void> {
    return this.base.sender.retry(this.base.thread, parseMessageId(message));
  }

  /** The words that were begun here and not sent, on whichever device of this account; `undefined` if there are none. */
  draft(): Promise<string | undefined> {
    return this.base.notes.draft();
  }

  /**
   * Keeps words that are not sent yet; `undefined` or no words at all clear them. `send()` leaves them alone: clear them when
   * what was sent was the draft. Other devices of this account are told within seconds, once for any number of changes.
   *
   * Resolves once it is durable.
   *
   * @throws invalidArgument for more than a text may hold, or a lone surrogate; outboxFull.
   */
  setDraft(text: string | undefined): Promise<void> {
    return this.base.notes.setDraft(text);
  }

  /** The messages that were pinned on devices of this account, in the order of pinning; not those that are deleted or not here. */
  pins(): Promise<readonly Item[]> {
    return this.base.notes.pins();
  }

  /**
   * Pins a message on all devices of this account; nobody else sees it. Resolves once it is durable.
   *
   * @throws invalidArgument if there is no such message, or 100 are pinned; outboxFull.
   */
  pin(message: MessageId): Promise<void> {
    return this.base.notes.pin(message);
  }

  /** Takes a pin off. Nothing happens if there is none. @throws outboxFull. */
  unpin(message: MessageId): Promise<void> {
    return this.base.notes.unpin(message);
  }

  /** The labels on this conversation, by name; `client.labels` has all there are. */
  labels(): Promise<readonly Label[]> {
    return this.base.notes.labels();
  }

  /** Whether a label is on this conversation. */
  hasLabel(id: string): Promise<boolean> {
    return this.base.notes.hasLabel(id);
  }

  /**
   * Puts a label on this conversation, on all devices of this account; nobody else sees it. Resolves once it is durable.
   *
   * @throws invalidArgument if there is no such label, or 20 are on it; outboxFull.
   */
  label(id: string): Promise<void> {
    return this.base.notes.label(id);
  }

  /** Takes a label off. Nothing happens if it is not on. @throws outboxFull. */
  unlabel(id: string): Promise<void> {
    return this.base.notes.unlabel(id);
  }

  /** Who looks after this conversation, as a device of this account last said; `undefined` if nobody does. */
  assignee(): Promise<string | undefined> {
    return this.base.notes.assignee();
  }

  /**
   * Says who looks after this conversation, by a name of the app's choice; `undefined`: nobody. Of two devices that say so at
   * once, one is right on all of them. Resolves once it is durable.
   *
   * @throws invalidArgument for an empty name or more than 256 bytes; outboxFull.
   */
  assign(agent: string | undefined): Promise<void> {
    return this.base.notes.assign(agent);
  }

  /**
   * Prepares a report of messages that one account said here, by id, cursor or item; `client.reports` says more, and has the other
   * ways. Nothing leaves before `submit` of the draft, which takes consent to exactly what its `disclosure` shows.
   *
   * @throws notReportable (a `NotReportableError` that names which); severalAccused; deskUnready; invalidArgument; tooLarge.
   */
  draftReport(messages: readonly MessageRef[], options: ReportOptions): Promise<ReportDraft> {
    return this.base.reports.draftReport(this.id, messages, options);
  }

  /** The handle that an app is given. */
  protected abstract handleOf(sent: SentMessage): Handle;

  private say(saying: Saying): Handle {
    return this.handleOf(this.base.sender.say(this.base.thread, async () => saying));
  }
}
