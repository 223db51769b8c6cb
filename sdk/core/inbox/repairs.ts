/**
 * Self-repair of mail that did not open (PROTOCOL.md, self-repair), as its recipient: opens a fresh session and asks for
 * the named envelopes inside it. `resends.ts` is the sender's side.
 */

import { type AccountId, fromHex } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import { holdsProfileKey } from "../consent/relations.js";
import { type ConversationState, Conversations } from "../conversations/conversations.js";
import { LOST } from "../conversations/item-reader.js";
import { cursorOf } from "../conversations/items.js";
import type { Counters } from "../counters.js";
import { isFatal } from "../fatal.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { Outbox } from "../outbox/outbox.js";
import type { Address, Clock, StoreChange } from "../ports.js";
import { Rounds } from "../rounds.js";
import { decodeRow, eachRow, encodeRow, keys, type Row } from "../rows.js";
import type { Peers } from "../sessions/peers.js";
import type { Sessions } from "../sessions/sessions.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Plan } from "./plan.js";

/** Undecryptable envelopes gathered before their sender is asked. */
const GATHER_MS = 200;
/** A sender that did not answer is asked again this long after. */
const ASK_AGAIN_MS = 60 * 60_000;
/** One device is asked at most this often, so that two broken sides do not keep each other busy. */
const PAUSE_MS = 5_000;
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
  readonly conversations: Pick<Conversations, "of">;
  readonly locks: KeyedLock;
  readonly sessions: Pick<Sessions, "open">;
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
  private readonly askedAtMs = new Map<string, number>();
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
   * Marks what the sender no longer has as lost for good: only the device that sent it can say so. `state` is absent for
   * own devices, whose mail has no place.
   */
  async lost(
    { account, device }: Address,
    state: ConversationState | undefined,
    envelopes: readonly Uint8Array[],
  ): Promise<Plan> {
    const { store, counters } = this.parts;
    const changes: StoreChange[] = [];
    const places: number[] = [];
    for (const envelope of envelopes) {
      const key = keys.undecryptable(envelope);
      const stored = await store.get(key);
      const waiting = stored === undefined ? undefined : decodeRow("undecryptable", stored);
      if (waiting?.sender !== account || waiting.device !== device) continue;
      const { sequence } = waiting;
      const row = sequence === undefined ? undefined : await state?.timeline.row(sequence);
      changes.push({ key, value: undefined });
      if (sequence === undefined) counters.count("ownLost");
      if (state === undefined || sequence === undefined || row?.shape !== "undecryptable") continue;
      changes.push(state.timeline.replace(sequence, { ...row, reason: LOST }));
      places.push(sequence);
    }
    const settle = () => {
      for (const place of places) {
        state?.timeline.settle(place);
        state?.tell({ type: "changed", detail: { cursor: cursorOf(place) } });
      }
    };
    return { build: () => changes, after: [settle] };
  }

  private async round(): Promise<void> {
    const { clock } = this.parts;
    if (!this.parts.isOnline()) return;
    const nowMs = clock.now();
    for (const [address, atMs] of this.askedAtMs) if (nowMs - atMs >= PAUSE_MS) this.askedAtMs.delete(address);
    const groups = await this.due(nowMs);
    for (const [address, group] of groups) {
      this.askedAtMs.set(address, nowMs);
      try {
        await this.ask(group, nowMs);
      } catch (error) {
        // Not reached or refused: asked again after a pause, or when the relay is next reached.
        if (isFatal(error)) throw error;
        this.isMoreDue = true;
      }
    }
    // Those that were left out, because they were asked just now or were too many for one round.
    if (this.isMoreDue) this.pauseThenWake();
  }

  private isMoreDue = false;

  private pauseThenWake(): void {
    this.pause?.cancel();
    this.pause = this.parts.clock.after(PAUSE_MS, () => this.wake());
  }

  private async giveUp(key: string, { sender, device }: Row<"undecryptable">): Promise<void> {
    const { conversations, locks, store, account } = this.parts;
    const envelopes = [envelopeOf(key)];
    const commit = async (state: ConversationState | undefined) => {
      const plan = await this.lost({ account: sender, device }, state, envelopes);
      return { durable: store.commit(plan.build()), after: plan.after };
    };
    const state = sender === account.id ? undefined : await conversations.of(sender);
    const { durable, after } =
      state === undefined
        ? await commit(undefined)
        : await locks.run(Conversations.lockKey(state), () => commit(state));
    await durable;
    for (const work of after) work();
  }

  /** A request to send again is a receipt: it goes to devices of this account, and to whom it asked or accepted. */
  private async mayAsk(sender: AccountId): Promise<boolean> {
    const { account, peers } = this.parts;
    return sender === account.id || holdsProfileKey((await peers.get(sender)).relation);
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
      if (!(await this.mayAsk(row.sender))) continue;
      const address = `${row.sender}.${row.device}`;
      const group = groups.get(address) ?? [];
      const isLeftOut =
        this.askedAtMs.has(address) ||
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
  private async ask(group: readonly Due[], nowMs: number): Promise<void> {
    const [first] = group;
    if (first === undefined) return;
    const { sender, device } = first.row;
    await this.parts.sessions.open(sender, [device]);
    const still = await this.stillWaiting(group);
    if (still.length === 0) return;
    const envelopes = still.map(({ key }) => envelopeOf(key));
    const only = sender === this.parts.account.id ? device : undefined;
    const { changes, sent } = this.parts.outbox.queue({ type: "retry", recipient: sender, device: only, envelopes });
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
