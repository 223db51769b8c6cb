/** What a content does to a conversation: one set of rules for what others sent and what this account sends. */

import type { AccountId, Content, KnownContent, MessageId } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import { decodeRow, encodeRow, keys, type Row, range } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { contentHash, type FoundMessage, findMessage, readStored } from "./item-reader.js";
import { type ConversationEvents, cursorOf, type ItemStatus } from "./items.js";
import type { Timeline } from "./timeline.js";

/** Reactions kept on one message; more are refused. */
const MAX_REACTIONS = 256;

/** A content on its way into the store. */
export interface Incoming {
  readonly content: Content;
  /** Its canonical bytes. */
  readonly encoded: Uint8Array;
  readonly atMs: number;
  readonly status: ItemStatus;
  /** The place of the undecryptable item it resolves. */
  readonly resolves?: number | undefined;
}

/** One event of a conversation, to be told once its commit is durable. */
export type Telling = {
  readonly [Type in keyof ConversationEvents]: { readonly type: Type; readonly detail: ConversationEvents[Type] };
}[keyof ConversationEvents];

/**
 * What a content changes. `build` takes places and counters, so the caller commits what it returns without an await in
 * between.
 */
export interface Outcome {
  /** `shown`: it is a timeline item. `applied`: it changed others, or was held. `duplicate`: seen before. `refused`: not taken. */
  readonly kind: "shown" | "applied" | "duplicate" | "refused";
  build(): { readonly changes: readonly StoreChange[]; readonly sequence?: number };
  readonly tellings: readonly Telling[];
}

/** Applies contents to one conversation. The caller holds the conversation's lock. */
export class ContentWriter {
  private mayHoldEarly: boolean | undefined;

  constructor(
    private readonly store: SealedStore,
    private readonly timeline: Timeline,
    private readonly people: { readonly me: AccountId; readonly peer: AccountId },
  ) {}

  /** Decides what a content changes; reads only. */
  async write(incoming: Incoming): Promise<Outcome> {
    const { content } = incoming;
    // What is being sent has a fresh random id: looking it up would ask the disk for nothing.
    const isNew =
      incoming.status === "pending" ||
      (await this.store.get(this.indexKey(content.sender, content.messageId))) === undefined;
    if (!isNew) return this.nothingShown(incoming, "duplicate");
    switch (content.kind) {
      case "edit":
      case "delete":
        return this.revise(incoming, content);
      case "reaction":
        return this.react(incoming, content);
      case "receipt":
        return this.receive(incoming, content);
      case "typing":
        return this.nothingShown(incoming, "refused");
      case "text":
      case "reply":
      case "custom":
      case "unsupported":
        return this.message(incoming);
      case "profile":
        return this.item(incoming, []);
      default:
        return content satisfies never;
    }
  }

  /** A content that shows nothing; the place of the undecryptable item it resolves, if any, becomes empty. */
  private nothingShown({ resolves, content, atMs }: Incoming, kind: "duplicate" | "refused"): Outcome {
    const emptied = resolves === undefined ? [] : [this.timeline.replace(resolves, hidden(content.sender, atMs))];
    return { kind, build: () => ({ changes: emptied }), tellings: [] };
  }

  /** A message: an item, together with an edit or delete that came before it. */
  private async message(incoming: Incoming): Promise<Outcome> {
    const { content, status } = incoming;
    const key = keys.early(this.store, this.timeline.id, content.sender, content.messageId);
    const early = status === "pending" ? undefined : await this.early(key);
    if (early === undefined) return this.item(incoming, []);
    const { content: revision, encoded } = early;
    const plain = this.row(incoming);
    const isEdit = revision.kind === "edit";
    const row = isRevisable(plain, isEdit ? "edit" : "delete")
      ? revised(plain, revision, encoded, incoming.atMs)
      : plain;
    return this.item(incoming, [{ key, value: undefined }], row);
  }

  private async early(key: string): Promise<{ readonly content: Content; readonly encoded: Uint8Array } | undefined> {
    // Mostly there is none at all, and then no message need ask the disk for its own.
    this.mayHoldEarly ??= (await this.store.list(range(keys.earlies, 1))).length > 0;
    if (!this.mayHoldEarly) return undefined;
    const stored = await this.store.get(key);
    if (stored === undefined) return undefined;
    const { content: encoded } = decodeRow("early", stored);
    return { content: readStored(encoded), encoded };
  }

  private item(incoming: Incoming, further: readonly StoreChange[], row = this.row(incoming)): Outcome {
    const { content, encoded, resolves } = incoming;
    return {
      kind: "shown",
      build: () => {
        const placed =
          resolves === undefined
            ? this.timeline.append(row)
            : { sequence: resolves, changes: [this.timeline.replace(resolves, row)] };
        const index = encodeRow("messageIndex", { sequence: placed.sequence, hash: contentHash(encoded) });
        const key = this.indexKey(content.sender, content.messageId);
        return { sequence: placed.sequence, changes: [...placed.changes, { key, value: index }, ...further] };
      },
      tellings: [],
    };
  }

  /** An edit or delete: only of what the same account wrote, which the index key by sender guarantees. */
  private async revise(
    incoming: Incoming,
    content: Extract<KnownContent, { kind: "edit" | "delete" }>,
  ): Promise<Outcome> {
    const { encoded, atMs } = incoming;
    const target = await findMessage(this.store, this.timeline, content.target, [content.sender]);
    if (target === undefined) {
      if (incoming.status !== "received") return this.nothingShown(incoming, "refused");
      const key = keys.early(this.store, this.timeline.id, content.sender, content.target);
      const held = await this.early(key);
      const overtakes = held === undefined || overtakesRevision(content, held.content);
      this.mayHoldEarly = true;
      return this.remembered(incoming, overtakes ? [{ key, value: encodeRow("early", { content: encoded }) }] : []);
    }
    const { row } = target;
    const isOver = row.deletedMs !== undefined;
    if (isOver && incoming.status === "pending") return this.nothingShown(incoming, "refused");
    if (!isOver && !isRevisable(row, content.kind)) return this.nothingShown(incoming, "refused");
    const before = row.edit === undefined ? undefined : readStored(row.edit);
    // Words of a message that is gone, or older than those it has: nothing to show, and nothing to keep.
    if (isOver || (before !== undefined && !overtakesRevision(content, before))) return this.remembered(incoming, []);
    const outcome = this.changing(incoming, target, revised(row, content, encoded, atMs));
    return before === undefined ? outcome : this.withoutWords(outcome, before, atMs);
  }

  /** The item of an earlier edit keeps no words: only the message itself says what it says now. */
  private async withoutWords(outcome: Outcome, edit: Content, atMs: number): Promise<Outcome> {
    const found = await findMessage(this.store, this.timeline, edit.messageId, [edit.sender]);
    if (found === undefined || found.sequence === 0) return outcome;
    const emptied = this.timeline.replace(found.sequence, hidden(edit.sender, atMs));
    return {
      ...outcome,
      build: () => {
        const built = outcome.build();
        return { ...built, changes: [...built.changes, emptied] };
      },
      tellings: [...outcome.tellings, { type: "changed", detail: { cursor: cursorOf(found.sequence) } }],
    };
  }

  private async react(incoming: Incoming, content: Extract<KnownContent, { kind: "reaction" }>): Promise<Outcome> {
    const { me, peer } = this.people;
    const target = await findMessage(this.store, this.timeline, content.target, [peer, me]);
    if (target === undefined || !isRevisable(target.row, "reaction")) return this.nothingShown(incoming, "refused");
    const { sender: from, emoji } = content;
    const others = target.row.reactions.filter((one) => one.from !== from || one.emoji !== emoji);
    const reactions = content.action === "add" ? [...others, { from, emoji }] : others;
    if (reactions.length > MAX_REACTIONS) return this.nothingShown(incoming, "refused");
    return this.changing(incoming, target, { ...target.row, reactions });
  }

  /** Receipts move the status of my own messages on, never back, and take no place. */
  private async receive(incoming: Incoming, receipt: Extract<KnownContent, { kind: "receipt" }>): Promise<Outcome> {
    const { sender } = receipt;
    const { atMs, resolves } = incoming;
    if (sender === this.people.me) return this.nothingShown(incoming, "refused");
    const changes: StoreChange[] = [];
    const tellings: Telling[] = [];
    const status = receipt.receipt;
    for (const messageId of new Set(receipt.targets)) {
      const found = await findMessage(this.store, this.timeline, messageId, [this.people.me]);
      if (found === undefined || !movesOn(found.row.status, status)) continue;
      changes.push(this.timeline.replace(found.sequence, { ...found.row, status }));
      tellings.push({ type: "receipt", detail: { messageId, status, atMs } });
      tellings.push({ type: "changed", detail: { cursor: cursorOf(found.sequence) } });
    }
    if (resolves !== undefined) changes.push(this.timeline.replace(resolves, hidden(sender, atMs)));
    return { kind: "applied", build: () => ({ changes }), tellings };
  }

  /** An item that changes another one in the same commit. */
  private changing(incoming: Incoming, target: FoundMessage, row: Row<"item">): Outcome {
    const outcome = this.item(incoming, [this.timeline.replace(target.sequence, row)]);
    return { ...outcome, tellings: [{ type: "changed", detail: { cursor: cursorOf(target.sequence) } }] };
  }

  /** A revision that shows nothing, now or before its target arrives: it takes no place, but is remembered as seen. */
  private remembered({ content, encoded, resolves, atMs }: Incoming, changes: readonly StoreChange[]): Outcome {
    return {
      kind: "applied",
      build: () => {
        const sequence = resolves ?? 0;
        const index = encodeRow("messageIndex", { sequence, hash: contentHash(encoded) });
        const seen = { key: this.indexKey(content.sender, content.messageId), value: index };
        const place = resolves === undefined ? [] : [this.timeline.replace(resolves, hidden(content.sender, atMs))];
        return { changes: [...changes, seen, ...place] };
      },
      tellings: [],
    };
  }

  private row({ content, encoded, atMs, status }: Incoming): Row<"item"> {
    return { shape: "content", from: content.sender, atMs, content: encoded, status, reactions: [] };
  }

  private indexKey(sender: AccountId, id: MessageId): string {
    return keys.message(this.store, this.timeline.id, sender, id);
  }
}

/** A place with nothing to show. */
export function hidden(from: AccountId, atMs: number): Row<"item"> {
  return { shape: "hidden", from, atMs, content: new Uint8Array(0), status: "received", reactions: [] };
}

/** Whether a status may follow another. A receipt also proves what its acceptance had not yet told. */
export function movesOn(from: ItemStatus, to: ItemStatus): boolean {
  const order: readonly ItemStatus[] = ["failed", "pending", "accepted", "delivered", "read"];
  return order.indexOf(to) > order.indexOf(from) && from !== "received";
}

/** Words can be edited; messages can be reacted to and deleted; what is about a message, or deleted, is neither. */
function isRevisable(row: Row<"item">, revision: "edit" | "delete" | "reaction"): boolean {
  if (row.shape !== "content" || row.deletedMs !== undefined) return false;
  const { kind } = readStored(row.content);
  if (kind === "text" || kind === "reply") return true;
  return revision !== "edit" && (kind === "custom" || kind === "unsupported");
}

/** Whether a revision counts more than another of the same message: a delete always, else the one made later. */
function overtakesRevision(revision: Content, other: Content): boolean {
  if (other.kind === "delete") return false;
  if (revision.kind === "delete") return true;
  if (revision.device === other.device) return revision.counter > other.counter;
  return revision.sentAtMs > other.sentAtMs;
}

/** A row after an edit or a delete. A deleted row keeps nothing of its content. */
function revised(row: Row<"item">, revision: Content, encoded: Uint8Array, atMs: number): Row<"item"> {
  if (revision.kind === "delete") {
    return { ...row, content: new Uint8Array(0), edit: undefined, reactions: [], deletedMs: atMs };
  }
  return { ...row, edit: encoded };
}
