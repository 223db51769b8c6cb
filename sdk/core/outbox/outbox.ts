/**
 * The durable outbox: what was asked to be sent leaves once, in order per destination, over crashes and disconnections. The
 * relay's idempotence on the envelope id makes a repeated try harmless.
 */

import { type ConversationId, SottoError } from "@sotto/protocol";
import type { Franker } from "../franking/franker.js";
import type { GroupDispatch } from "../groups/sending/group-dispatch.js";
import type { Random, StoreChange } from "../ports.js";
import { decodeRow, eachRow, encodeRow, keys, orderOf, type Row } from "../rows.js";
import type { Peers } from "../sessions/peers.js";
import { Approach, type ApproachParts } from "./approach.js";
import { type Destination, destinationOf } from "./destination.js";
import { Dispatch, type DispatchParts } from "./dispatch.js";
import type { KeptSends } from "./kept-sends.js";
import type { Attempted } from "./lane.js";
import { Lanes } from "./lanes.js";
import { againOrder, leftOutOrders, type Order, type Queued, rowOf, type Settled } from "./order.js";
import type { Dispatched } from "./outcome.js";
import { Room } from "./room.js";

/** What the outbox works with. */
export interface OutboxParts extends DispatchParts, Omit<ApproachParts, "relay"> {
  readonly peers: Peers;
  readonly random: Random;
  readonly keptSends: KeptSends;
  readonly groupDispatch: Pick<GroupDispatch, "begin" | "hand">;
  readonly franker: Pick<Franker, "franked" | "evidence" | "isMissed" | "forgotten" | "forget">;
  /** Asks the relay what time it is. */
  askTime(): Promise<unknown>;
  /** A row was accepted or given up; the callee commits what belongs to that through `outcome.commit`. */
  settled(row: Row<"outbox">, outcome: Settled): Promise<void>;
  failed(error: unknown): void;
}

/** Sends what is queued. */
export class Outbox {
  private readonly approach: Approach;
  private readonly dispatch: Dispatch;
  private readonly lanes: Lanes;
  /** Orders whose commit is on its way to the disk. */
  private readonly entering = new Set<number>();
  private readonly onTheirWay = new Set<number>();
  /** Those of them that are not wanted any more. */
  private readonly struck = new Set<number>();
  /** Orders whose row is on the disk, or on its way there. */
  private readonly rows = new Set<number>();
  private readonly waiting = new Room();
  private next = 1;
  private isClosed = false;

  constructor(private readonly parts: OutboxParts) {
    this.approach = new Approach(parts);
    this.dispatch = new Dispatch(parts, this.approach);
    const { clock, failed, groupDispatch } = parts;
    this.lanes = new Lanes({
      ...{ clock, failed },
      access: (to) => this.approach.access(to),
      toAccount: (order, { recipient }, passage) =>
        this.begin(order, (row) =>
          row.type === "senderKey"
            ? groupDispatch.hand({ ...row, recipient })
            : this.dispatch.begin({ ...row, recipient }, passage),
        ),
      toGroup: (order, passage) => this.begin(order, (row) => groupDispatch.begin(row, passage)),
    });
  }

  /** Takes up what an earlier run left. */
  async load(): Promise<void> {
    for await (const { key, value } of eachRow(this.parts.store, keys.outboxAll)) {
      const row = decodeRow("outbox", value);
      const order = orderOf(key);
      this.next = order + 1;
      this.rows.add(order);
      if (row.state !== "queued") continue;
      this.waiting.take();
      this.lanes.add(this.destination(row), order);
    }
  }

  /**
   * Queues an order. The caller commits its changes in the same turn, with whatever must not be separated from it.
   *
   * @throws outboxFull if too much waits already; nothing is queued.
   */
  queue(order: Order): Queued {
    const isOwn = order.recipient === this.parts.account.id;
    if ((isOwn ? this.waiting.spare : this.waiting.left) === 0) throw new SottoError("outboxFull");
    return this.take(order);
  }

  /** Queues an order whether there is room or not. */
  private take(order: Order): Queued {
    const row = rowOf(order, { envelope: this.parts.random.bytes(16), createdMs: this.parts.clock.now() });
    const destination = this.destination(row);
    const number = this.next;
    this.next += 1;
    this.rows.add(number);
    this.expect(number);
    return {
      order: number,
      changes: [{ key: keys.outbox(number), value: encodeRow("outbox", row) }],
      sent: () => this.enter(destination, number),
    };
  }

  /** How many more orders would be taken. */
  get room(): number {
    return this.waiting.left;
  }

  /** How many more orders for own devices would be taken. */
  get spareRoom(): number {
    return this.waiting.spare;
  }

  /** Resolves when so many more orders would be taken, at most once half of the room is free. */
  vacancy(count: number): Promise<void> {
    return this.waiting.vacancy(count);
  }

  /** @throws outboxFull if one more order would be refused. */
  assertRoom(): void {
    this.waiting.assert();
  }

  /** Goes on now with everything that waits, because the relay was reached. */
  wake(): void {
    this.lanes.wake();
  }

  /** The order of a timeline item that was not accepted yet; `undefined` if it left or never had one. */
  async find(conversation: ConversationId, sequence: number): Promise<number | undefined> {
    for await (const { key, value } of eachRow(this.parts.store, keys.outboxAll)) {
      const row = decodeRow("outbox", value);
      if (row.conversation === conversation && row.sequence === sequence) return orderOf(key);
    }
    return undefined;
  }

  /** Whether an order's row is there, in the turn that asks: what is written for one that ended would bring it back. */
  isThere(order: number): boolean {
    return this.rows.has(order);
  }

  /** Takes a waiting row out before it leaves; `undefined` if it is gone or on its way. The caller commits its deletion. */
  async withdraw(order: number): Promise<StoreChange | undefined> {
    const row = await this.row(order);
    if (row === undefined || this.onTheirWay.has(order)) return undefined;
    if (row.state === "queued") {
      const isOut = this.entering.delete(order) || this.lanes.remove(this.destination(row), order);
      if (!isOut) return undefined;
      this.waiting.free();
    }
    this.parts.franker.forget(row);
    this.rows.delete(order);
    return { key: keys.outbox(order), value: undefined };
  }

  /** Takes a row out wherever it is; nothing is kept of one that is on its way. The caller commits its deletion. */
  async strike(order: number): Promise<StoreChange> {
    const withdrawn = await this.withdraw(order);
    if (withdrawn === undefined && this.onTheirWay.has(order)) this.struck.add(order);
    this.rows.delete(order);
    return withdrawn ?? { key: keys.outbox(order), value: undefined };
  }

  /** The change that queues a given-up row again; `undefined` if there is no such row. Call `reenter` once committed. */
  async revive(order: number): Promise<{ readonly change: StoreChange; reenter(): void } | undefined> {
    const row = await this.row(order);
    if (row?.state !== "failed") return undefined;
    const revived: Row<"outbox"> = { ...row, state: "queued", createdMs: this.parts.clock.now() };
    this.expect(order);
    return {
      change: { key: keys.outbox(order), value: encodeRow("outbox", revived) },
      reenter: () => this.enter(this.destination(row), order),
    };
  }

  /** How many rows wait or are on their way. */
  get size(): number {
    return this.waiting.taken;
  }

  /** Stops. What waits is sent by the next client. */
  close(): void {
    this.isClosed = true;
    this.lanes.close();
  }

  private async row(order: number): Promise<Row<"outbox"> | undefined> {
    const stored = await this.parts.store.get(keys.outbox(order));
    return stored === undefined ? undefined : decodeRow("outbox", stored);
  }

  private expect(order: number): void {
    this.entering.add(order);
    this.waiting.take();
  }

  private destination(row: Row<"outbox">): Destination {
    return destinationOf(row, this.parts.account.id);
  }

  /** Does nothing for an order that was withdrawn while its commit was on its way. */
  private enter(destination: Destination, number: number): void {
    if (this.entering.delete(number) && !this.isClosed) this.lanes.add(destination, number);
  }

  /** From the first line on the row counts as on its way, so that nobody withdraws what may leave. */
  private async begin(
    order: number,
    dispatch: (row: Row<"outbox">) => Promise<{ readonly attempted: Promise<Dispatched> }>,
  ): Promise<{ readonly attempted: Promise<Attempted> }> {
    this.onTheirWay.add(order);
    const row = await this.row(order);
    if (row === undefined) {
      this.onTheirWay.delete(order);
      if (this.struck.delete(order)) this.waiting.free();
      return { attempted: Promise.resolve({ kind: "done" }) };
    }
    const { attempted } = await dispatch(row);
    return { attempted: attempted.then((outcome) => this.conclude(row, order, outcome)) };
  }

  private async conclude(row: Row<"outbox">, order: number, outcome: Dispatched): Promise<Attempted> {
    if (outcome.kind !== "again") {
      await this.settle(row, order, outcome);
      this.struck.delete(order);
      this.waiting.free();
    }
    this.onTheirWay.delete(order);
    return outcome.kind === "again" ? outcome : { kind: "done" };
  }

  private async settle(
    row: Row<"outbox">,
    order: number,
    outcome: Exclude<Dispatched, { kind: "again" }>,
  ): Promise<void> {
    const { store, clock, franker, settled } = this.parts;
    const atMs = clock.now();
    const key = keys.outbox(order);
    if (outcome.kind === "accepted") return this.accept(row, order, outcome);
    // Without a timeline item nobody could ask for another try.
    const isKept = () => row.sequence !== undefined && !this.struck.has(order);
    const value = () => {
      if (isKept()) return encodeRow("outbox", { ...row, state: "failed" });
      this.rows.delete(order);
      return undefined;
    };
    return settled(row, {
      kind: "failed",
      atMs,
      error: outcome.error,
      commit: (alongside) => store.commit([{ key, value: value() }, franker.forgotten(row), ...alongside]),
    });
  }

  /** Members of a group whom a row could not go to with the others are written to one by one, from the same commit on. */
  private async accept(
    row: Row<"outbox">,
    order: number,
    { acceptedMs, stamp, inGroup }: Extract<Dispatched, { kind: "accepted" }>,
  ): Promise<void> {
    const { store, clock, counters, keptSends, franker, settled } = this.parts;
    const atMs = clock.now();
    counters.count("sendsAccepted");
    const said: Row<"outbox"> = inGroup === undefined ? row : { ...row, standing: inGroup.standing };
    const again = stamp === undefined ? [] : await this.missed(row, acceptedMs);
    const orders = [...again, ...leftOutOrders(said, acceptedMs, inGroup?.leftOut ?? [])];
    const evidence = stamp === undefined ? undefined : await franker.evidence(said, { acceptedMs, stamp });
    let queued: readonly Queued[] = [];
    const isWanted = () => !this.struck.has(order);
    const commit = (alongside: readonly StoreChange[]) => {
      const wanted = isWanted() ? orders : [];
      const taken = wanted.slice(0, this.waiting.leftForFollowing);
      for (const _dropped of wanted.slice(taken.length)) counters.count("groupWordsDropped");
      queued = taken.map((one) => this.take(one));
      const kept = isWanted() ? [...keptSends.keeping(said, { atMs, acceptedMs }), ...(evidence?.changes ?? [])] : [];
      this.rows.delete(order);
      const own = [{ key: keys.outbox(order), value: undefined }, franker.forgotten(row), ...kept];
      return store.commit([...own, ...queued.flatMap(({ changes }) => changes), ...alongside]);
    };
    await settled(said, { kind: "accepted", atMs, acceptedMs, evidence: evidence?.encoded, isWanted, commit });
    for (const { sent } of queued) sent();
  }

  /** What the relay took with a token that was not good by its clock is said again, once, after it was asked what time it is. */
  private async missed(row: Row<"outbox">, acceptedMs: number): Promise<readonly Order[]> {
    if (row.resendOf !== undefined || !(await this.parts.franker.isMissed(row, acceptedMs))) return [];
    this.parts.counters.count("franksMissed");
    await this.parts.askTime();
    return [againOrder(row, acceptedMs)];
  }
}
