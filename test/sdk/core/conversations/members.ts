/** A group of four and its thread on a device of `me`, for tests of the rules. */

import {
  type AccountId,
  type Content,
  encodeContent,
  groupMessageId,
  type MessageId,
  parseAccountId,
  parseConversationId,
} from "@sotto/protocol";
import type { Saying } from "../../../../sdk/core/conversations/author.js";
import { ContentWriter, type Outcome } from "../../../../sdk/core/conversations/content-writer.js";
import type { GroupThread } from "../../../../sdk/core/conversations/conversations.js";
import { Early } from "../../../../sdk/core/conversations/early.js";
import { ItemReader } from "../../../../sdk/core/conversations/item-reader.js";
import type { Cursor, Item } from "../../../../sdk/core/conversations/items.js";
import { Timeline } from "../../../../sdk/core/conversations/timeline.js";
import { Genuine } from "../../../../sdk/core/franking/genuine.js";
import { Shown } from "../../../../sdk/core/groups/shown.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { device, me, peer } from "../people.js";
import { openSealed } from "../storage/fixture.js";

export const carol: AccountId = parseAccountId("11111111-1111-4111-8111-111111111111");
export const mallory: AccountId = parseAccountId("22222222-2222-4222-8222-222222222222");
export const members: readonly AccountId[] = [me, peer, carol, mallory];
export const group = parseConversationId("0123456789abcdef0123456789abcdef");

export const text = (words: string): Saying => ({ kind: "text", text: words });
export const react = (target: MessageId): Saying => ({ kind: "reaction", target, emoji: "👍", action: "add" });

/** The id that an account gives its message of this number. */
export function idOf(sender: AccountId, number: number): MessageId {
  const chance = new Uint8Array(8);
  new DataView(chance.buffer).setUint32(0, number);
  return groupMessageId({ group, sender }, chance);
}

/** The thread of the group. */
export class GroupTalk {
  /** The items that changed in place. */
  readonly changed: Cursor[] = [];
  private counter = 0;

  private constructor(
    readonly store: SealedStore,
    readonly thread: GroupThread,
  ) {
    thread.tell = ({ type, detail }) => {
      if (type === "changed") this.changed.push(detail.cursor);
    };
  }

  static async open(sealed?: SealedStore): Promise<GroupTalk> {
    const store = sealed ?? (await openSealed());
    const timeline = await Timeline.load(store, group);
    const writer = new ContentWriter(store, timeline, me, new Early(store));
    const shown = new Shown(store);
    await shown.load();
    const reader = new ItemReader(store, timeline, me, shown);
    return new GroupTalk(store, { kind: "group", group, timeline, writer, reader, tell: () => undefined });
  }

  /** A content, a millisecond of its sender's clock behind the one before. */
  content(sender: AccountId, number: number, saying: Saying, over: Partial<Content> = {}): Content {
    this.counter += 1;
    const header = { sender, device, conversation: group, messageId: idOf(sender, number), revision: 1, seen: [] };
    return { ...saying, ...header, counter: this.counter, sentAtMs: this.counter, ...over } as Content;
  }

  /** Takes what somebody said; accepted by the relay a second after it was said, if nothing else is told. */
  async hear(content: Content, acceptedMs = 1_000 + content.sentAtMs): Promise<Outcome["kind"]> {
    const { writer, timeline } = this.thread;
    const status = content.sender === me ? "synced" : "received";
    const said = Genuine.saidHere({ content, encoded: encodeContent(content) });
    const outcome = await writer.write({ said, atMs: 1, acceptedMs, status });
    const { changes, sequence } = outcome.build();
    await this.store.commit(changes);
    if (sequence !== undefined) timeline.announce(sequence);
    return outcome.kind;
  }

  /** Everything that is shown. */
  async items(): Promise<readonly Item[]> {
    const { timeline, reader } = this.thread;
    const shown = await Promise.all((await timeline.latest(100)).map((row) => reader.item(row)));
    return shown.filter((item) => item !== undefined);
  }
}
