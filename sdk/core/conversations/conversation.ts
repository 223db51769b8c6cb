/** What any conversation lets an app do: say something, change what was said, and read it. */

import { type ConversationId, type MessageId, parseMessageId, SottoError } from "@sotto/protocol";
import { TypedEvents } from "../events.js";
import type { SentMessage } from "../outbox/sent-message.js";
import type { AbortSignalLike, Log } from "../ports.js";
import type { Saying } from "./author.js";
import type { Thread } from "./conversations.js";
import { type ConversationEvents, type Cursor, type Item, sequenceOf } from "./items.js";
import { assertText, type Outgoing } from "./outgoing.js";
import { positionOf } from "./placement.js";
import type { Sender } from "./sender.js";

/** What any conversation works with. */
export interface BaseParts {
  readonly thread: Thread;
  readonly sender: Pick<Sender, "say" | "retry">;
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
   * @throws invalidArgument for an empty or too long text.
   */
  send(message: Outgoing): Handle {
    if ("custom" in message) return this.say({ kind: "custom", ...message.custom });
    const { text, replyTo } = message;
    assertText(text);
    if (replyTo === undefined) return this.say({ kind: "text", text });
    const quoted = parseMessageId(replyTo);
    const { sender, thread } = this.base;
    return this.handleOf(
      sender.say(thread, async () => {
        const found = await thread.reader.message(quoted);
        if (found === undefined)
          throw new SottoError("invalidArgument", { detail: "replyTo is no message of this conversation" });
        return { kind: "reply", quoted, quotedHash: found.hash, text };
      }),
    );
  }

  /** Replaces the words of a text or reply of mine. The handle rejects with invalidArgument for anything else. */
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
    const { timeline, reader } = this.base.thread;
    const before = options.before === undefined ? undefined : positionOf(options.before);
    const items = await Promise.all((await timeline.latest(count, before)).map((row) => reader.item(row)));
    return items.filter((item) => item !== undefined);
  }

  /** The item at a cursor, as it is now; `undefined` if there is nothing to show any more. */
  async item(cursor: Cursor): Promise<Item | undefined> {
    const sequence = sequenceOf(cursor);
    const { timeline, reader } = this.base.thread;
    const row = sequence > timeline.end ? undefined : await timeline.row(sequence);
    return row === undefined ? undefined : reader.item({ sequence, row });
  }

  /** Sends a message that was given up once more, also one of an earlier run. @throws invalidArgument if there is none. */
  retry(message: MessageId): Promise<void> {
    return this.base.sender.retry(this.base.thread, parseMessageId(message));
  }

  /** The handle that an app is given. */
  protected abstract handleOf(sent: SentMessage): Handle;

  private say(saying: Saying): Handle {
    return this.handleOf(this.base.sender.say(this.base.thread, async () => saying));
  }
}
