/** One device's copy of a conversation, with the sender's rules but without a network: what it says waits to be accepted. */

import {
  type AccountId,
  type Content,
  directConversationId,
  encodeContent,
  type MessageId,
  parseDeviceId,
  parseMessageId,
} from "@sotto/protocol";
import { expect } from "vitest";
import type { Saying } from "../../../../sdk/core/conversations/author.js";
import { ContentWriter, hidden } from "../../../../sdk/core/conversations/content-writer.js";
import { Early } from "../../../../sdk/core/conversations/early.js";
import { findMessage, ItemReader } from "../../../../sdk/core/conversations/item-reader.js";
import type { Item } from "../../../../sdk/core/conversations/items.js";
import { positionOf } from "../../../../sdk/core/conversations/placement.js";
import { settledChanges } from "../../../../sdk/core/conversations/settlement.js";
import { Timeline } from "../../../../sdk/core/conversations/timeline.js";
import { earliestMs } from "../../../../sdk/core/conversations/word-time.js";
import type { StoreChange } from "../../../../sdk/core/ports.js";
import { encodeRow, keys } from "../../../../sdk/core/rows.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
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

let names = 0;

/** Differs in its first digits, as random ids do: the key of an order row holds no more of it. */
const name = (number: number) => parseMessageId(number.toString(16).padStart(8, "0").padEnd(32, "0"));

/** A device of `me` in its conversation with `peer`. */
export class Replica {
  /** In the order in which it was said. */
  readonly outbox: Waiting[] = [];
  /** By the device it comes from. */
  readonly inbox = new Map<Replica, Mail[]>();
  /** What did not open, with its place. */
  readonly broken: { readonly mail: Mail; readonly sequence: number }[] = [];
  private orders = 0;

  private constructor(
    readonly me: AccountId,
    readonly peer: AccountId,
    private readonly device: number,
    private readonly store: SealedStore,
    private timeline: Timeline,
    private writer: ContentWriter,
    private reader: ItemReader,
  ) {}

  static async open(me: AccountId, peer: AccountId, device: number): Promise<Replica> {
    const store = await openSealed();
    return new Replica(me, peer, device, store, ...(await parts(store, me, peer)));
  }

  /** Forgets everything that is not on the disk. */
  async restart(): Promise<void> {
    [this.timeline, this.writer, this.reader] = await parts(this.store, this.me, this.peer);
  }

  /** Says something as `Sender` does; false if the rules refuse it. */
  async say(saying: Saying, nowMs: number): Promise<boolean> {
    const { store, timeline, me, peer } = this;
    const content = this.content(saying, nowMs, await earliestMs({ store, timeline, me, peer }, saying));
    const encoded = encodeContent(content);
    const outcome = await this.writer.write({ content, encoded, atMs: nowMs, status: "pending" });
    if (outcome.kind !== "shown") return false;
    const { changes, sequence } = outcome.build();
    await store.commit([...changes, this.queue(content, sequence)]);
    timeline.announce(sequence ?? 0);
    return true;
  }

  /** The hash of a message that is here. */
  async hash(id: MessageId): Promise<Uint8Array> {
    const found = await findMessage(this.store, this.timeline, id, [this.peer, this.me]);
    return found?.hash ?? new Uint8Array(32);
  }

  /** Marks messages of the peer as read, as `Sender` does. */
  async markRead(ids: readonly MessageId[], nowMs: number): Promise<void> {
    const targets: MessageId[] = [];
    const changes: StoreChange[] = [];
    for (const id of new Set(ids)) {
      const found = await findMessage(this.store, this.timeline, id, [this.peer]);
      if (found?.row.status !== "received") continue;
      targets.push(id);
      changes.push(this.timeline.replace(found.sequence, { ...found.row, status: "read" }));
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
    const content = this.content({ kind: "receipt", receipt, targets }, nowMs, 0);
    await this.store.commit([...changes, this.timeline.countersChange(), this.queue(content, undefined)]);
  }

  /** The relay accepted the next of what waits here. */
  async accepted(acceptedMs: number): Promise<Mail | undefined> {
    const next = this.outbox.shift();
    if (next === undefined) return undefined;
    const { content, sequence, order } = next;
    const item = sequence === undefined ? undefined : await this.timeline.row(sequence);
    const changes =
      item === undefined || sequence === undefined
        ? []
        : settledChanges(this.timeline, { item, sequence }, { kind: "accepted", acceptedMs });
    await this.store.commit([...changes, { key: keys.outbox(order), value: undefined }]);
    return { content, acceptedMs };
  }

  /** Takes mail of either account. */
  async take({ content, acceptedMs }: Mail, resolves?: number): Promise<void> {
    const status = content.sender === this.me ? "synced" : "received";
    const encoded = encodeContent(content);
    const outcome = await this.writer.write({ content, encoded, acceptedMs, atMs: acceptedMs + 5, status, resolves });
    // Nothing that an honest device says may be lost.
    expect(outcome.kind).toMatch(/^(shown|applied)$/);
    const { changes, sequence } = outcome.build();
    await this.store.commit(changes);
    if (sequence !== undefined) this.timeline.announce(sequence);
    const again = await this.writer.write({ content, encoded, acceptedMs, atMs: acceptedMs + 9, status });
    if (content.kind !== "receipt") expect(again.kind).toBe("duplicate");
    await this.store.commit(again.build().changes);
  }

  /** Takes mail that does not open; its sender is asked to send it again. */
  async fail(mail: Mail): Promise<void> {
    const { changes, sequence } = this.timeline.append({
      ...hidden(mail.content.sender, mail.acceptedMs + 5),
      acceptedMs: mail.acceptedMs,
      shape: "undecryptable",
      envelope: new Uint8Array(16).fill(this.broken.length),
    });
    await this.store.commit(changes);
    this.timeline.announce(sequence);
    this.broken.push({ mail, sequence });
  }

  /** The last items, as an app pages through them. */
  async items(page = 1_000): Promise<readonly Item[]> {
    const pages: (readonly Item[])[] = [];
    for (let before: string | undefined; ; ) {
      const rows = await this.timeline.latest(page, before === undefined ? undefined : positionOf(before));
      const items = await Promise.all(rows.map((row) => this.reader.item(row)));
      const shown = items.filter((item) => item !== undefined);
      // No place of the order is empty, so that equal counts are equal pages on every device.
      expect(shown).toHaveLength(rows.length);
      pages.unshift(shown);
      before = shown[0]?.order;
      if (before === undefined || shown.length < page) return pages.flat();
    }
  }

  private content(saying: Saying, nowMs: number, earliest: number): Content {
    const { me: sender, peer } = this;
    names += 1;
    const stamp = this.timeline.stamp(nowMs, earliest);
    const device = parseDeviceId(this.device);
    const conversation = directConversationId(sender, peer);
    return { ...saying, ...stamp, sender, device, conversation, messageId: name(names), seen: [] };
  }

  private queue(content: Content, sequence: number | undefined): StoreChange {
    this.orders += 1;
    const order = this.orders;
    this.outbox.push({ content, sequence, order });
    const row = encodeRow("outbox", {
      envelope: new Uint8Array(16),
      recipient: this.peer,
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

async function parts(store: SealedStore, me: AccountId, peer: AccountId) {
  const timeline = await Timeline.load(store, directConversationId(me, peer), peer);
  const people = { me, peer };
  const writer = new ContentWriter(store, timeline, people, new Early(store));
  return [timeline, writer, new ItemReader(store, timeline, people)] as [Timeline, ContentWriter, ItemReader];
}
