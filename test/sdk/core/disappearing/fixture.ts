/** One device and one conversation whose messages end in time, over a store that outlives it, with all clocks in a test's hands. */

import {
  type ArchiveEntry,
  type Content,
  type ContentKind,
  encodeContent,
  type MessageId,
  parseDeviceId,
  toHex,
} from "@sotto/protocol";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { Author, type Saying } from "../../../../sdk/core/conversations/author.js";
import { Confirmations } from "../../../../sdk/core/conversations/confirmations.js";
import { type ConversationState, Conversations } from "../../../../sdk/core/conversations/conversations.js";
import type { Item } from "../../../../sdk/core/conversations/items.js";
import { contentHash } from "../../../../sdk/core/conversations/stored-content.js";
import { SentSync } from "../../../../sdk/core/devices/sent-sync.js";
import { Disappearing } from "../../../../sdk/core/disappearing/disappearing.js";
import { RelayTime } from "../../../../sdk/core/disappearing/relay-time.js";
import { Removal } from "../../../../sdk/core/disappearing/removal.js";
import { EvidenceRows } from "../../../../sdk/core/franking/evidence.js";
import { Genuine } from "../../../../sdk/core/franking/genuine.js";
import { HistoryExport } from "../../../../sdk/core/history/export.js";
import { History } from "../../../../sdk/core/history/history.js";
import { HistoryImport } from "../../../../sdk/core/history/import.js";
import { nothing } from "../../../../sdk/core/inbox/plan.js";
import { KeyedLock } from "../../../../sdk/core/keyed-lock.js";
import { KeptSends } from "../../../../sdk/core/outbox/kept-sends.js";
import { type Order, rowOf } from "../../../../sdk/core/outbox/order.js";
import type { Store } from "../../../../sdk/core/ports.js";
import { decodeRow, eachRow, encodeRow, keys, type Row } from "../../../../sdk/core/rows.js";
import { Peers } from "../../../../sdk/core/sessions/peers.js";
import { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { nodePlatform } from "../../../../sdk/node/platform.js";
import { type ManualClock, manualClock, settled } from "../link/manual-clock.js";
import { ownRow } from "../outbox/fixture.js";
import { UnsafeOutbox } from "../outbox/unsafe-outbox.js";
import { conversationId, me, peer } from "../people.js";
import { unsafePlaintextKey } from "../storage/fixture.js";
import { MemoryPlace, UnsafeMemoryStore } from "../storage/unsafe-memory-store.js";

/** When everything here begins, by the relay's clock. */
export const START_MS = 1_700_000_000_000;

let names = 0;

/** A message id nobody used. */
export function freshId(): MessageId {
  names += 1;
  return names.toString(16).padStart(8, "0").padEnd(32, "0") as MessageId;
}

/** A content of either side, said by a device. */
export function contentOf(
  sender: typeof me,
  saying: Saying,
  over: Partial<Pick<Content, "messageId" | "timerMs" | "sentAtMs">> & { readonly device?: number } = {},
): Content {
  names += 1;
  const { device: by = 1, ...rest } = over;
  const header = { sender, conversation: conversationId, messageId: freshId(), counter: names, seen: [] };
  return { ...saying, ...header, sentAtMs: START_MS + names, ...rest, device: parseDeviceId(by) };
}

/** Words that are kept for so long. */
export function words(sender: typeof me, text: string, timerMs: number | undefined): Content {
  return contentOf(sender, { kind: "text", text }, { timerMs });
}

/** A content as another device of mine has it in its history. */
export function entryOf(content: Content, status: ArchiveEntry["status"], acceptedMs = START_MS): ArchiveEntry {
  const encoded = encodeContent(content);
  return {
    ...{ peer, from: content.sender, messageId: content.messageId, content: encoded, counter: content.counter },
    ...{ hash: contentHash(encoded), acceptedMs, status, reactions: [] },
  };
}

/** A device of `me`, from one start to the next. */
export class TimedDevice {
  readonly raw: UnsafeMemoryStore;
  readonly outbox = new UnsafeOutbox();
  /** Conversations' `changed` events, in their order. */
  readonly changed: string[] = [];
  /** Handles that failed, by what they are of. */
  readonly failedHandles: string[] = [];
  /** What went wrong behind everybody's back. */
  readonly errors: unknown[] = [];
  store!: SealedStore;
  state!: ConversationState;
  keptSends!: KeptSends;
  disappearing!: Disappearing;
  confirmations!: Confirmations;
  author!: Author;
  private line: "online" | "offline" = "offline";
  private offsetMs = 0;

  private constructor(
    readonly place: MemoryPlace,
    readonly clock: ManualClock,
    /** The true time at the relay. */
    private readonly relayMs: () => number,
    /** Where everything lies instead of in memory. */
    private readonly disk?: Store,
  ) {
    this.raw = new UnsafeMemoryStore(place);
  }

  /** Starts a device over what lies in a place, and loads it. It is offline. */
  static async start(
    place = new MemoryPlace(),
    clock = manualClock(START_MS),
    relayMs: () => number = () => clock.now(),
    disk?: Store,
  ): Promise<TimedDevice> {
    const it = new TimedDevice(place, clock, relayMs, disk);
    await it.open();
    await it.disappearing.load();
    return it;
  }

  private async open(): Promise<void> {
    const store = this.disk ?? this.raw;
    this.store = await SealedStore.open({ store, key: unsafePlaintextKey() }, nodePlatform);
    await this.compose();
  }

  private async compose(): Promise<void> {
    const { clock, outbox } = this;
    const { store } = this;
    const account = OwnAccount.create(ownRow());
    const peers = new Peers(store);
    await store.commit([peers.change({ ...(await peers.get(peer)), relation: "accepted" })]);
    const locks = new KeyedLock();
    const failed = (error: unknown) => this.errors.push(error);
    const conversations = new Conversations(store, account, {
      nowMs: () => this.disappearing.nowMs(),
      ends: (dueMs) => this.disappearing.ends(dueMs),
    });
    this.keptSends = new KeptSends({ store, clock, failed });
    const time = new RelayTime({
      ...{ store, clock },
      isOnline: () => this.line === "online",
      offsetMs: () => this.offsetMs,
    });
    const removal = new Removal({
      store,
      keptSends: this.keptSends,
      outbox: { strike: async (order) => ({ key: keys.outbox(order), value: undefined }), isThere: () => true },
      handles: { failed: (_conversation, id) => void this.failedHandles.push(id) },
      evidence: new EvidenceRows(store),
    });
    this.disappearing = new Disappearing({ store, clock, time, conversations, locks, removal, failed });
    const { keptSends } = this;
    this.author = new Author({ store, account, clock, random: nodePlatform.random, seen: { in: async () => [] } });
    this.confirmations = new Confirmations({
      ...{ store, account, peers, outbox, locks },
      revisionOf: () => 0,
      nowMs: () => this.disappearing.nowMs(),
      author: this.author,
      sentSync: new SentSync({
        ...{ store, account, outbox, keptSends, others: () => [parseDeviceId(2)] },
        evidenceOf: async () => undefined,
      }),
    });
    this.state = await conversations.of(peer);
    this.state.tell = ({ type, detail }) => {
      if (type === "changed") this.changed.push(detail.cursor);
    };
  }

  /** The relay is reached, and says what time it is. */
  online(): void {
    this.line = "online";
    this.offsetMs = this.relayMs() - this.clock.now();
    this.disappearing.told(this.relayMs());
  }

  /** The relay is reached no more. */
  offline(): void {
    this.line = "offline";
  }

  /** Ends, and starts again over the same place. */
  async restart(): Promise<TimedDevice> {
    await this.stop();
    return TimedDevice.start(this.place, this.clock, this.relayMs);
  }

  /** Ends as an app should. */
  async stop(): Promise<void> {
    this.disappearing.close();
    this.keptSends.close();
    await this.disappearing.settled();
    await this.store.close();
  }

  /** Lets everything that is due now end. */
  async settle(): Promise<void> {
    await this.clock.advance(0);
    await settled();
    await this.disappearing.still(async () => undefined);
    await settled();
  }

  /** Takes a content that the relay accepted at a time: of the peer, or of another device of mine. */
  async take(content: Content, acceptedMs = this.relayMs()): Promise<string> {
    const status = content.sender === me ? "synced" : "received";
    const outcome = await this.state.writer.write({
      ...{ said: Genuine.saidHere({ content, encoded: encodeContent(content) }) },
      ...{ atMs: this.clock.now(), acceptedMs, status },
    });
    const { changes, sequence } = outcome.build();
    await this.store.commit(changes);
    if (sequence !== undefined) this.state.timeline.announce(sequence);
    return outcome.kind;
  }

  /** Takes the word of another device of mine that it read messages at a time. */
  takeReadMark(targets: readonly MessageId[], atMs: number): Promise<string> {
    return this.take(contentOf(me, { kind: "receipt", receipt: "read", targets }, { device: 2 }), atMs);
  }

  /** What this device's user has read. */
  read(...targets: readonly MessageId[]): Promise<void> {
    return this.confirmations.read(this.state, targets);
  }

  /** Keeps sends of a content, as the outbox does: to the peer, and to another own device. */
  async keep(content: Content, envelope: number): Promise<void> {
    const body = encodeContent(content);
    const accepted = { atMs: this.clock.now(), acceptedMs: this.relayMs() };
    const sends = [
      { envelope: new Uint8Array(16).fill(envelope), recipient: peer, type: "content", envelopes: [], body },
      { envelope: new Uint8Array(16).fill(envelope + 100), recipient: me, type: "sent", peer, envelopes: [], body },
    ] as const;
    await this.store.commit(sends.flatMap((sent) => this.keptSends.keeping(sent, accepted)));
  }

  /** Takes a part of a history that another device of mine sent. */
  async import(entries: readonly ArchiveEntry[]): Promise<void> {
    const { store, state } = this;
    const importer = new HistoryImport({
      ...{ store, me, peers: new Peers(store), locks: new KeyedLock(), arrived: () => undefined },
      ...{ evidence: new EvidenceRows(store), handedOver: () => undefined },
      conversations: { of: async () => state },
    });
    const plan = await importer.plan(entries);
    await store.commit(plan.build());
    for (const work of plan.after) work();
  }

  /** Hands its history to another device of mine, as far as the outbox; `stepped` is passed when a part was read. */
  async handOver(stepped: () => Promise<void>): Promise<void> {
    const { store, clock, disappearing } = this;
    const exporter = new HistoryExport(store, new EvidenceRows(store));
    const other = parseDeviceId(2);
    let orders = 100;
    const queue = (order: Order) => {
      orders += 1;
      const row = rowOf(order, { envelope: new Uint8Array(16).fill(orders), createdMs: clock.now() });
      return {
        order: orders,
        changes: [{ key: keys.outbox(orders), value: encodeRow("outbox", row) }],
        sent: () => undefined,
      };
    };
    const history = new History({
      ...{ store, me, clock, random: nodePlatform.random, outbox: { room: 9, queue } },
      exporter: {
        count: (sinceMs) => exporter.count(sinceMs),
        step: async (...asked) => {
          const step = await exporter.step(...asked);
          await stepped();
          return step;
        },
      },
      importer: { plan: async () => nothing },
      still: (work) => disappearing.still(work),
      isOwn: (device) => device === other,
      transfer: () => undefined,
      failed: (error) => this.errors.push(error),
    });
    await history.start(other, 0);
  }

  /** Puts a row into the outbox. */
  async wait(order: number, row: Partial<Row<"outbox">> & Pick<Row<"outbox">, "type" | "body">): Promise<void> {
    const whole: Row<"outbox"> = {
      ...{ envelope: new Uint8Array(16).fill(order), recipient: peer, envelopes: [], createdMs: 1, state: "queued" },
      ...row,
    };
    await this.store.commit([{ key: keys.outbox(order), value: encodeRow("outbox", whole) }]);
  }

  /** Everything that is shown. */
  async items(): Promise<readonly Item[]> {
    const rows = await this.state.timeline.latest(1_000);
    const items = await Promise.all(rows.map((row) => this.state.reader.item(row)));
    return items.filter((item) => item !== undefined);
  }

  async kinds(): Promise<readonly string[]> {
    return (await this.items()).map(({ kind }) => kind);
  }

  async item(id: MessageId): Promise<Extract<Item, { readonly kind: "text" }> | undefined> {
    const found = (await this.items()).find((item) => "messageId" in item && item.messageId === id);
    return found?.kind === "text" ? found : undefined;
  }

  /** How many rows lie below a prefix. */
  async count(prefix: string): Promise<number> {
    let count = 0;
    for await (const _row of eachRow(this.store, prefix)) count += 1;
    return count;
  }

  /** Rows that hold these words, whatever row it is: everything is opened and searched. */
  async rowsWith(text: string): Promise<readonly string[]> {
    const needle = toHex(new TextEncoder().encode(text));
    const found: string[] = [];
    for (const key of this.raw.rows.keys()) {
      if (key === "!") continue;
      const value = await this.store.get(key);
      if (value !== undefined && toHex(value).includes(needle)) found.push(key.slice(0, key.indexOf("/")));
    }
    return found;
  }

  /** The hidden rows and their contents: none of them has any. */
  async leftInHidden(): Promise<number> {
    let bytes = 0;
    for await (const { value } of eachRow(this.store, keys.timeline(this.store, conversationId))) {
      const row = decodeRow("item", value);
      if (row.shape === "hidden") bytes += row.content.length + row.reactions.length + (row.edit?.length ?? 0);
    }
    return bytes;
  }
}

/** The kinds that are messages, each with something it may say. */
export const messages: readonly (Saying & { readonly kind: ContentKind })[] = [
  { kind: "text", text: "words" },
  { kind: "custom", schema: "org.example", data: Uint8Array.of(1) },
  { kind: "poll", question: "when?", options: ["now", "later"], choose: "one" },
  { kind: "location", latitude: 1, longitude: 1, accuracyMeters: undefined, label: undefined },
];

export { me, peer };
