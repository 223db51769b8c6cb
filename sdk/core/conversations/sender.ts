/** From what an app wants to say to durable rows: content, timeline item and outbox order in one commit. */

import { encodeContent, type MessageId, SottoError } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Consent } from "../consent/consent.js";
import { isFatal } from "../fatal.js";
import { nothing } from "../inbox/plan.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { Outbox } from "../outbox/outbox.js";
import { SentMessage } from "../outbox/sent-message.js";
import type { Clock } from "../ports.js";
import type { Row } from "../rows.js";
import type { Peers } from "../sessions/peers.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Author, Saying } from "./author.js";
import { hidden } from "./content-writer.js";
import { type ConversationState, Conversations } from "./conversations.js";
import type { Handles } from "./handles.js";
import { findMessage } from "./item-reader.js";
import { cursorOf } from "./items.js";
import { readStored } from "./stored-content.js";

/** What the sender works with. */
export interface SenderParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly peers: Pick<Peers, "get">;
  readonly consent: Pick<Consent, "asking" | "takenBack">;
  readonly outbox: Outbox;
  readonly author: Author;
  readonly handles: Handles;
  readonly locks: KeyedLock;
  readonly clock: Clock;
  /** Resolves once this device knows who its contacts are. */
  known(): Promise<void>;
  /** A new item of mine is durable. */
  arrived(state: ConversationState, sequence: number): void;
  failed(error: unknown): void;
}

/** Queues what is said, takes it back, and queues it once more. */
export class Sender {
  private readonly queueing = new Set<Promise<void>>();

  constructor(private readonly parts: SenderParts) {}

  /**
   * Says something in a conversation, in the order of the calls. The handle is there at once; item and order are durable
   * before anything leaves. `prepare` runs under the conversation's lock and may refuse.
   *
   * To somebody who is no contact, one text is a request: every further word is refused with requestPending until it is
   * answered, and anything else with textOnly. Writing to somebody who asked accepts.
   */
  say(state: ConversationState, prepare: () => Promise<Saying>): SentMessage {
    const { author, handles, failed } = this.parts;
    const { id: conversation } = state.timeline;
    const id = author.messageId();
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

  /** Takes a message back before it leaves; true if it did not leave. What changed another item is not taken back. */
  async cancel(state: ConversationState, id: MessageId): Promise<boolean> {
    const { store, outbox, account, clock, handles, consent } = this.parts;
    const { timeline, peer } = state;
    const cancelled = await this.under(state, async (standing) => {
      const found = await this.waiting(state, id);
      if (found === undefined || changesOthers(found.row)) return undefined;
      const takenBack = standing === "contact" ? nothing : await consent.takenBack(peer);
      const withdrawn = await outbox.withdraw(found.order);
      if (withdrawn === undefined) return undefined;
      const place = timeline.move(found.sequence, found.row, hidden(account.id, clock.now()));
      const durable = store.commit([withdrawn, ...place, ...takenBack.build()]);
      return { sequence: found.sequence, durable, after: takenBack.after };
    });
    if (cancelled === undefined) return false;
    await cancelled.durable;
    for (const work of cancelled.after) work();
    handles.failed(timeline.id, id, new SottoError("cancelled"));
    state.tell({ type: "changed", detail: { cursor: cursorOf(cancelled.sequence) } });
    return true;
  }

  /**
   * Queues a given-up message once more.
   *
   * @throws invalidArgument if there is none with this id; towards somebody who is no contact, what `say` is refused with.
   */
  async retry(state: ConversationState, id: MessageId): Promise<void> {
    const { store, outbox, consent } = this.parts;
    const { timeline, peer } = state;
    const revived = await this.under(state, async (standing) => {
      const found = await this.waiting(state, id);
      const row = found === undefined ? undefined : await timeline.row(found.sequence);
      const isRequest = standing !== "contact" && row?.status === "failed";
      const asking = isRequest ? await consent.asking(peer, kindAsked(readStored(row.content))) : nothing;
      const revival = found === undefined ? undefined : await outbox.revive(found.order);
      if (found === undefined || row === undefined || revival === undefined) {
        throw new SottoError("invalidArgument", { detail: "this message is not waiting to be retried" });
      }
      // What the peer confirmed stays so, whatever this try comes to.
      const pending: Row<"item"> = row.status === "failed" ? { ...row, status: "pending", failure: undefined } : row;
      const changes = [revival.change, timeline.replace(found.sequence, pending), ...asking.build()];
      const after = [() => revival.reenter(), ...asking.after];
      return { sequence: found.sequence, durable: store.commit(changes), after };
    });
    await revived.durable;
    for (const work of revived.after) work();
    state.tell({ type: "changed", detail: { cursor: cursorOf(revived.sequence) } });
  }

  /**
   * For the inbox: the peer has a message that was given up here. It is sent once more under its id, so that the relay says
   * when it took it, and own devices hear of it.
   */
  proven(state: ConversationState, id: MessageId): void {
    this.retry(state, id).catch((error: unknown) => {
      if (isFatal(error)) this.parts.failed(error);
    });
  }

  private async enqueue(state: ConversationState, id: MessageId, prepare: () => Promise<Saying>): Promise<void> {
    const { store, outbox, consent, author, clock } = this.parts;
    const { timeline, writer, peer } = state;
    const placed = await this.under(state, async (standing) => {
      const saying = await prepare();
      const asking = standing === "contact" ? nothing : await consent.asking(peer, kindAsked(saying));
      outbox.assertRoom();
      const content = await author.word(state, id, saying);
      const encoded = encodeContent(content);
      const outcome = await writer.write({ content, encoded, atMs: clock.now(), status: "pending" });
      if (outcome.kind !== "shown") {
        throw new SottoError("invalidArgument", { detail: "no message of this conversation that this applies to" });
      }
      const { sequence, changes } = outcome.build();
      const order = { recipient: peer, type: "content", body: encoded, conversation: timeline.id } as const;
      const queued = outbox.queue(sequence === undefined ? order : { ...order, sequence });
      const durable = store.commit([...changes, ...queued.changes, ...asking.build()]);
      return { sequence, durable, sent: queued.sent, tellings: outcome.tellings, after: asking.after };
    });
    await placed.durable;
    if (placed.sequence !== undefined) {
      timeline.announce(placed.sequence);
      this.parts.arrived(state, placed.sequence);
    }
    for (const telling of placed.tellings) state.tell(telling);
    placed.sent();
    for (const work of placed.after) work();
  }

  /**
   * Runs work under the conversation's lock; towards somebody who is no contact under the peer's lock before it, for then
   * the relation may change with it. Work of one conversation keeps its order either way.
   */
  private async under<T>(state: ConversationState, work: (standing: "contact" | "other") => Promise<T>): Promise<T> {
    const { locks, known } = this.parts;
    await known();
    const key = Conversations.lockKey(state);
    const done = await locks.run(key, async () =>
      (await this.isContact(state)) ? { result: await work("contact") } : undefined,
    );
    if (done !== undefined) return done.result;
    return locks.run(state.peer, () => locks.run(key, () => work("other")));
  }

  private async isContact({ peer }: ConversationState): Promise<boolean> {
    return (await this.parts.peers.get(peer)).relation === "accepted";
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

/** A request is one text, and nothing else. */
function kindAsked({ kind }: { readonly kind: string }): "text" | "other" {
  return kind === "text" ? "text" : "other";
}

/** Whether a row's content changed another item when it was said. */
function changesOthers({ shape, content, deletedMs }: Row<"item">): boolean {
  if (shape !== "content" || deletedMs !== undefined) return false;
  const { kind } = readStored(content);
  return kind === "edit" || kind === "delete" || kind === "reaction";
}
