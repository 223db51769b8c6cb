/** From what an app wants to say to durable rows: content, timeline item and outbox order in one commit. */

import {
  type Content,
  type ContentBodyOf,
  type ContentKind,
  encodeContent,
  type MessageId,
  SottoError,
  toHex,
} from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { Outbox } from "../outbox/outbox.js";
import { SentMessage } from "../outbox/sent-message.js";
import type { Clock, Random, StoreChange } from "../ports.js";
import type { Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { hidden } from "./content-writer.js";
import { type ConversationState, Conversations } from "./conversations.js";
import type { Handles } from "./handles.js";
import { findMessage, readStored } from "./item-reader.js";
import { cursorOf } from "./items.js";

/** A kind of content and its body. */
export type Saying = { [Kind in ContentKind]: { readonly kind: Kind } & ContentBodyOf<Kind> }[ContentKind];

/** What the sender works with. */
export interface SenderParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly outbox: Outbox;
  readonly handles: Handles;
  readonly locks: KeyedLock;
  readonly clock: Clock;
  readonly random: Random;
  /** A new item of mine is durable. */
  arrived(state: ConversationState, sequence: number): void;
  failed(error: unknown): void;
}

/** Makes contents and queues them. */
export class Sender {
  private readonly queueing = new Set<Promise<void>>();

  constructor(private readonly parts: SenderParts) {}

  /**
   * Says something in a conversation, in the order of the calls. The handle is there at once; item and order are durable
   * before anything leaves. `prepare` runs under the conversation's lock and may refuse.
   */
  say(state: ConversationState, prepare: () => Promise<Saying>): SentMessage {
    const { random, handles, failed } = this.parts;
    const { id: conversation } = state.timeline;
    const id = toHex(random.bytes(16)) as MessageId;
    const handle = new SentMessage(id, {
      cancel: () => this.cancel(state, id),
      retry: () => this.retry(state, id),
    });
    handles.add(conversation, handle);
    const queueing = this.enqueue(state, id, prepare)
      .catch((error: unknown) => {
        if (error instanceof SottoError) return handles.failed(conversation, id, error);
        handles.failed(conversation, id, new SottoError("storeFailed", { cause: error }));
        failed(error);
      })
      .finally(() => this.queueing.delete(queueing));
    this.queueing.add(queueing);
    return handle;
  }

  /** Settles when everything said so far is durable or refused, so that closing loses nothing that has a handle. */
  async settled(): Promise<void> {
    await Promise.all(this.queueing);
  }

  /** Queues a delivery receipt, in one commit with what it pays for. */
  async confirm(state: ConversationState, targets: readonly MessageId[], paid: readonly StoreChange[]): Promise<void> {
    const commit = await this.parts.locks.run(Conversations.lockKey(state), async () =>
      this.receipt(state, { kind: "receipt", receipt: "delivered", targets }, paid),
    );
    await commit.durable;
    commit.sent();
  }

  /** Marks messages of the peer as read and queues the receipt; those already marked, or unknown, are left out. */
  async markRead(state: ConversationState, messages: readonly MessageId[]): Promise<void> {
    const { store, locks } = this.parts;
    const commit = await locks.run(Conversations.lockKey(state), async () => {
      const targets: MessageId[] = [];
      const changes: StoreChange[] = [];
      for (const id of new Set(messages)) {
        const found = await findMessage(store, state.timeline, id, [state.peer]);
        if (found?.row.status !== "received") continue;
        targets.push(id);
        changes.push(state.timeline.replace(found.sequence, { ...found.row, status: "read" }));
      }
      if (targets.length === 0) return undefined;
      return this.receipt(state, { kind: "receipt", receipt: "read", targets }, changes);
    });
    await commit?.durable;
    commit?.sent();
  }

  /** A receipt takes no place and has no handle. Runs under the conversation's lock. */
  private receipt(
    state: ConversationState,
    receipt: Extract<Saying, { kind: "receipt" }>,
    alongside: readonly StoreChange[],
  ): { readonly durable: Promise<void>; sent(): void } {
    const { store, outbox, random } = this.parts;
    outbox.assertRoom();
    const content = encodeContent(this.content(state, toHex(random.bytes(16)) as MessageId, receipt));
    const { id: conversation } = state.timeline;
    const queued = outbox.queue({ recipient: state.peer, type: "content", content, conversation });
    const durable = store.commit([...queued.changes, state.timeline.countersChange(), ...alongside]);
    return { durable, sent: () => queued.sent() };
  }

  /** The canonical bytes of a content that is sent without being stored, and the change that counts it. */
  passing(state: ConversationState, saying: Saying): { readonly encoded: Uint8Array; readonly change: StoreChange } {
    const id = toHex(this.parts.random.bytes(16)) as MessageId;
    const encoded = encodeContent(this.content(state, id, saying));
    return { encoded, change: state.timeline.countersChange() };
  }

  /** Takes a message back before it leaves; true if it did not leave. What changed another item is not taken back. */
  async cancel(state: ConversationState, id: MessageId): Promise<boolean> {
    const { store, outbox, locks, account, clock, handles } = this.parts;
    const { timeline } = state;
    const cancelled = await locks.run(Conversations.lockKey(state), async () => {
      const found = await this.waiting(state, id);
      if (found === undefined || changesOthers(found.row)) return undefined;
      const withdrawn = await outbox.withdraw(found.order);
      if (withdrawn === undefined) return undefined;
      const place = timeline.replace(found.sequence, hidden(account.id, clock.now()));
      return { sequence: found.sequence, durable: store.commit([withdrawn, place]) };
    });
    if (cancelled === undefined) return false;
    await cancelled.durable;
    handles.failed(timeline.id, id, new SottoError("cancelled"));
    state.tell({ type: "changed", detail: { cursor: cursorOf(cancelled.sequence) } });
    return true;
  }

  /**
   * Queues a given-up message once more.
   *
   * @throws invalidArgument if there is none with this id.
   */
  async retry(state: ConversationState, id: MessageId): Promise<void> {
    const { store, outbox, locks } = this.parts;
    const { timeline } = state;
    const revived = await locks.run(Conversations.lockKey(state), async () => {
      const found = await this.waiting(state, id);
      const row = found === undefined ? undefined : await timeline.row(found.sequence);
      const revival = found === undefined ? undefined : await outbox.revive(found.order);
      if (found === undefined || row === undefined || revival === undefined) {
        throw new SottoError("invalidArgument", { detail: "this message is not waiting to be retried" });
      }
      const pending: Row<"item"> = { ...row, status: "pending", failure: undefined };
      const changes = [revival.change, timeline.replace(found.sequence, pending)];
      return { sequence: found.sequence, durable: store.commit(changes), reenter: () => revival.reenter() };
    });
    await revived.durable;
    revived.reenter();
    state.tell({ type: "changed", detail: { cursor: cursorOf(revived.sequence) } });
  }

  private async enqueue(state: ConversationState, id: MessageId, prepare: () => Promise<Saying>): Promise<void> {
    const { store, outbox, locks, clock } = this.parts;
    const { timeline, writer, peer } = state;
    const placed = await locks.run(Conversations.lockKey(state), async () => {
      const saying = await prepare();
      outbox.assertRoom();
      const content = this.content(state, id, saying);
      const encoded = encodeContent(content);
      const outcome = await writer.write({ content, encoded, atMs: clock.now(), status: "pending" });
      if (outcome.kind !== "shown") {
        throw new SottoError("invalidArgument", { detail: "no message of this conversation that this applies to" });
      }
      const { sequence, changes } = outcome.build();
      const order = { recipient: peer, type: "content", content: encoded, conversation: timeline.id } as const;
      const queued = outbox.queue(sequence === undefined ? order : { ...order, sequence });
      const durable = store.commit([...changes, ...queued.changes]);
      return { sequence, durable, sent: queued.sent, tellings: outcome.tellings };
    });
    await placed.durable;
    if (placed.sequence !== undefined) {
      timeline.announce(placed.sequence);
      this.parts.arrived(state, placed.sequence);
    }
    for (const telling of placed.tellings) state.tell(telling);
    placed.sent();
  }

  private content(state: ConversationState, messageId: MessageId, saying: Saying): Content {
    const { account, clock } = this.parts;
    return {
      ...saying,
      sender: account.id,
      device: account.device,
      conversation: state.timeline.id,
      messageId,
      counter: state.timeline.nextCounter(),
      sentAtMs: clock.now(),
      seen: [],
    };
  }

  /** The outbox order of a message of mine that has not been accepted. */
  private async waiting(state: ConversationState, id: MessageId) {
    const { store, account, outbox } = this.parts;
    const found = await findMessage(store, state.timeline, id, [account.id]);
    if (found === undefined) return undefined;
    const order = await outbox.find(state.timeline.id, found.sequence);
    return order === undefined ? undefined : { order, ...found };
  }
}

/** Whether a row's content changed another item when it was said. */
function changesOthers({ shape, content, deletedMs }: Row<"item">): boolean {
  if (shape !== "content" || deletedMs !== undefined) return false;
  const { kind } = readStored(content);
  return kind === "edit" || kind === "delete" || kind === "reaction";
}
