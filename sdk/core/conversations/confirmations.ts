/** Tells a contact that its messages arrived or were read. A confirmation takes no place and has no handle. */

import type { ConversationId, MessageId } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { SentSync } from "../devices/sent-sync.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { Outbox } from "../outbox/outbox.js";
import type { StoreChange } from "../ports.js";
import type { Peers } from "../sessions/peers.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Author, Saying } from "./author.js";
import { type ConversationState, Conversations, type GroupThread, type Thread } from "./conversations.js";
import { type FoundMessage, findMessage, findNamed } from "./find.js";

/** What confirming works with. */
export interface ConfirmationParts {
  readonly store: SealedStore;
  readonly peers: Pick<Peers, "get">;
  readonly outbox: Pick<Outbox, "assertRoom" | "queue">;
  readonly author: Author;
  readonly sentSync: Pick<SentSync, "marked">;
  readonly locks: KeyedLock;
  readonly account: Pick<OwnAccount, "id">;
  /** How far a group's log was read here. */
  revisionOf(group: ConversationId): number;
  /** The relay's clock. */
  nowMs(): number;
}

/** Confirms messages of contacts, and of nobody else: before acceptance nothing tells the other side that somebody looked. */
export class Confirmations {
  constructor(private readonly parts: ConfirmationParts) {}

  /** Queues a delivery receipt, in one commit with what it pays for. */
  async delivered(
    state: ConversationState,
    targets: readonly MessageId[],
    paid: readonly StoreChange[],
  ): Promise<void> {
    const { locks, store } = this.parts;
    const commit = await locks.run(Conversations.lockKey(state), async () =>
      // Who was shut out since is told nothing; what was owed is struck out.
      (await this.isContact(state))
        ? this.queue(state, { kind: "receipt", receipt: "delivered", targets }, paid)
        : { durable: store.commit(paid), sent: () => undefined },
    );
    await commit.durable;
    commit.sent();
  }

  /** Marks messages of a contact as read, and queues the receipt and word of it to own devices; those already marked, or unknown, are left out. */
  async read(state: ConversationState, messages: readonly MessageId[]): Promise<void> {
    const { store, locks } = this.parts;
    const readMs = this.parts.nowMs();
    const commit = await locks.run(Conversations.lockKey(state), async () => {
      if (!(await this.isContact(state))) return undefined;
      const targets: MessageId[] = [];
      const changes: (() => readonly StoreChange[])[] = [];
      for (const id of new Set(messages)) {
        const found = await findMessage(store, state.timeline, id, [state.peer]);
        if (found?.row.status !== "received") continue;
        targets.push(id);
        changes.push(await readRow(state, found, readMs));
      }
      if (targets.length === 0) return undefined;
      const receipt = { kind: "receipt", receipt: "read", targets } as const;
      const read = changes.flatMap((build) => build());
      return this.queue(state, receipt, read, readMs);
    });
    await commit?.durable;
    commit?.sent();
  }

  /**
   * Marks messages of members of a group as read, and queues the word of it to own devices; nobody else is told. Those already
   * marked, or unknown, are left out.
   */
  async readInGroup(thread: GroupThread, messages: readonly MessageId[]): Promise<void> {
    const { store, locks, outbox, author, account, sentSync, revisionOf } = this.parts;
    const readMs = this.parts.nowMs();
    const { timeline, group } = thread;
    const commit = await locks.run(Conversations.lockKey(thread), async () => {
      const targets: MessageId[] = [];
      const changes: (() => readonly StoreChange[])[] = [];
      for (const id of new Set(messages)) {
        const [found] = await findNamed(store, timeline, id, account.id);
        if (found?.row?.status !== "received" || found.row.shape !== "content") continue;
        targets.push(id);
        changes.push(await readRow(thread, { ...found, row: found.row }, readMs));
      }
      if (targets.length === 0) return undefined;
      outbox.assertRoom();
      const receipt = { kind: "receipt", receipt: "read", targets } as const;
      const { encoded, change } = author.passing(thread, receipt, { revision: revisionOf(group) });
      const marked = sentSync.marked({ group }, readMs, encoded);
      const read = changes.flatMap((build) => build());
      const durable = store.commit([...marked.flatMap((order) => order.changes), change, ...read]);
      return { durable, marked };
    });
    await commit?.durable;
    for (const { sent } of commit?.marked ?? []) sent();
  }

  /** Runs under the conversation's lock. */
  private queue(
    state: ConversationState,
    receipt: Extract<Saying, { kind: "receipt" }>,
    alongside: readonly StoreChange[],
    readMs?: number,
  ): { readonly durable: Promise<void>; sent(): void } {
    const { store, outbox, author, sentSync } = this.parts;
    outbox.assertRoom();
    const { encoded, change } = author.passing(state, receipt);
    const { id: conversation } = state.timeline;
    const queued = outbox.queue({ recipient: state.peer, type: "content", body: encoded, conversation });
    const marked = readMs === undefined ? [] : sentSync.marked({ peer: state.peer }, readMs, encoded);
    const orders = [queued, ...marked];
    const durable = store.commit([...orders.flatMap(({ changes }) => changes), change, ...alongside]);
    const sent = () => {
      for (const order of orders) order.sent();
    };
    return { durable, sent };
  }

  private async isContact({ peer }: ConversationState): Promise<boolean> {
    return (await this.parts.peers.get(peer)).relation === "accepted";
  }
}

/** The changes of a message that was read, for the turn of their commit: from then on its time runs, if it has a timer. */
async function readRow(
  { timeline }: Pick<Thread, "timeline">,
  { sequence, row }: Pick<FoundMessage, "sequence" | "row">,
  readMs: number,
): Promise<() => readonly StoreChange[]> {
  const begun = await timeline.lives.read(sequence, row, readMs);
  return () => [timeline.replace(sequence, { ...row, status: "read" }), ...begun()];
}
