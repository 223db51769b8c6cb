/** What a content does to a conversation: one set of rules for what others sent and what this account sends. */

import { type AccountId, type Content, decodeContent, type KnownContent, type MessageId } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import { decodeRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { contentHash, type FoundMessage, findMessage } from "./item-reader.js";
import { type ConversationEvents, cursorOf, type ItemStatus } from "./items.js";
import type { Timeline } from "./timeline.js";

/** Reactions kept on one message; more are ignored. */
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

const NOTHING = { build: () => ({ changes: [] }), tellings: [] } as const;

/** Applies contents to one conversation. The caller holds the conversation's lock. */
export class ContentWriter {
  constructor(
    private readonly store: SealedStore,
    private readonly timeline: Timeline,
    private readonly people: { readonly me: AccountId; readonly peer: AccountId },
  ) {}

  /** Decides what a content changes; reads only. */
  async write(incoming: Incoming): Promise<Outcome> {
    const { content } = incoming;
    const known = await this.store.get(this.indexKey(content.sender, content.messageId));
    if (known !== undefined) return this.resolvedElsewhere(incoming);
    switch (content.kind) {
      case "edit":
      case "delete":
        return this.revise(incoming, content);
      case "reaction":
        return this.react(incoming, content);
      case "receipt":
        return this.receive(incoming, content);
      case "typing":
        return { kind: "refused", ...NOTHING };
      case "text":
      case "reply":
        return this.message(incoming);
      case "custom":
      case "unsupported":
      case "profile":
        return this.item(incoming, []);
      default:
        return content satisfies never;
    }
  }

  /** A place that held an undecryptable item whose message turned out to be there already. */
  private resolvedElsewhere({ resolves, content, atMs }: Incoming): Outcome {
    if (resolves === undefined) return { kind: "duplicate", ...NOTHING };
    return {
      kind: "applied",
      build: () => ({ changes: [this.timeline.replace(resolves, hidden(content.sender, atMs))] }),
      tellings: [],
    };
  }

  /** A text or reply: an item, together with an edit or delete that came before it. */
  private async message(incoming: Incoming): Promise<Outcome> {
    const { content } = incoming;
    const earlyKey = keys.early(this.store, this.timeline.id, content.sender, content.messageId);
    const early = await this.store.get(earlyKey);
    if (early === undefined) return this.item(incoming, []);
    const revision = decodeRow("early", early).content;
    const row = revised(this.row(incoming), decodeContent(revision), revision, incoming.atMs);
    return this.item(incoming, [{ key: earlyKey, value: undefined }], row);
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
    const target = await findMessage(this.store, this.timeline, content.target, [content.sender]);
    if (target === undefined) {
      if (incoming.status !== "received") return { kind: "refused", ...NOTHING };
      const key = keys.early(this.store, this.timeline.id, content.sender, content.target);
      return this.held(incoming, { key, value: encodeRow("early", { content: incoming.encoded }) });
    }
    const row = revised(target.row, content, incoming.encoded, incoming.atMs);
    return this.changing(incoming, target, row);
  }

  private async react(incoming: Incoming, content: Extract<KnownContent, { kind: "reaction" }>): Promise<Outcome> {
    const { me, peer } = this.people;
    const target = await findMessage(this.store, this.timeline, content.target, [peer, me]);
    if (target === undefined || target.row.deletedMs !== undefined) return { kind: "refused", ...NOTHING };
    const { sender: from, emoji } = content;
    const others = target.row.reactions.filter((one) => one.from !== from || one.emoji !== emoji);
    const reactions = content.action === "add" ? [...others, { from, emoji }].slice(-MAX_REACTIONS) : others;
    return this.changing(incoming, target, { ...target.row, reactions });
  }

  /** Receipts move the status of my own messages on, never back, and take no place. */
  private async receive(
    { content: { sender }, atMs, resolves }: Incoming,
    receipt: Extract<KnownContent, { kind: "receipt" }>,
  ): Promise<Outcome> {
    if (sender === this.people.me) return { kind: "refused", ...NOTHING };
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

  /** A revision kept aside until its target arrives; it takes no place, but it is remembered as seen. */
  private held({ content, encoded, resolves, atMs }: Incoming, change: StoreChange): Outcome {
    return {
      kind: "applied",
      build: () => {
        const sequence = resolves ?? 0;
        const index = encodeRow("messageIndex", { sequence, hash: contentHash(encoded) });
        const seen = { key: this.indexKey(content.sender, content.messageId), value: index };
        const place = resolves === undefined ? [] : [this.timeline.replace(resolves, hidden(content.sender, atMs))];
        return { changes: [change, seen, ...place] };
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

/** A row after an edit or a delete. A deleted row keeps nothing of its content and takes no edit. */
function revised(row: Row<"item">, revision: Content, encoded: Uint8Array, atMs: number): Row<"item"> {
  if (row.deletedMs !== undefined) return row;
  if (revision.kind === "delete") {
    return { ...row, content: new Uint8Array(0), edit: undefined, reactions: [], deletedMs: atMs };
  }
  return { ...row, edit: encoded };
}
