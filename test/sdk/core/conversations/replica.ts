/**
 * One device's copy of a conversation, with the sender's rules but without a network: what it says waits to be accepted. Of a
 * group, what its members' mail is judged by is the log as far as this device read it.
 */

import {
  type AccountId,
  type Content,
  type ConversationId,
  directConversationId,
  encodeContent,
  groupMessageId,
  type MessageId,
  parseDeviceId,
  parseMessageId,
} from "@sotto/protocol";
import { expect } from "vitest";
import type { Saying } from "../../../../sdk/core/conversations/author.js";
import { ContentWriter, hidden } from "../../../../sdk/core/conversations/content-writer.js";
import type { GroupThread } from "../../../../sdk/core/conversations/conversations.js";
import { Early } from "../../../../sdk/core/conversations/early.js";
import { findMessage } from "../../../../sdk/core/conversations/find.js";
import { type EntryOfLog, groupItems } from "../../../../sdk/core/conversations/group-items.js";
import { ItemReader } from "../../../../sdk/core/conversations/item-reader.js";
import type { Item } from "../../../../sdk/core/conversations/items.js";
import { positionOf } from "../../../../sdk/core/conversations/placement.js";
import { settledChanges } from "../../../../sdk/core/conversations/settlement.js";
import { Timeline } from "../../../../sdk/core/conversations/timeline.js";
import { earliestMs } from "../../../../sdk/core/conversations/word-time.js";
import { Genuine } from "../../../../sdk/core/franking/genuine.js";
import type { StoreChange } from "../../../../sdk/core/ports.js";
import { encodeRow, keys } from "../../../../sdk/core/rows.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { manualClock } from "../link/manual-clock.js";
import { openSealed } from "../storage/fixture.js";

/** Something the relay has not accepted yet. */
export interface Waiting {
  readonly content: Content;
  readonly sequence: number | undefined;
  readonly order: number;
}

/** Something the relay accepted, on its way to a device. */
export interface Mail {
  readonly content: Content;
  readonly acceptedMs: number;
}

/** Where something is said: with a peer, or in a group. */
export type Where = { readonly peer: AccountId } | { readonly group: ConversationId };

let names = 0;

/** A device of `me` in a conversation. */
export class Replica {
  /** In the order in which it was said. */
  readonly outbox: Waiting[] = [];
  /** By the device it comes from. */
  readonly inbox = new Map<Replica, Mail[]>();
  /** What did not open, with its place. */
  readonly broken: { readonly mail: Mail; readonly sequence: number }[] = [];
  /** What was not read of the group's log yet. */
  readonly unread: EntryOfLog[] = [];
  private readonly read: EntryOfLog[] = [];
  private held: { readonly mail: Mail; readonly resolves: number | undefined }[] = [];
  private orders = 0;

  private constructor(
    readonly me: AccountId,
    readonly where: Where,
    private readonly device: number,
    private readonly store: SealedStore,
    private parts: Parts,
  ) {}

  static async open(me: AccountId, where: Where, device: number): Promise<Replica> {
    const store = await openSealed();
    return new Replica(me, where, device, store, await parts(store, me, where));
  }

  /** Forgets everything that is not on the disk. */
  async restart(): Promise<void> {
    this.parts = await parts(this.store, this.me, this.where);
  }

  /** The number of the last entry of the group's log that was read. */
  get revision(): number {
    return this.read.at(-1)?.seq ?? 0;
  }

  /** Says something as `Sender` does; false if the rules refuse it. */
  async say(saying: Saying, nowMs: number): Promise<boolean> {
    const { store, me } = this;
    const { timeline, writer } = this.parts;
    const content = this.content(saying, nowMs, await earliestMs({ store, timeline, me }, saying));
    const encoded = encodeContent(content);
    const outcome = await writer.write({
      said: Genuine.saidHere({ content, encoded }),
      atMs: nowMs,
      status: "pending",
    });
    if (outcome.kind !== "shown") return false;
    const { changes, sequence } = outcome.build();
    await store.commit([...changes, this.queue(content, sequence)]);
    timeline.announce(sequence ?? 0);
    return true;
  }

  /** What a modified client says: nothing here is asked whether it may. */
  forged(saying: Saying, over: Partial<Pick<Content, "messageId" | "revision">>, nowMs: number): Content {
    return { ...this.content(saying, nowMs, 0), ...over };
  }

  /** The hash of a message that is here. */
  async hash(id: MessageId): Promise<Uint8Array> {
    const found = await this.parts.reader.message(id);
    return found?.hash ?? new Uint8Array(32);
  }

  /** Marks messages of the peer as read, as `Sender` does. */
  async markRead(ids: readonly MessageId[], nowMs: number): Promise<void> {
    if (!("peer" in this.where)) return;
    const { timeline } = this.parts;
    const targets: MessageId[] = [];
    const changes: StoreChange[] = [];
    for (const id of new Set(ids)) {
      const found = await findMessage(this.store, timeline, id, [this.where.peer]);
      if (found?.row.status !== "received") continue;
      targets.push(id);
      changes.push(timeline.replace(found.sequence, { ...found.row, status: "read" }));
    }
    if (targets.length > 0) await this.receipt("read", targets, nowMs, changes);
  }

  /** Queues a receipt. */
  async receipt(
    receipt: "delivered" | "read",
    targets: readonly MessageId[],
    nowMs: number,
    changes: readonly StoreChange[] = [],
  ): Promise<void> {
    if (!("peer" in this.where)) return;
    const content = this.content({ kind: "receipt", receipt, targets }, nowMs, 0);
    await this.store.commit([...changes, this.parts.timeline.countersChange(), this.queue(content, undefined)]);
  }

  /** The relay accepted the next of what waits here. */
  async accepted(acceptedMs: number): Promise<Mail | undefined> {
    const next = this.outbox.shift();
    if (next === undefined) return undefined;
    const { timeline } = this.parts;
    const { content, sequence, order } = next;
    const item = sequence === undefined ? undefined : await timeline.row(sequence);
    const changes =
      item === undefined || sequence === undefined
        ? []
        : settledChanges(timeline, { item, sequence }, { kind: "accepted", acceptedMs });
    await this.store.commit([...changes, { key: keys.outbox(order), value: undefined }]);
    return { content, acceptedMs };
  }

  /** Takes mail of anybody in the conversation. */
  async take(mail: Mail, resolves?: number): Promise<void> {
    const { content, acceptedMs } = mail;
    const { timeline, writer } = this.parts;
    const verdict = this.judged(mail);
    if (verdict === "later") {
      this.held.push({ mail, resolves });
      return;
    }
    if (verdict === "no") {
      const row = resolves === undefined ? undefined : await timeline.row(resolves);
      if (row === undefined || resolves === undefined) return;
      await this.store.commit(timeline.move(resolves, row, hidden(content.sender, acceptedMs)));
      return;
    }
    const status = content.sender === this.me ? "synced" : "received";
    const said = Genuine.saidHere({ content, encoded: encodeContent(content) });
    const outcome = await writer.write({ said, acceptedMs, atMs: acceptedMs + 5, status, resolves });
    // Nothing that an honest device says may be lost, but what is about a message that was taken back.
    const isAboutNothing = this.isFarewell() && (content.kind === "reaction" || content.kind === "vote");
    expect(outcome.kind).toMatch(isAboutNothing ? /^(shown|applied|refused)$/ : /^(shown|applied)$/);
    const { changes, sequence } = outcome.build();
    await this.store.commit(changes);
    if (sequence !== undefined) timeline.announce(sequence);
    const again = await writer.write({ said, acceptedMs, atMs: acceptedMs + 9, status });
    if (content.kind !== "receipt" && outcome.kind !== "refused") expect(again.kind).toBe("duplicate");
    await this.store.commit(again.build().changes);
  }

  /** Takes what no honest device says: it has no effect, and no place. */
  async refuse({ content, acceptedMs }: Mail): Promise<void> {
    const { timeline, writer } = this.parts;
    const before = settled(await this.items());
    const said = Genuine.saidHere({ content, encoded: encodeContent(content) });
    const outcome = await writer.write({ said, acceptedMs, atMs: acceptedMs, status: "received" });
    expect(outcome.kind).toBe("refused");
    expect(outcome.tellings).toEqual([]);
    const { changes, sequence } = outcome.build();
    expect(sequence).toBeUndefined();
    await this.store.commit(changes);
    expect(settled(await this.items())).toEqual(before);
    timeline.announce(timeline.end);
  }

  /** Reads the next so many entries of the group's log, together. */
  async readLog(count: number): Promise<void> {
    if (!("group" in this.where)) return;
    const entries = this.unread.splice(0, count);
    if (entries.length === 0) return;
    this.read.push(...entries);
    const thread = this.thread(this.where.group);
    const parts = { store: this.store, clock: manualClock(), conversations: { group: async () => thread } };
    // Read again after a crash, or by another way, entries change nothing more.
    for (const news of [entries, entries]) {
      const plan = await groupItems(parts, { after: { id: this.where.group }, applied: news });
      await this.store.commit(plan.build());
      for (const work of plan.after) work();
    }
    const held = this.held.splice(0);
    for (const { mail, resolves } of held) await this.take(mail, resolves);
  }

  /** Takes mail that does not open; its sender is asked to send it again. */
  async fail(mail: Mail): Promise<void> {
    const { changes, sequence } = this.parts.timeline.append({
      ...hidden(mail.content.sender, mail.acceptedMs + 5),
      acceptedMs: mail.acceptedMs,
      shape: "undecryptable",
      envelope: new Uint8Array(16).fill(this.broken.length),
    });
    await this.store.commit(changes);
    this.parts.timeline.announce(sequence);
    this.broken.push({ mail, sequence });
  }

  /** The last items, as an app pages through them. */
  async items(page = 1_000): Promise<readonly Item[]> {
    const { timeline, reader } = this.parts;
    const pages: (readonly Item[])[] = [];
    for (let before: string | undefined; ; ) {
      const rows = await timeline.latest(page, before === undefined ? undefined : positionOf(before));
      const items = await Promise.all(rows.map((row) => reader.item(row)));
      const shown = items.filter((item) => item !== undefined);
      // No place of the order is empty, so that equal counts are equal pages on every device.
      expect(shown).toHaveLength(rows.length);
      pages.unshift(shown);
      before = shown[0]?.order;
      if (before === undefined || shown.length < page) return pages.flat();
    }
  }

  private isFarewell(): boolean {
    return this.read.some(({ summary }) => summary.some(({ kind }) => kind === "removed"));
  }

  /** As `GroupLogs.judge` does, by the removals that were read. */
  private judged({ content, acceptedMs }: Mail): "yes" | "no" | "later" {
    const { revision = 0, sender } = content;
    if (revision > this.revision) return "later";
    const isOut = this.read.some(
      ({ seq, acceptedMs: endMs, summary }) =>
        revision < seq &&
        acceptedMs > endMs &&
        summary.some((effect) => effect.kind === "removed" && effect.account === sender),
    );
    return isOut ? "no" : "yes";
  }

  private thread(group: ConversationId): GroupThread {
    return { kind: "group", group, ...this.parts, tell: () => undefined };
  }

  private content(saying: Saying, nowMs: number, earliest: number): Content {
    const { me: sender, where } = this;
    const stamp = this.parts.timeline.stamp(nowMs, earliest);
    const header = { ...saying, ...stamp, sender, device: parseDeviceId(this.device), seen: [] };
    const conversation = this.parts.timeline.id;
    // Names differ in their first digits, as random ids do.
    names += 1;
    const digits = names.toString(16).padStart(8, "0");
    if ("peer" in where) return { ...header, conversation, messageId: parseMessageId(digits.padEnd(32, "0")) };
    const chance = Uint8Array.from(digits.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
    const messageId = groupMessageId({ group: where.group, sender }, Uint8Array.of(...chance, 0, 0, 0, 0));
    return { ...header, conversation, messageId, revision: this.revision };
  }

  private queue(content: Content, sequence: number | undefined): StoreChange {
    this.orders += 1;
    const order = this.orders;
    this.outbox.push({ content, sequence, order });
    const row = encodeRow("outbox", {
      ...("peer" in this.where ? { recipient: this.where.peer } : { group: this.where.group }),
      envelope: new Uint8Array(16),
      type: "content",
      envelopes: [],
      body: new Uint8Array(0),
      conversation: content.conversation,
      sequence,
      createdMs: 1,
      state: "queued",
    });
    return { key: keys.outbox(order), value: row };
  }
}

interface Parts {
  readonly timeline: Timeline;
  readonly writer: ContentWriter;
  readonly reader: ItemReader;
}

async function parts(store: SealedStore, me: AccountId, where: Where): Promise<Parts> {
  const timeline =
    "peer" in where
      ? await Timeline.load(store, directConversationId(me, where.peer), where.peer)
      : await Timeline.load(store, where.group);
  const writer = new ContentWriter(store, timeline, me, new Early(store));
  return { timeline, writer, reader: new ItemReader(store, timeline, me) };
}

/** Items without the promise of what is still to come, which is another one each time. */
function settled(items: readonly Item[]): readonly object[] {
  return items.map((item) => ("resolved" in item ? { ...item, resolved: undefined } : item));
}
