/** Telling own devices of registers: what changed here, everything to a new one, and again what one of them lost. */

import { type DeviceId, encodeRegisters, type Register } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import { nothing, ordering, type Plan } from "../inbox/plan.js";
import type { KeptSends } from "../outbox/kept-sends.js";
import type { Order, Queued, Settled } from "../outbox/order.js";
import type { Outbox } from "../outbox/outbox.js";
import type { Clock, StoreChange } from "../ports.js";
import { decodeRow, eachRow, keys, orderOf, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { isForgotten } from "./merge.js";
import { fitOne, inBodies, type Named, named, nameOf, namesIn, namingBody } from "./waiting-names.js";

/** What telling works with. */
export interface RegisterOrderParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly clock: Clock;
  readonly outbox: Pick<Outbox, "queue" | "withdraw" | "vacancy" | "assertRoom" | "room" | "size">;
  readonly keptSends: Pick<KeptSends, "since">;
  /** The other devices of this account. */
  others(): readonly DeviceId[];
  /** The relay's clock. */
  nowMs(): number;
}

/** Orders of one change: commit `changes` in the same turn, and call `sent` once they are durable. */
export interface Told {
  readonly changes: readonly StoreChange[];
  sent(): void;
}

/** What is typed is told this long after its first change: devices need not see every key. */
const DRAFT_DELAY_MS = 1_000;
/** Registers that one order gathers while it waits; each change writes their names anew. */
const MOST_GATHERED = 64;
/** Clocks of devices differ less than this, as far as they were told the relay's. */
const MARGIN_MS = 24 * 3_600_000;
/** What was sent is kept this long and a day; to whom lost more, everything is told. */
const KEPT_MS = 6 * 24 * 3_600_000;

/** An order that is not known to have left, and what it names. */
interface Waiting {
  readonly order: number;
  readonly names: readonly Named[];
}

/**
 * Makes the orders.
 *
 * An order names registers and is filled in when it leaves. While it waits, what changes next is gathered into it: it is
 * taken back, and one that names both is queued in the same commit, under an id of its own. So what changes fifty times
 * while this device is offline leaves once, and no answer of the relay to an earlier try is taken for one to a later word.
 */
export class RegisterOrders {
  private waiting: readonly Waiting[] | undefined;
  /** Durable, and held back for a moment. */
  private held: (() => void)[] = [];
  private timer: { cancel(): void } | undefined;

  constructor(private readonly parts: RegisterOrderParts) {}

  /** The orders that tell the other devices of words; none without other devices. Called by one change at a time. @throws outboxFull. */
  async tell(words: readonly Register[]): Promise<Told> {
    const { outbox, others } = this.parts;
    if (words.length === 0 || others().length === 0) return { changes: [], sent: () => undefined };
    outbox.assertRoom();
    const changes: StoreChange[] = [];
    const gathered = [...(await this.takenBack(words, changes)), ...words.map(named)];
    const queued = inBodies(gathered).map((names) => {
      const one = this.queue({ body: namingBody(names) });
      this.waiting = [...(this.waiting ?? []), { order: one.order, names }];
      return one;
    });
    const sent = () => {
      for (const one of queued) one.sent();
    };
    const isTyping = words.every(({ kind }) => kind === "draft");
    return {
      changes: [...changes, ...queued.flatMap((one) => one.changes)],
      sent: isTyping ? () => this.hold(sent) : sent,
    };
  }

  /**
   * The body of an order as it leaves: what it names, as it is now. If that has become more than one body takes, without
   * what changed since: whoever changed it has told it in an order of its own.
   */
  async filled(body: Uint8Array): Promise<Uint8Array> {
    const { store } = this.parts;
    const told = namesIn(body);
    const stored = await store.getMany(told.map((word) => keys.register(store, word)));
    const now = stored.flatMap((row) => (row === undefined ? [] : [decodeRow("register", row)]));
    if (fitOne(now.map(named))) return encodeRegisters(now);
    const before = new Map(told.map((word) => [nameOf(word), word]));
    return encodeRegisters(now.filter((register) => isSameWord(register, before.get(nameOf(register)))));
  }

  /** Queues everything for one device. Resolves once it is durable. */
  async serve(device: DeviceId): Promise<void> {
    const { store, outbox } = this.parts;
    const bodies = inBodies(await this.everything());
    await outbox.vacancy(bodies.length);
    const queued = bodies.map((names) => this.queue({ body: namingBody(names), device }));
    await store.commit(queued.flatMap(({ changes }) => changes));
    for (const { sent } of queued) sent();
  }

  /** For the inbox: an own device lost what it was told since a time. It is told again, as far as the outbox takes it now. */
  async missed(device: DeviceId, sinceMs: number): Promise<Plan> {
    const { outbox } = this.parts;
    const isKept = sinceMs >= this.parts.nowMs() - KEPT_MS;
    const bodies = inBodies(isKept ? await this.since(sinceMs, device) : await this.everything());
    if (bodies.length === 0) return nothing;
    return ordering(() => bodies.slice(0, outbox.room).map((names) => this.queue({ body: namingBody(names), device })));
  }

  /** An order that did not leave for days is made anew, if there is still somebody to tell. */
  async givenUp(
    { body, device }: Row<"outbox">,
    { error, commit }: Extract<Settled, { kind: "failed" }>,
  ): Promise<void> {
    const { others, outbox } = this.parts;
    const isAwaited = device === undefined ? others().length > 0 : others().includes(device);
    const isDue = error.code === "expired" && isAwaited && outbox.room > 0;
    const again = isDue ? [this.queue({ body, device })] : [];
    await commit(again.flatMap(({ changes }) => changes));
    for (const { sent } of again) sent();
  }

  /** What is held back stays in the outbox and leaves with the next client. Idempotent. */
  close(): void {
    this.timer?.cancel();
    this.held = [];
  }

  /**
   * What waits already and goes with these words: the order that names one of them, else the last one if it has room. Its
   * deletion is added to `changes`.
   */
  private async takenBack(words: readonly Register[], changes: StoreChange[]): Promise<readonly Named[]> {
    const { outbox } = this.parts;
    const waiting = this.waiting ?? (await this.ofEarlierRuns());
    const fresh = words.map(named);
    const isNamedIn = ({ names }: Waiting) =>
      names.some(({ word }) => words.some((one) => nameOf(one) === nameOf(word)));
    const last = waiting.at(-1);
    const hasRoom = last !== undefined && fitOne([...last.names, ...fresh], MOST_GATHERED);
    const chosen = waiting.filter((one) => isNamedIn(one) || (one === last && hasRoom));
    const others: Named[] = [];
    let left = waiting.filter((one) => !chosen.includes(one));
    for (const { order, names } of chosen) {
      const deletion = await outbox.withdraw(order);
      // Orders leave one after the other: if this one did, the ones before it did. At worst one of them is not gathered into.
      if (deletion === undefined) left = left.filter((one) => one.order > order);
      else changes.push(deletion);
      if (deletion !== undefined) {
        others.push(...names.filter(({ word }) => !words.some((one) => nameOf(one) === nameOf(word))));
      }
    }
    this.waiting = left;
    return others;
  }

  /** What an earlier run left in the outbox. */
  private async ofEarlierRuns(): Promise<readonly Waiting[]> {
    const { store, outbox } = this.parts;
    if (outbox.size === 0) return [];
    const found: Waiting[] = [];
    for await (const { key, value } of eachRow(store, keys.outboxAll)) {
      const { type, device, body } = decodeRow("outbox", value);
      if (type !== "registers" || device !== undefined) continue;
      const names = await Promise.all(namesIn(body).map((word) => this.present(word)));
      found.push({ order: orderOf(key), names });
    }
    return found;
  }

  /** What was named once, as it is now. */
  private async present(word: Register): Promise<Named> {
    const { store } = this.parts;
    const stored = await store.get(keys.register(store, word));
    return named(stored === undefined ? word : decodeRow("register", stored));
  }

  private async everything(sinceMs = 0): Promise<readonly Named[]> {
    const { store, nowMs } = this.parts;
    const found: Named[] = [];
    for await (const { value } of eachRow(store, keys.registers)) {
      const register = decodeRow("register", value);
      if (register.atMs >= sinceMs && !isForgotten(register, nowMs())) found.push(named(register));
    }
    return found;
  }

  /** What anybody said since, also the device itself that lost it; and what was said before, but told by this one since. */
  private async since(sinceMs: number, device: DeviceId): Promise<readonly Named[]> {
    const names = new Map<string, Named>();
    for (const one of await this.everything(sinceMs - MARGIN_MS)) names.set(nameOf(one.word), one);
    for await (const { row } of this.parts.keptSends.since(sinceMs)) {
      const isToIt = row.device === undefined || row.device === device;
      if (row.type !== "registers" || !isToIt) continue;
      for (const word of namesIn(row.body)) names.set(nameOf(word), await this.present(word));
    }
    return [...names.values()];
  }

  private queue({ body, device }: Pick<Order, "body" | "device">): Queued {
    const { outbox, account } = this.parts;
    return outbox.queue({ recipient: account.id, device, type: "registers", body });
  }

  private hold(sent: () => void): void {
    this.held.push(sent);
    this.timer ??= this.parts.clock.after(DRAFT_DELAY_MS, () => {
      this.timer = undefined;
      for (const release of this.held.splice(0)) release();
    });
  }
}

function isSameWord(one: Register, other: Register | undefined): boolean {
  return one.atMs === other?.atMs && one.device === other.device;
}
