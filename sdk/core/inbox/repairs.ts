/**
 * Self-repair of mail that did not open (PROTOCOL.md, self-repair): the recipient opens a fresh session and asks for the
 * named envelopes inside it; the sender, who keeps what it sent for some days, sends them again.
 */

import { type AccountId, fromHex } from "@sotto/protocol";
import { type ConversationState, Conversations } from "../conversations/conversations.js";
import { LOST } from "../conversations/item-reader.js";
import { cursorOf } from "../conversations/items.js";
import type { Counters } from "../counters.js";
import { isFatal } from "../fatal.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { KeptSends } from "../outbox/kept-sends.js";
import type { Clock, StoreChange } from "../ports.js";
import { Rounds } from "../rounds.js";
import { decodeRow, eachRow, encodeRow, keys, type Row } from "../rows.js";
import type { Sessions } from "../sessions/sessions.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Plan } from "./plan.js";

/** Undecryptable envelopes gathered before their sender is asked. */
const GATHER_MS = 200;
/** A sender that did not answer is asked again this long after. */
const ASK_AGAIN_MS = 60 * 60_000;
/** One device is asked at most this often, so that two broken sides do not keep each other busy. */
const PAUSE_MS = 5_000;
/** An envelope is sent again at most this often. */
const MAX_RESENDS = 3;
/** Devices asked in one round, and envelopes one request names. */
const PER_ROUND = 64;
const PER_REQUEST = 64;
/** A sender keeps what it sent for 7 days; what did not come a day after that will not come. */
const GIVE_UP_MS = 8 * 24 * 3_600_000;

/** Something to put into the outbox for another SDK, not for a person. */
export type Word =
  | { readonly type: "retry" | "unavailable"; readonly recipient: AccountId; readonly envelopes: readonly Uint8Array[] }
  | {
      readonly type: "resend";
      readonly recipient: AccountId;
      readonly envelope: Uint8Array;
      readonly content: Uint8Array;
    };

/** What repairs work with. */
export interface RepairParts {
  readonly store: SealedStore;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly conversations: Pick<Conversations, "of">;
  readonly locks: KeyedLock;
  readonly sessions: Pick<Sessions, "open">;
  readonly keptSends: Pick<KeptSends, "find">;
  /** How many words the outbox would take. */
  room(): number;
  /** The outbox changes of a word; `sent()` lets the outbox look once they are committed. */
  queue(word: Word): { readonly changes: readonly StoreChange[]; sent(): void };
  /** Whether the relay can be asked now. */
  isOnline(): boolean;
  failed(error: unknown): void;
}

/** An envelope to ask for. */
interface Due {
  readonly key: string;
  readonly row: Row<"undecryptable">;
}

/** Asks for what did not open, and answers those who ask. */
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

  /** Answers a retry request: resends what is kept for this account, and names the rest as unavailable. */
  async answer(account: AccountId, envelopes: readonly Uint8Array[]): Promise<Plan> {
    const words: Word[] = [];
    const counted: StoreChange[] = [];
    const unavailable: Uint8Array[] = [];
    for (const envelope of envelopes) {
      const sent = await this.parts.keptSends.find(envelope, account);
      if (sent === undefined || sent.resends >= MAX_RESENDS) {
        unavailable.push(envelope.slice());
        continue;
      }
      counted.push({ key: keys.sent(envelope), value: encodeRow("sent", { ...sent, resends: sent.resends + 1 }) });
      words.push({ type: "resend", recipient: account, envelope: envelope.slice(), content: sent.content });
    }
    if (unavailable.length > 0) words.push({ type: "unavailable", recipient: account, envelopes: unavailable });
    this.parts.counters.count("repairsAnswered");
    let sent: readonly (() => void)[] = [];
    return {
      build: () => {
        // Too much waits to be sent: whoever asks will ask again.
        if (this.parts.room() < words.length) return [];
        const queued = words.map((word) => this.parts.queue(word));
        sent = queued.map((one) => one.sent);
        return [...counted, ...queued.flatMap(({ changes }) => changes)];
      },
      after: [
        () => {
          for (const look of sent) look();
        },
      ],
    };
  }

  /** Marks what the sender no longer has as lost for good. */
  async lost(state: ConversationState, envelopes: readonly Uint8Array[]): Promise<Plan> {
    const changes: StoreChange[] = [];
    const places: number[] = [];
    for (const envelope of envelopes) {
      const key = keys.undecryptable(envelope);
      const stored = await this.parts.store.get(key);
      if (stored === undefined) continue;
      const { sender, sequence } = decodeRow("undecryptable", stored);
      const row = await state.timeline.row(sequence);
      if (sender !== state.peer || row?.shape !== "undecryptable") continue;
      changes.push({ key, value: undefined }, state.timeline.replace(sequence, { ...row, reason: LOST }));
      places.push(sequence);
    }
    const settle = () => {
      for (const place of places) {
        state.timeline.settle(place);
        state.tell({ type: "changed", detail: { cursor: cursorOf(place) } });
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

  private async giveUp(key: string, { sender }: Row<"undecryptable">): Promise<void> {
    const { conversations, locks, store } = this.parts;
    const state = await conversations.of(sender);
    const { durable, after } = await locks.run(Conversations.lockKey(state), async () => {
      const plan = await this.lost(state, [envelopeOf(key)]);
      return { durable: store.commit(plan.build()), after: plan.after };
    });
    await durable;
    for (const work of after) work();
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
    const envelopes = group.map(({ key }) => envelopeOf(key));
    const { changes, sent } = this.parts.queue({ type: "retry", recipient: sender, envelopes });
    const asked = group.map(({ key, row }) => ({ key, value: encodeRow("undecryptable", { ...row, askedMs: nowMs }) }));
    await this.parts.store.commit([...changes, ...asked]);
    this.parts.counters.count("repairsAsked");
    sent();
  }
}

function envelopeOf(key: string): Uint8Array {
  return fromHex(key.slice(keys.undecryptables.length));
}
