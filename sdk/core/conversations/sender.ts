/** From what an app wants to say to durable rows: content, timeline item and outbox order in one commit. */

import { type ConversationId, encodeContent, type MessageId, SottoError } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Consent } from "../consent/consent.js";
import { isFatal } from "../fatal.js";
import { Genuine } from "../franking/genuine.js";
import { nothing, type Plan } from "../inbox/plan.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { Outbox } from "../outbox/outbox.js";
import { SentMessage } from "../outbox/sent-message.js";
import type { Clock } from "../ports.js";
import type { Row } from "../rows.js";
import type { Peers } from "../sessions/peers.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Author, GroupHeader, Saying } from "./author.js";
import { hidden } from "./content-writer.js";
import { type ConversationState, Conversations, type Thread } from "./conversations.js";
import { findMessage } from "./find.js";
import type { Handles } from "./handles.js";
import { cursorOf } from "./items.js";
import { isAboutMessage } from "./kind-roles.js";
import { readStored } from "./stored-content.js";

/** How this account stands to a group, as far as its log was read here. */
export type Membership =
  | { readonly kind: "none" }
  | ({ readonly kind: "member"; readonly mayWrite: "yes" | "no" } & GroupHeader);

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
  /** Asked under the conversation's lock. */
  groupStanding(group: ConversationId): Membership;
  /** Resolves once this device knows who its contacts are. */
  known(): Promise<void>;
  /** A new item of mine is durable. */
  arrived(thread: Thread, sequence: number): void;
  failed(error: unknown): void;
}

/** What is known of whom something is said to, while the locks that keep it so are held. */
type Standing = "contact" | "other" | "group";

/** Queues what is said, takes it back, and queues it once more. */
export class Sender {
  private readonly queueing = new Set<Promise<void>>();

  constructor(private readonly parts: SenderParts) {}

  /**
   * Says something in a conversation, in the order of the calls. The handle is there at once; item and order are durable
   * before anything leaves. `prepare` runs under the conversation's lock and may refuse.
   *
   * To somebody who is no contact, one text is a request: every further word is refused with requestPending until it is
   * answered, and anything else with textOnly. Writing to somebody who asked accepts. In a group only members who may write
   * say anything: else it is refused with groupLeft or groupDenied, and of the handle only `delivered` never settles.
   */
  say(thread: Thread, prepare: () => Promise<Saying>): SentMessage {
    const { author, handles, failed } = this.parts;
    const { id: conversation } = thread.timeline;
    const id = author.messageId(thread);
    const handle = new SentMessage(id, {
      cancel: () => this.cancel(thread, id),
      retry: () => this.retry(thread, id),
    });
    handles.add(conversation, handle, thread.kind === "group" ? "accepted" : "delivered");
    const queueing = this.enqueue(thread, id, prepare)
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
  async cancel(thread: Thread, id: MessageId): Promise<boolean> {
    const { store, outbox, account, clock, handles, consent } = this.parts;
    const { timeline } = thread;
    const cancelled = await this.under(thread, async (standing) => {
      const found = await this.waiting(thread, id);
      if (found === undefined || changesOthers(found.row)) return undefined;
      const isAsked = thread.kind === "direct" && standing === "other";
      const takenBack = isAsked ? await consent.takenBack(thread.peer) : nothing;
      const withdrawn = await outbox.withdraw(found.order);
      if (withdrawn === undefined) return undefined;
      const emptied = timeline.move(found.sequence, found.row, hidden(account.id, clock.now()));
      const durable = store.commit([withdrawn, ...emptied, ...takenBack.build()]);
      return { sequence: found.sequence, durable, after: takenBack.after };
    });
    if (cancelled === undefined) return false;
    await cancelled.durable;
    for (const work of cancelled.after) work();
    handles.failed(timeline.id, id, new SottoError("cancelled"));
    thread.tell({ type: "changed", detail: { cursor: cursorOf(cancelled.sequence) } });
    return true;
  }

  /**
   * Queues a given-up message once more.
   *
   * @throws invalidArgument if there is none with this id; towards somebody who is no contact, and in a group, what `say` is
   *   refused with.
   */
  async retry(thread: Thread, id: MessageId): Promise<void> {
    const { store, outbox } = this.parts;
    const { timeline } = thread;
    const revived = await this.under(thread, async (standing) => {
      const found = await this.waiting(thread, id);
      const row = found === undefined ? undefined : await timeline.row(found.sequence);
      const isSaid = row?.status === "failed";
      const { asking } = isSaid ? await this.allowed(thread, standing, readStored(row.content)) : { asking: nothing };
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
    thread.tell({ type: "changed", detail: { cursor: cursorOf(revived.sequence) } });
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

  private async enqueue(thread: Thread, id: MessageId, prepare: () => Promise<Saying>): Promise<void> {
    const { store, outbox, author, clock } = this.parts;
    const { timeline, writer } = thread;
    const placed = await this.under(thread, async (standing) => {
      const saying = await prepare();
      const { asking, group } = await this.allowed(thread, standing, saying);
      outbox.assertRoom();
      const content = await author.word(thread, { saying, messageId: id, group });
      try {
        const encoded = encodeContent(content);
        const outcome = await writer.write({
          said: Genuine.saidHere({ content, encoded }),
          atMs: clock.now(),
          status: "pending",
        });
        if (outcome.kind !== "shown") {
          throw new SottoError("invalidArgument", { detail: "no message of this conversation that this applies to" });
        }
        const { sequence, changes } = outcome.build();
        const to = thread.kind === "group" ? { group: thread.group } : { recipient: thread.peer };
        const order = { ...to, type: "content", body: encoded, conversation: timeline.id } as const;
        const queued = outbox.queue(sequence === undefined ? order : { ...order, sequence });
        const durable = store.commit([...changes, ...queued.changes, ...asking.build()]);
        return { sequence, durable, sent: queued.sent, tellings: outcome.tellings, after: asking.after };
      } catch (error) {
        timeline.unstamp(content);
        throw error;
      }
    });
    await placed.durable;
    if (placed.sequence !== undefined) {
      timeline.announce(placed.sequence);
      this.parts.arrived(thread, placed.sequence);
    }
    for (const telling of placed.tellings) thread.tell(telling);
    placed.sent();
    for (const work of placed.after) work();
  }

  /** What saying this to them begins, and what a content in a group says of the group. Throws what it is refused with. */
  private async allowed(
    thread: Thread,
    standing: Standing,
    saying: { readonly kind: string },
  ): Promise<{ readonly asking: Plan; readonly group?: GroupHeader }> {
    const { consent, groupStanding } = this.parts;
    if (thread.kind === "direct") {
      return { asking: standing === "contact" ? nothing : await consent.asking(thread.peer, kindAsked(saying)) };
    }
    const membership = groupStanding(thread.group);
    if (membership.kind === "none") throw new SottoError("groupLeft");
    if (membership.mayWrite === "no") throw new SottoError("groupDenied");
    return { asking: nothing, group: membership };
  }

  /**
   * Runs work under the conversation's lock; towards somebody who is no contact under the peer's lock before it, for then
   * the relation may change with it. Work of one conversation keeps its order either way: what waits for the peer's lock is
   * not overtaken by what finds a contact.
   */
  private async under<T>(thread: Thread, work: (standing: Standing) => Promise<T>): Promise<T> {
    const { locks, known } = this.parts;
    await known();
    const key = Conversations.lockKey(thread);
    if (thread.kind === "group") return locks.run(key, () => work("group"));
    return locks.run(`said/${thread.timeline.id}`, async () => {
      const done = await locks.run(key, async () =>
        (await this.isContact(thread)) ? { result: await work("contact") } : undefined,
      );
      if (done !== undefined) return done.result;
      return locks.run(thread.peer, () => locks.run(key, () => work("other")));
    });
  }

  private async isContact({ peer }: ConversationState): Promise<boolean> {
    return (await this.parts.peers.get(peer)).relation === "accepted";
  }

  /** The outbox order of a message of mine that has not been accepted. */
  private async waiting({ timeline }: Thread, id: MessageId) {
    const { store, account, outbox } = this.parts;
    const found = await findMessage(store, timeline, id, [account.id]);
    if (found === undefined) return undefined;
    const order = await outbox.find(timeline.id, found.sequence);
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
  return isAboutMessage(readStored(content));
}
