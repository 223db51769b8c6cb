/** Tells a contact that its messages arrived or were read. A confirmation takes no place and has no handle. */

import type { MessageId } from "@sotto/protocol";
import type { SentSync } from "../devices/sent-sync.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { Outbox } from "../outbox/outbox.js";
import type { StoreChange } from "../ports.js";
import type { Peers } from "../sessions/peers.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Author, Saying } from "./author.js";
import { type ConversationState, Conversations } from "./conversations.js";
import { findMessage } from "./item-reader.js";

/** What confirming works with. */
export interface ConfirmationParts {
  readonly store: SealedStore;
  readonly peers: Pick<Peers, "get">;
  readonly outbox: Pick<Outbox, "assertRoom" | "queue">;
  readonly author: Author;
  readonly sentSync: Pick<SentSync, "marked">;
  readonly locks: KeyedLock;
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
    const commit = await locks.run(Conversations.lockKey(state), async () => {
      if (!(await this.isContact(state))) return undefined;
      const targets: MessageId[] = [];
      const changes: StoreChange[] = [];
      for (const id of new Set(messages)) {
        const found = await findMessage(store, state.timeline, id, [state.peer]);
        if (found?.row.status !== "received") continue;
        targets.push(id);
        changes.push(state.timeline.replace(found.sequence, { ...found.row, status: "read" }));
      }
      if (targets.length === 0) return undefined;
      return this.queue(state, { kind: "receipt", receipt: "read", targets }, changes);
    });
    await commit?.durable;
    commit?.sent();
  }

  /** Runs under the conversation's lock. */
  private queue(
    state: ConversationState,
    receipt: Extract<Saying, { kind: "receipt" }>,
    alongside: readonly StoreChange[],
  ): { readonly durable: Promise<void>; sent(): void } {
    const { store, outbox, author, sentSync } = this.parts;
    outbox.assertRoom();
    const { encoded, change } = author.passing(state, receipt);
    const { id: conversation } = state.timeline;
    const queued = outbox.queue({ recipient: state.peer, type: "content", body: encoded, conversation });
    const marked = receipt.receipt === "read" ? sentSync.marked(state.peer, this.parts.nowMs(), encoded) : [];
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
