/**
 * The durable outbox: what was asked to be sent leaves once, in order per account, over crashes and disconnections. The
 * relay's idempotence on the envelope id makes a repeated try harmless.
 */

import {
  type AccountId,
  type ConversationId,
  deriveDeliveryKey,
  encodePayload,
  type Payload,
  SottoError,
} from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Counters } from "../counters.js";
import { isFatal } from "../fatal.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { AbortSignalLike, Clock, Random, StoreChange } from "../ports.js";
import type { Relay } from "../relay.js";
import { decodeRow, encodeRow, keys, orderOf, type Row, range } from "../rows.js";
import type { Peers } from "../sessions/peers.js";
import type { Encrypted, Envelope, Sessions } from "../sessions/sessions.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { type Attempted, Lane, waitFor } from "./lane.js";
import type { SendWindow } from "./send-window.js";

/** Rows that may wait; one more is refused with `outboxFull`. */
const MAX_WAITING = 10_000;
/** A row that could not be sent for this long is given up; the relay remembers envelope ids for 7 days. */
const GIVE_UP_MS = 5 * 24 * 3_600_000;
/** What was sent is kept for retries this long. */
const KEEP_SENT_MS = 7 * 24 * 3_600_000;

/** What is to be sent: a content of a conversation, or a word to another SDK. */
export interface Order {
  readonly recipient: AccountId;
  readonly type: Row<"outbox">["type"];
  readonly envelopes?: readonly Uint8Array[];
  readonly content?: Uint8Array;
  readonly conversation?: ConversationId;
  /** The place of its timeline item, if it has one. */
  readonly sequence?: number;
}

/** A queued order: commit its changes, then call `sent` so that the outbox looks. */
export interface Queued {
  readonly order: number;
  readonly changes: readonly StoreChange[];
  sent(): void;
}

/** How to write to an account: as ourselves, or sealed under its delivery key. */
type Access = "identified" | { readonly deliveryKey: Uint8Array };

/** What the outbox works with. */
export interface OutboxParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly peers: Peers;
  readonly sessions: Sessions;
  readonly relay: Relay;
  readonly locks: KeyedLock;
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: Counters;
  /** A row was accepted or given up; the callee commits what belongs to that through `outcome.commit`. */
  settled(row: Row<"outbox">, outcome: Settled): Promise<void>;
  failed(error: unknown): void;
}

/** How a row ended. `commit` stores the outbox's own changes together with the caller's, atomically. */
export interface Settled {
  readonly kind: "accepted" | "failed";
  readonly atMs: number;
  readonly error?: SottoError;
  commit(alongside: readonly StoreChange[]): Promise<void>;
}

/** Sends what is queued. */
export class Outbox {
  private readonly lanes = new Map<AccountId, Lane<Access>>();
  private readonly onTheirWay = new Set<number>();
  private next = 1;
  private waiting = 0;
  private isClosed = false;

  constructor(private readonly parts: OutboxParts) {}

  /** Takes up what an earlier run left, and forgets what was sent long ago. */
  async load(): Promise<void> {
    const { store, clock } = this.parts;
    for (const { key, value } of await store.list(range(keys.outboxAll, MAX_WAITING * 2))) {
      const row = decodeRow("outbox", value);
      const order = orderOf(key);
      this.next = order + 1;
      if (row.state === "queued") this.enter(row.recipient, order);
    }
    const oldest = clock.now() - KEEP_SENT_MS;
    const forgotten = (await store.list(range(keys.sentAll, 100_000)))
      .filter(({ value }) => decodeRow("sent", value).sentMs < oldest)
      .map(({ key }) => ({ key, value: undefined }));
    if (forgotten.length > 0) await store.commit(forgotten);
  }

  /**
   * Queues an order. The caller commits its changes in the same turn, with whatever must not be separated from it.
   *
   * @throws outboxFull if too much waits already; nothing is queued.
   */
  queue(order: Order): Queued {
    this.assertRoom();
    const number = this.next;
    this.next += 1;
    const row: Row<"outbox"> = {
      envelope: this.parts.random.bytes(16),
      recipient: order.recipient,
      type: order.type,
      envelopes: order.envelopes ?? [],
      content: order.content ?? new Uint8Array(0),
      conversation: order.conversation,
      sequence: order.sequence,
      createdMs: this.parts.clock.now(),
      state: "queued",
    };
    return {
      order: number,
      changes: [{ key: keys.outbox(number), value: encodeRow("outbox", row) }],
      sent: () => this.enter(order.recipient, number),
    };
  }

  /** @throws outboxFull if one more order would be refused. */
  assertRoom(): void {
    if (this.waiting >= MAX_WAITING) throw new SottoError("outboxFull");
  }

  /** Goes on now with everything that waits, because the relay was reached. */
  wake(): void {
    for (const lane of this.lanes.values()) lane.wake();
  }

  /** Takes a waiting row out before it leaves; `undefined` if it is gone or on its way. The caller commits its deletion. */
  async withdraw(order: number): Promise<StoreChange | undefined> {
    const row = await this.row(order);
    if (row === undefined || this.onTheirWay.has(order)) return undefined;
    if (row.state === "queued" && this.lanes.get(row.recipient)?.remove(order) !== true) return undefined;
    if (row.state === "queued") this.waiting -= 1;
    return { key: keys.outbox(order), value: undefined };
  }

  /** The change that queues a given-up row again; `undefined` if there is no such row. Call `reenter` once committed. */
  async revive(order: number): Promise<{ readonly change: StoreChange; reenter(): void } | undefined> {
    const row = await this.row(order);
    if (row?.state !== "failed") return undefined;
    const revived: Row<"outbox"> = { ...row, state: "queued", createdMs: this.parts.clock.now() };
    return {
      change: { key: keys.outbox(order), value: encodeRow("outbox", revived) },
      reenter: () => this.enter(row.recipient, order),
    };
  }

  /** How many rows wait or are on their way. */
  get size(): number {
    return this.waiting;
  }

  /** Stops. What waits is sent by the next client. */
  close(): void {
    this.isClosed = true;
    for (const lane of this.lanes.values()) lane.close();
  }

  private async row(order: number): Promise<Row<"outbox"> | undefined> {
    const stored = await this.parts.store.get(keys.outbox(order));
    return stored === undefined ? undefined : decodeRow("outbox", stored);
  }

  private enter(recipient: AccountId, order: number): void {
    if (this.isClosed) return;
    const lane = this.lanes.get(recipient) ?? this.lane(recipient);
    this.waiting += 1;
    lane.add(order);
  }

  private lane(recipient: AccountId): Lane<Access> {
    const { clock, failed } = this.parts;
    const lane = new Lane<Access>(recipient, {
      clock,
      access: () => this.access(recipient),
      begin: (order, window) => this.begin(order, window),
      failed,
    });
    this.lanes.set(recipient, lane);
    return lane;
  }

  /** Encrypts a row and sends it. Encryption failures that pass are an outcome like any other. */
  private async begin(order: number, window: SendWindow<Access>): Promise<{ readonly attempted: Promise<Attempted> }> {
    const row = await this.row(order);
    if (row === undefined) return { attempted: Promise.resolve({ kind: "done" }) };
    // Encrypting for a relay that is not there would only spend message keys.
    if (this.parts.relay.device.state !== "ready") window.end();
    if (window.aborted) return { attempted: Promise.resolve({ kind: "again", afterMs: undefined }) };
    this.onTheirWay.add(order);
    try {
      if (this.parts.clock.now() - row.createdMs > GIVE_UP_MS) throw new SottoError("expired");
      const encrypted = await this.parts.sessions.encrypt(row.recipient, encodePayload(this.payload(row)));
      return { attempted: this.transmit(row, order, encrypted, window) };
    } catch (error) {
      return { attempted: this.failing(row, order, error, window) };
    }
  }

  private payload(row: Row<"outbox">): Payload {
    const { profileKey } = this.parts.account.current;
    switch (row.type) {
      case "content":
        return { type: "content", content: row.content, profileKey };
      case "resend":
        return { type: "resend", envelope: row.envelopes[0] ?? row.envelope, content: row.content, profileKey };
      case "retry":
      case "unavailable":
        return { type: row.type, envelopes: row.envelopes };
      default:
        return row.type satisfies never;
    }
  }

  /** Nothing is awaited between the commit and the request, so requests leave in the order of the encryptions. */
  private async transmit(
    row: Row<"outbox">,
    order: number,
    { envelopes, durable }: Encrypted,
    window: SendWindow<Access>,
  ): Promise<Attempted> {
    try {
      await durable;
      const answer = await this.request(row, envelopes, window);
      if (answer.type === "deviceMismatch") {
        window.end();
        await this.parts.sessions.repair(answer);
        this.onTheirWay.delete(order);
        this.parts.counters.count("sendsRetried");
        return { kind: "again", afterMs: 0 };
      }
      return await this.accepted(row, order);
    } catch (error) {
      return this.failing(row, order, error, window);
    }
  }

  /** Sealed where the peer's delivery key is held, else identified. */
  private async access(recipient: AccountId): Promise<Access> {
    const { profileKey } = await this.parts.peers.get(recipient);
    return profileKey === undefined ? "identified" : { deliveryKey: deriveDeliveryKey(profileKey) };
  }

  /** A refused delivery key is dropped, and the send made as a first contact again: a request, not silence. */
  private async request(row: Row<"outbox">, envelopes: readonly Envelope[], window: SendWindow<Access>) {
    const { peers, locks, store } = this.parts;
    const { access } = window;
    if (access === "identified") return this.send(row, envelopes, undefined, window);
    try {
      return await this.send(row, envelopes, access.deliveryKey, window);
    } catch (error) {
      if (!(error instanceof SottoError && error.code === "notAllowed")) throw error;
      await locks.run(row.recipient, async () => {
        await store.commit([peers.change({ ...(await peers.get(row.recipient)), profileKey: undefined })]);
      });
      return this.send(row, envelopes, undefined, window);
    }
  }

  private send(
    row: Row<"outbox">,
    envelopes: readonly Envelope[],
    deliveryKey: Uint8Array | undefined,
    signal: AbortSignalLike,
  ) {
    const { relay } = this.parts;
    const link = deliveryKey === undefined ? relay.device : relay.anonymous;
    const recipients = [{ account: row.recipient, deliveryKey, envelopes }];
    return link.request(
      { type: "send", messageId: row.envelope, storage: "stored", urgency: "normal", recipients },
      { signal },
    );
  }

  private async accepted(row: Row<"outbox">, order: number): Promise<Attempted> {
    const { store, clock, counters } = this.parts;
    const atMs = clock.now();
    const own: StoreChange[] = [
      { key: keys.outbox(order), value: undefined },
      { key: keys.sent(row.envelope), value: encodeRow("sent", this.kept(row, atMs)) },
    ];
    counters.count("sendsAccepted");
    await this.parts.settled(row, {
      kind: "accepted",
      atMs,
      commit: (alongside) => store.commit([...own, ...alongside]),
    });
    this.leave(order);
    return { kind: "done" };
  }

  /** What a retry will get: the content, or nothing for a word between SDKs. */
  private kept(row: Row<"outbox">, sentMs: number): Row<"sent"> {
    return { recipient: row.recipient, content: row.content, sentMs, resends: 0 };
  }

  private async failing(
    row: Row<"outbox">,
    order: number,
    error: unknown,
    window: SendWindow<Access>,
  ): Promise<Attempted> {
    if (isFatal(error)) throw error;
    this.onTheirWay.delete(order);
    // Aborted: one before it has to go again first. Closed: it goes with the next client.
    const isKeptBack = error instanceof SottoError && (error.code === "aborted" || error.code === "closed");
    const afterMs = waitFor(error);
    if (isKeptBack || afterMs !== undefined) {
      window.end();
      return { kind: "again", afterMs };
    }
    const { store, clock } = this.parts;
    const own = row.sequence === undefined ? undefined : encodeRow("outbox", { ...row, state: "failed" });
    await this.parts.settled(row, {
      kind: "failed",
      atMs: clock.now(),
      error: error as SottoError,
      commit: (alongside) => store.commit([{ key: keys.outbox(order), value: own }, ...alongside]),
    });
    this.leave(order);
    return { kind: "done" };
  }

  private leave(order: number): void {
    this.onTheirWay.delete(order);
    this.waiting -= 1;
  }
}
