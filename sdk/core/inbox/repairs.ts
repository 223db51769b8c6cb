/**
 * Self-repair of mail that did not open (PROTOCOL.md, self-repair), as its recipient: opens a fresh session and asks for
 * the named envelopes inside it. `resends.ts` is the sender's side.
 */

import { type AccountId, type ConversationId, type DeviceId, fromHex } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import { holdsProfileKey } from "../consent/relations.js";
import { Conversations, type Thread } from "../conversations/conversations.js";
import { LOST } from "../conversations/item-reader.js";
import { cursorOf } from "../conversations/items.js";
import type { TimelineRow } from "../conversations/timeline.js";
import type { Counters } from "../counters.js";
import { isFatal } from "../fatal.js";
import type { GroupLogs } from "../groups/log/group-logs.js";
import { standingOf } from "../groups/state/permissions.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { Outbox } from "../outbox/outbox.js";
import { isAboutTheWay } from "../outbox/outcome.js";
import type { Address, Clock, StoreChange } from "../ports.js";
import { Rounds } from "../rounds.js";
import { decodeRow, eachRow, encodeRow, keys, type Row } from "../rows.js";
import type { Peers } from "../sessions/peers.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Plan } from "./plan.js";

/** Undecryptable envelopes gathered before their sender is asked. */
const GATHER_MS = 200;
/** A sender that did not answer is asked again this long after. */
const ASK_AGAIN_MS = 60 * 60_000;
/** One device is asked at most this often, so that two broken sides do not keep each other busy. */
const PAUSE_MS = 5_000;
/** Who may not be asked now, because the relay refused, may be later: a log is read, or a key learnt. */
const REFUSED_MS = 5 * 60_000;
/** Devices asked in one round, and envelopes one request names. */
const PER_ROUND = 64;
const PER_REQUEST = 64;
/** A sender keeps what it sent for 7 days; what did not come a day after that will not come. */
const GIVE_UP_MS = 8 * 24 * 3_600_000;

/** What repairs work with. */
export interface RepairParts {
  readonly store: SealedStore;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly conversations: Pick<Conversations, "threadOf">;
  readonly groupLogs: Pick<GroupLogs, "get">;
  readonly locks: KeyedLock;
  /** Opens fresh sessions with devices of an account; on behalf of a group, as its members may. */
  open(account: AccountId, devices: readonly DeviceId[], group: ConversationId | undefined): Promise<void>;
  readonly account: OwnAccount;
  readonly peers: Pick<Peers, "get">;
  readonly outbox: Pick<Outbox, "queue">;
  /** Whether the relay can be asked now. */
  isOnline(): boolean;
  failed(error: unknown): void;
}

/** An envelope to ask for. */
interface Due {
  readonly key: string;
  readonly row: Row<"undecryptable">;
}

/** Asks for what did not open, until it comes or is lost. */
export class Repairs {
  private readonly rounds: Rounds;
  /** Until when a device is not asked (again). */
  private readonly restingUntilMs = new Map<string, number>();
  private pause: { cancel(): void } | undefined;

  constructor(private readonly parts: RepairParts) {
    const { clock, failed } = parts;
    this.rounds = new Rounds({ clock, delayMs: GATHER_MS, work: () => this.round(), failed });
  }

  /** Looks for something to ask, shortly. Called after each undecryptable and whenever the relay is reached. */
  wake(): void {
    this.rounds.wake();
  }

  /** Stops. What was not asked yet is asked by the next client. */
  close(): void {
    this.rounds.close();
    this.pause?.cancel();
  }

  /**
   * Marks what the sender no longer has as lost for good: only the device that sent it can say so. `thread` is absent for
   * own devices, whose mail has no place.
   */
  async lost(
    { account, device }: Address,
    thread: Thread | undefined,
    envelopes: readonly Uint8Array[],
  ): Promise<Plan> {
    const { store, counters } = this.parts;
    const changes: StoreChange[] = [];
    const places: TimelineRow[] = [];
    for (const envelope of envelopes) {
      const key = keys.undecryptable(envelope);
      const stored = await store.get(key);
      const waiting = stored === undefined ? undefined : decodeRow("undecryptable", stored);
      if (waiting?.sender !== account || waiting.device !== device) continue;
      const { sequence } = waiting;
      // Without a place it is lost wherever it was said.
      if (sequence !== undefined && waiting.conversation !== thread?.timeline.id) continue;
      const row = sequence === undefined ? undefined : await thread?.timeline.row(sequence);
      changes.push({ key, value: undefined });
      if (waiting.conversation === undefined) counters.count("ownLost");
      if (thread === undefined || sequence === undefined || row?.shape !== "undecryptable") continue;
      places.push({ sequence, row: { ...row, reason: LOST } });
    }
    const settle = () => {
      for (const { sequence } of places) {
        thread?.timeline.settle(sequence);
        thread?.tell({ type: "changed", detail: { cursor: cursorOf(sequence) } });
      }
    };
    const lost = () => places.flatMap(({ sequence, row }) => thread?.timeline.replace(sequence, row) ?? []);
    return { build: () => [...changes, ...lost()], after: [settle] };
  }

  private async round(): Promise<void> {
    const { clock } = this.parts;
    if (!this.parts.isOnline()) return;
    const nowMs = clock.now();
    for (const [address, untilMs] of this.restingUntilMs) if (nowMs >= untilMs) this.restingUntilMs.delete(address);
    const groups = await this.due(nowMs);
    for (const [address, group] of groups) {
      this.restingUntilMs.set(address, nowMs + PAUSE_MS);
      try {
        await this.ask(group, nowMs);
      } catch (error) {
        if (isFatal(error)) throw error;
        // Asked again after a pause: a short one if only the relay was not reached, a longer one if it refused.
        this.restingUntilMs.set(address, nowMs + (isAboutTheWay(error) ? PAUSE_MS : REFUSED_MS));
        this.isMoreDue = true;
      }
    }
    // Those that were left out, because they were asked just now or were too many for one round, and whom nobody could ask.
    if (this.isMoreDue) this.pauseThenWake();
  }

  private isMoreDue = false;

  private pauseThenWake(): void {
    this.pause?.cancel();
    this.pause = this.parts.clock.after(PAUSE_MS, () => this.wake());
  }

  private async giveUp(key: string, row: Row<"undecryptable">): Promise<void> {
    const { conversations, locks, store, account } = this.parts;
    const { sender, device } = row;
    const envelopes = [envelopeOf(key)];
    const commit = async (thread: Thread | undefined) => {
      const plan = await this.lost({ account: sender, device }, thread, envelopes);
      return { durable: store.commit(plan.build()), after: plan.after };
    };
    const isOwn = sender === account.id;
    const thread = isOwn ? undefined : await conversations.threadOf({ recipient: sender, group: this.groupOf(row) });
    const { durable, after } =
      thread === undefined
        ? await commit(undefined)
        : await locks.run(Conversations.lockKey(thread), () => commit(thread));
    await durable;
    for (const work of after) work();
  }

  /** The group that an envelope was said in. */
  private groupOf({ conversation }: Row<"undecryptable">): ConversationId | undefined {
    return conversation === undefined ? undefined : this.parts.groupLogs.get(conversation)?.id;
  }

  /**
   * A request to send again is a receipt: it goes to devices of this account, to whom it asked or accepted, and about what was
   * said in a group to its members.
   */
  private async mayAsk(row: Row<"undecryptable">): Promise<boolean> {
    const { account, peers, groupLogs } = this.parts;
    const { sender } = row;
    if (sender === account.id) return true;
    const group = this.groupOf(row);
    if (group === undefined) return holdsProfileKey((await peers.get(sender)).relation);
    const { status, state } = groupLogs.get(group) ?? {};
    return status === "joined" && state !== undefined && standingOf(state, sender) === "member";
  }

  /** Whom to ask now, and for what. */
  private async due(nowMs: number): Promise<ReadonlyMap<string, Due[]>> {
    const groups = new Map<string, Due[]>();
    this.isMoreDue = false;
    for await (const { key, value } of eachRow(this.parts.store, keys.undecryptables)) {
      const row = decodeRow("undecryptable", value);
      if (nowMs - row.sinceMs > GIVE_UP_MS) {
        await this.giveUp(key, row);
        continue;
      }
      if (row.askedMs !== undefined && nowMs - row.askedMs < ASK_AGAIN_MS) continue;
      if (!(await this.mayAsk(row))) continue;
      const address = `${row.sender}.${row.device}.${this.groupOf(row) ?? ""}`;
      const group = groups.get(address) ?? [];
      const isLeftOut =
        this.restingUntilMs.has(address) ||
        group.length === PER_REQUEST ||
        (group.length === 0 && groups.size === PER_ROUND);
      if (isLeftOut) {
        this.isMoreDue = true;
        continue;
      }
      group.push({ key, row });
      groups.set(address, group);
    }
    return groups;
  }

  /** A fresh session first, so that both directions heal; then the request inside it. */
  private async ask(due: readonly Due[], nowMs: number): Promise<void> {
    const [first] = due;
    if (first === undefined) return;
    const { sender, device } = first.row;
    const group = this.groupOf(first.row);
    await this.parts.open(sender, [device], group);
    const still = await this.stillWaiting(due);
    if (still.length === 0) return;
    const envelopes = still.map(({ key }) => envelopeOf(key));
    const only = sender === this.parts.account.id ? device : undefined;
    const retry = { type: "retry", recipient: sender, device: only, group, envelopes } as const;
    const { changes, sent } = this.parts.outbox.queue(retry);
    const asked = still.map(({ key, row }) => ({ key, value: encodeRow("undecryptable", { ...row, askedMs: nowMs }) }));
    await this.parts.store.commit([...changes, ...asked]);
    this.parts.counters.count("repairsAsked");
    sent();
  }

  /** Some may have come while the session was opened. */
  private async stillWaiting(group: readonly Due[]): Promise<readonly Due[]> {
    const stored = await this.parts.store.getMany(group.map(({ key }) => key));
    return group.filter((_due, index) => stored[index] !== undefined);
  }
}

function envelopeOf(key: string): Uint8Array {
  return fromHex(key.slice(keys.undecryptables.length));
}
