/** History between own devices: sent in parts a few at a time, acknowledged, and gone on with after a crash of either side. */

import { type AccountId, type DeviceId, decodeOwnBody, encodeOwnBody, equalBytes, type OwnBody } from "@sotto/protocol";
import { nothing, type Plan } from "../inbox/plan.js";
import type { Outbox } from "../outbox/outbox.js";
import type { Clock, Random, StoreChange } from "../ports.js";
import { Rounds } from "../rounds.js";
import { decodeRow, eachRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { HistoryExport, Step } from "./export.js";
import type { HistoryImport } from "./import.js";

/** Parts on their way to one device; the next one waits for an acknowledgement. */
const MAX_UNACKNOWLEDGED = 8;
/** While the outbox is full, history waits so long. */
const POSTPONE_MS = 1_000;
/** A device that was linked and never registered is not waited for any longer than this. */
const WISH_MS = 30 * 24 * 3_600_000;

/** How far a transfer is. */
export interface TransferProgress {
  readonly direction: "sending" | "receiving";
  /** Messages so far, which only ever rises within one transfer. */
  readonly done: number;
  /** An estimate until the last part, then `done`. */
  readonly total: number;
}

/** What history works with. */
export interface HistoryParts {
  readonly store: SealedStore;
  /** The own account. */
  readonly me: AccountId;
  readonly clock: Clock;
  readonly random: Random;
  readonly outbox: Pick<Outbox, "queue" | "room">;
  readonly exporter: Pick<HistoryExport, "count" | "step">;
  readonly importer: Pick<HistoryImport, "plan">;
  /** Runs work while no message ends. */
  still<T>(work: () => Promise<T>): Promise<T>;
  /** Whether a device is one of this account's, as far as this one knows. */
  isOwn(device: DeviceId): boolean;
  transfer(progress: TransferProgress): void;
  failed(error: unknown): void;
}

/**
 * Transfers of history, at most one to each device.
 *
 *   sending ──part──▶ sending ──last part──▶ sent ──last acknowledgement──▶ gone
 *      └──▲ eight parts unacknowledged: waits
 *
 * A part and how far it takes the transfer are one commit, so a crash repeats none and leaves none out.
 */
export class History {
  /** In memory ahead of the disk by the commit of the same turn, as all who change them do so without an await. */
  private readonly sending = new Map<DeviceId, Row<"transfer">>();
  /** Devices that were listed once: those that are no more were removed, others may be about to be listed. */
  private readonly seen = new Set<DeviceId>();
  private readonly rounds: Rounds;

  constructor(private readonly parts: HistoryParts) {
    const { clock, failed } = parts;
    this.rounds = new Rounds({ clock, delayMs: 0, work: () => this.round(), failed });
  }

  /** Takes up what an earlier run left. */
  async load(): Promise<void> {
    const { store, clock } = this.parts;
    for await (const { key, value } of eachRow(store, keys.historyWishes)) {
      const isOld = clock.now() - decodeRow("historyWish", value).sinceMs > WISH_MS;
      if (isOld) await store.commit([{ key, value: undefined }]);
    }
    for await (const { value } of eachRow(store, keys.transfers)) {
      const row = decodeRow("transfer", value);
      this.seen.add(row.device);
      // An acknowledgement that did not open is not repeated; a new run need not wait for it.
      this.sending.set(row.device, { ...row, acknowledged: row.state === "sending" ? row.part : row.acknowledged });
    }
  }

  /**
   * Remembers that a device which is not there yet is to be sent the whole history, by its registration id. Resolves once
   * that is durable.
   */
  async wish(registrationId: number): Promise<void> {
    const { store, clock } = this.parts;
    const value = encodeRow("historyWish", { registrationId, sinceMs: clock.now() });
    await store.commit([{ key: keys.historyWish(registrationId), value }]);
  }

  /** A device joined: begins what was wished for it, if anything. Wish and transfer change places in one commit. */
  async joined(device: DeviceId, registrationId: number): Promise<void> {
    const { store } = this.parts;
    const key = keys.historyWish(registrationId);
    if ((await store.get(key)) === undefined) return;
    await store.commit([{ key, value: undefined }, this.begin(device, 0)]);
    this.wake();
  }

  /** Sends a device of this account everything accepted since a time (0: all there is). Resolves once that is durable. */
  async start(device: DeviceId, sinceMs: number): Promise<void> {
    await this.parts.store.commit([this.begin(device, sinceMs)]);
    this.wake();
  }

  /** For the inbox: an own device lost what was accepted since a time. */
  async missed(device: DeviceId, atMs: number): Promise<Plan> {
    return { build: () => [this.begin(device, atMs)], after: [() => this.wake()] };
  }

  /** For the inbox: a part from an own device. What is no part changes nothing. */
  async take(body: Uint8Array, sender: DeviceId): Promise<Plan> {
    const part = tryDecode("archive", body);
    if (part === undefined) return nothing;
    const plan = await this.parts.importer.plan(part.entries);
    const stored = await this.parts.store.get(keys.arriving);
    const before = stored === undefined ? undefined : decodeRow("arriving", stored);
    const progress = advanced(before, part, sender);
    let sent: () => void = () => undefined;
    return {
      build: () => {
        const changes: StoreChange[] = [
          ...plan.build(),
          { key: keys.arriving, value: part.last === "yes" ? undefined : encodeRow("arriving", progress) },
        ];
        // A full outbox passes, and the next acknowledgement counts for this part as well.
        if (this.parts.outbox.room === 0) return changes;
        const acknowledgement = { transfer: part.transfer.slice(), part: part.part };
        const queued = this.queue(sender, "archived", encodeOwnBody("archived", acknowledgement));
        sent = queued.sent;
        return [...changes, ...queued.changes];
      },
      after: [
        ...plan.after,
        () => {
          sent();
          const { done, total } = progress;
          this.parts.transfer({ direction: "receiving", done, total });
        },
      ],
    };
  }

  /** For the inbox: a device has a part. */
  async acknowledged(body: Uint8Array, sender: DeviceId): Promise<Plan> {
    const word = tryDecode("archived", body);
    if (word === undefined) return nothing;
    const transfer = word.transfer.slice();
    const { part } = word;
    return {
      build: () => {
        const row = this.sending.get(sender);
        if (row === undefined || !equalBytes(row.transfer, transfer) || part > row.part) return [];
        const acknowledged = Math.max(row.acknowledged, part);
        if (row.state === "sent" && acknowledged === row.part) return [this.drop(sender)];
        return [this.put({ ...row, acknowledged })];
      },
      after: [() => this.wake()],
    };
  }

  /** Goes on where there is something to send. Also called when the list of own devices changed. */
  wake(): void {
    if (this.sending.size > 0) this.rounds.wake();
  }

  /** Stops. What is not queued yet goes with the next client. */
  close(): void {
    this.rounds.close();
  }

  /** A device that asks again lost what it had: everything it was ever owed begins anew. */
  private begin(device: DeviceId, sinceMs: number): StoreChange {
    const before = this.sending.get(device);
    return this.put({
      device,
      transfer: this.parts.random.bytes(16),
      sinceMs: Math.min(before?.sinceMs ?? sinceMs, sinceMs),
      conversation: undefined,
      ...{ after: 0, part: 0, acknowledged: 0, done: 0, total: 0, state: "sending" },
    });
  }

  private async round(): Promise<void> {
    for (const device of [...this.sending.keys()]) {
      if (this.parts.isOwn(device)) this.seen.add(device);
      if (this.seen.has(device) && !this.parts.isOwn(device)) await this.parts.store.commit([this.drop(device)]);
      else while ((await this.sendNext(device)) === "more");
    }
  }

  private async sendNext(device: DeviceId): Promise<"more" | "waits"> {
    const { exporter, still, transfer } = this.parts;
    const row = this.sending.get(device);
    if (row === undefined || row.state === "sent" || row.part - row.acknowledged >= MAX_UNACKNOWLEDGED) return "waits";
    const total = row.part === 0 ? await exporter.count(row.sinceMs) : row.total;
    // What ended between the reading and the commit would lie in the outbox, where nobody looks for it any more.
    const taken = await still(() => this.queueNext({ ...row, total }));
    if (typeof taken === "string") return taken;
    const { next, queued, durable } = taken;
    await durable;
    for (const { sent } of queued) sent();
    transfer({ direction: "sending", done: next.done, total: next.total });
    return next.state === "sent" ? "waits" : "more";
  }

  /** The next parts into the outbox. Their commit is on its way when this resolves. */
  private async queueNext(row: Row<"transfer">) {
    const { store, exporter, outbox, clock } = this.parts;
    const { device, total } = row;
    const step = await exporter.step({ conversation: row.conversation, after: row.after }, row.sinceMs);
    const present = this.sending.get(device);
    // Begun anew, or given up, while the step was read.
    if (present === undefined || !equalBytes(present.transfer, row.transfer)) return "more";
    if (outbox.room < step.parts.length) {
      clock.after(POSTPONE_MS, () => this.wake());
      return "waits";
    }
    const next = after({ ...present, total }, step);
    const queued = step.parts.map((entries, index) => {
      const isLast = next.state === "sent" && index === step.parts.length - 1;
      const body = encodeOwnBody("archive", {
        transfer: next.transfer,
        part: present.part + index + 1,
        last: isLast ? "yes" : "no",
        done: next.done,
        total: next.total,
        entries: [...entries],
      });
      return this.queue(device, "archive", body);
    });
    const durable = store.commit([this.put(next), ...queued.flatMap(({ changes }) => changes)]);
    return { next, queued, durable };
  }

  private queue(device: DeviceId, type: "archive" | "archived", body: Uint8Array) {
    return this.parts.outbox.queue({ recipient: this.parts.me, device, type, body });
  }

  private put(row: Row<"transfer">): StoreChange {
    this.sending.set(row.device, row);
    return { key: keys.transfer(row.device), value: encodeRow("transfer", row) };
  }

  private drop(device: DeviceId): StoreChange {
    this.sending.delete(device);
    return { key: keys.transfer(device), value: undefined };
  }
}

function after(row: Row<"transfer">, { parts, messages, position, end }: Step): Row<"transfer"> {
  const done = row.done + messages;
  return {
    ...row,
    ...position,
    part: row.part + parts.length,
    done,
    total: end === "yes" ? done : Math.max(row.total, done),
    state: end === "yes" ? "sent" : "sending",
  };
}

/** A part that comes again, behind later ones, takes no progress back. */
function advanced(
  before: Row<"arriving"> | undefined,
  { transfer, part, done, total }: OwnBody<"archive">,
  from: DeviceId,
): Row<"arriving"> {
  const isSame = before !== undefined && equalBytes(before.transfer, transfer);
  if (!isSame) return { transfer: transfer.slice(), from, part, done, total };
  return {
    ...before,
    part: Math.max(before.part, part),
    done: Math.max(before.done, done),
    total: Math.max(total, before.done),
  };
}

function tryDecode<Type extends "archive" | "archived">(type: Type, body: Uint8Array): OwnBody<Type> | undefined {
  try {
    return decodeOwnBody(type, body);
  } catch {
    return undefined;
  }
}
