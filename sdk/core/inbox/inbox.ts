/**
 * From delivered envelopes to durable items: one at a time in mailbox order, one atomic commit each, acknowledged only
 * when that commit is on disk. Commits overlap with the next decryption, so the disk does not slow the ratchet.
 */

import type { AccountId, Frame } from "@sotto/protocol";
import { hidden, type Telling } from "../conversations/content-writer.js";
import { type ConversationState, Conversations } from "../conversations/conversations.js";
import { cursorOf } from "../conversations/items.js";
import type { Counters } from "../counters.js";
import type { Clock, Log, StoreChange } from "../ports.js";
import { decodeRow, encodeRow, keys } from "../rows.js";
import { withLearnt } from "../sessions/peers.js";
import type { Acknowledgements, Delivery } from "./acknowledgements.js";
import { type Opened, type OpenedContent, type OpeningParts, openEnvelope } from "./open-envelope.js";
import { nothing, type Plan } from "./plan.js";
import type { Receipts } from "./receipts.js";
import type { Repairs } from "./repairs.js";

/** What the inbox works with. */
export interface InboxParts extends OpeningParts {
  readonly conversations: Conversations;
  readonly receipts: Receipts;
  readonly repairs: Repairs;
  readonly acknowledgements: Acknowledgements;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly log: Log;
  /** Something happened in a conversation and is durable. */
  tell(state: ConversationState, telling: Telling): void;
  /** A new item is durable. */
  arrived(state: ConversationState, sequence: number): void;
  /** Mail between two cursors is gone: the relay dropped it after its time to live. */
  gap(missed: number): void;
  /** The store or the code failed: the client must end. */
  failed(error: unknown): void;
}

/** A commit on its way to the disk, and what to do when it is there. */
interface Commit {
  readonly durable: Promise<void>;
  readonly after: readonly (() => void)[];
}

/** Takes what the relay delivers. */
export class Inbox {
  private tail: Promise<void> = Promise.resolve();
  private cursor = 0;

  constructor(private readonly parts: InboxParts) {}

  /** Reads how far the mailbox was read. */
  async load(): Promise<void> {
    const stored = await this.parts.store.get(keys.inbox);
    if (stored !== undefined) this.cursor = decodeRow("inbox", stored).cursor;
  }

  /** Queues an envelope. The relay's window bounds how many there are. */
  deliver(frame: Frame<"deliver">): void {
    const delivery = this.parts.acknowledgements.delivered(frame.cursor);
    this.tail = this.tail.then(() => this.take(frame, delivery)).catch((error) => this.parts.failed(error));
  }

  /** Settles when everything delivered so far was taken. */
  async settled(): Promise<void> {
    await this.tail;
  }

  private async take(frame: Frame<"deliver">, delivery: Delivery): Promise<void> {
    if (this.cursor > 0 && frame.cursor > this.cursor + 1) this.parts.gap(frame.cursor - this.cursor - 1);
    const { durable, after } = await openEnvelope(this.parts, frame.body, (opened) => {
      this.parts.counters.count(opened.kind === "payload" ? "opened" : opened.kind);
      return this.decide(frame, opened);
    });
    delivery.when(durable);
    durable
      .then(() => {
        for (const work of after) work();
      })
      .catch((error: unknown) => this.parts.failed(error));
  }

  private async decide(frame: Frame<"deliver">, opened: Opened): Promise<Commit> {
    switch (opened.kind) {
      case "payload":
        return this.opened(frame, opened);
      case "unfit":
        this.parts.log("warn", "content refused", { reason: opened.reason });
        return this.opened(frame, opened);
      case "undecryptable":
        return frame.cursor === 0 ? this.commit(frame, nothing) : this.undecryptable(frame, opened);
      case "rejected":
        this.parts.log("warn", "envelope rejected", { reason: opened.reason });
        return this.commit(frame, nothing);
      case "duplicate":
        return this.commit(frame, nothing);
      default:
        return opened satisfies never;
    }
  }

  /** One batch, queued in the turn that built it, so that places and counters reach the disk in the order they were taken. */
  private commit(frame: Frame<"deliver">, plan: Plan): Commit {
    if (frame.cursor > this.cursor) this.cursor = frame.cursor;
    const position = { key: keys.inbox, value: encodeRow("inbox", { cursor: this.cursor }) };
    return { durable: this.parts.store.commit([...plan.build(), position]), after: plan.after };
  }

  /** What decrypted: the ratchet's records, what was learnt of the sender and what is said go into one commit. */
  private async opened(
    frame: Frame<"deliver">,
    opened: Extract<Opened, { kind: "payload" | "unfit" }>,
  ): Promise<Commit> {
    const { sender, records, identityChange } = opened;
    const state = await this.parts.conversations.of(sender.account);
    const peerChanges = await this.peerChanges(opened);
    return this.parts.locks.run(Conversations.lockKey(state), async () => {
      const plan = opened.kind === "unfit" ? nothing : await this.plan(frame, state, opened);
      const { durable, after } = this.commit(frame, {
        build: () => [...(identityChange?.build() ?? []), ...records.takeChanges(), ...peerChanges, ...plan.build()],
        after: plan.after,
      });
      identityChange?.announceAfter(durable);
      return { durable, after };
    });
  }

  /** What the peer's row becomes: its identity after a first contact or a change, its device, profile key and name. */
  private async peerChanges(opened: Extract<Opened, { kind: "payload" | "unfit" }>): Promise<readonly StoreChange[]> {
    const { peers } = this.parts;
    const { sender, senderIdentity, identityChange } = opened;
    const before = identityChange?.row ?? (await peers.get(sender.account));
    const said = opened.kind === "payload" ? opened : undefined;
    const content = said?.content?.content;
    const row = withLearnt(before, {
      device: sender.device,
      identityKey: senderIdentity,
      profileKey: said !== undefined && "profileKey" in said.payload ? said.payload.profileKey : undefined,
      named: content?.kind === "profile" ? { name: content.name } : undefined,
    });
    return row === before && identityChange === undefined ? [] : [peers.change(row)];
  }

  private async plan(
    frame: Frame<"deliver">,
    state: ConversationState,
    { payload, content, sender }: Extract<Opened, { kind: "payload" }>,
  ): Promise<Plan> {
    switch (payload.type) {
      case "content":
        return content === undefined ? nothing : this.content(frame, state, content, undefined);
      case "resend":
        return this.resend(frame, state, { envelope: payload.envelope, content, sender: sender.account });
      case "retry":
        return this.parts.repairs.answer(sender.account, payload.envelopes);
      case "unavailable":
        return this.parts.repairs.lost(state, payload.envelopes);
      default:
        return payload satisfies never;
    }
  }

  private async content(
    frame: Frame<"deliver">,
    state: ConversationState,
    { content, encoded }: OpenedContent,
    resolves: number | undefined,
  ): Promise<Plan> {
    const { clock, counters, receipts } = this.parts;
    if (frame.cursor === 0) return this.ephemeral(state, content);
    const outcome = await state.writer.write({ content, encoded, atMs: clock.now(), status: "received", resolves });
    if (outcome.kind === "refused") counters.count("contentRefused");
    let sequence: number | undefined;
    return {
      build: () => {
        const built = outcome.build();
        sequence = built.sequence;
        if (outcome.kind !== "shown") return built.changes;
        return [...built.changes, receipts.owe(content)];
      },
      after: [
        () => {
          if (sequence !== undefined) {
            state.timeline.announce(sequence);
            this.parts.arrived(state, sequence);
            receipts.wake();
          }
          for (const telling of outcome.tellings) this.parts.tell(state, telling);
        },
      ],
    };
  }

  /** Typing is all that may come without being stored. */
  private ephemeral(state: ConversationState, content: OpenedContent["content"]): Plan {
    if (content.kind !== "typing") {
      this.parts.counters.count("ephemeralDropped");
      return nothing;
    }
    const detail = { from: content.sender, typing: content.typing };
    return { build: () => [], after: [() => this.parts.tell(state, { type: "typing", detail })] };
  }

  /** A message sent again: takes the place of the item that did not open, if there is one of this sender's. */
  private async resend(
    frame: Frame<"deliver">,
    state: ConversationState,
    resent: { readonly envelope: Uint8Array; readonly content: OpenedContent | undefined; readonly sender: AccountId },
  ): Promise<Plan> {
    const { store, clock } = this.parts;
    const key = keys.undecryptable(resent.envelope);
    const stored = await store.get(key);
    const waiting = stored === undefined ? undefined : decodeRow("undecryptable", stored);
    const resolves = waiting?.sender === resent.sender ? waiting.sequence : undefined;
    const settle = () => {
      if (resolves === undefined) return;
      state.timeline.settle(resolves);
      this.parts.tell(state, { type: "changed", detail: { cursor: cursorOf(resolves) } });
    };
    const removed: readonly StoreChange[] = resolves === undefined ? [] : [{ key, value: undefined }];
    if (resent.content === undefined) {
      const empty =
        resolves === undefined ? [] : [state.timeline.replace(resolves, hidden(resent.sender, clock.now()))];
      return { build: () => [...removed, ...empty], after: [settle] };
    }
    const plan = await this.content(frame, state, resent.content, resolves);
    return { build: () => [...removed, ...plan.build()], after: [...plan.after, settle] };
  }

  /** Keeps the place of what did not open, and asks its sender for it. */
  private async undecryptable(
    frame: Frame<"deliver">,
    { sender, reason }: Extract<Opened, { kind: "undecryptable" }>,
  ): Promise<Commit> {
    const { store, conversations, repairs, clock, locks } = this.parts;
    const state = await conversations.of(sender.account);
    const key = keys.undecryptable(frame.messageId);
    return locks.run(Conversations.lockKey(state), async () => {
      if ((await store.get(key)) !== undefined) return this.commit(frame, nothing);
      const { timeline } = state;
      let sequence = 0;
      return this.commit(frame, {
        build: () => {
          const placed = timeline.append({
            ...hidden(sender.account, clock.now()),
            shape: "undecryptable",
            reason,
            envelope: frame.messageId,
          });
          sequence = placed.sequence;
          const row = {
            sender: sender.account,
            device: sender.device,
            conversation: timeline.id,
            sequence,
            sinceMs: clock.now(),
          };
          return [...placed.changes, { key, value: encodeRow("undecryptable", row) }];
        },
        after: [
          () => {
            timeline.announce(sequence);
            this.parts.arrived(state, sequence);
            repairs.wake();
          },
        ],
      });
    });
  }
}
