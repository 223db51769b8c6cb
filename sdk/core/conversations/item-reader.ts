/** From stored timeline rows to the items an app renders. */

import {
  type AccountId,
  type Content,
  equalBytes,
  isGroupMessageId,
  type KnownContent,
  type MessageId,
} from "@sotto/protocol";
import { decodeRow, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { readGroupItem } from "./group-change.js";
import { cursorOf, type Item, type QuotedState } from "./items.js";
import { orderText, placementOf } from "./placement.js";
import { readStored } from "./stored-content.js";
import type { Timeline, TimelineRow } from "./timeline.js";

/** The reason of an undecryptable item that nobody can send again. */
export const LOST = "lost";

/** Reads the items of one conversation. */
export class ItemReader {
  constructor(
    private readonly store: SealedStore,
    private readonly timeline: Timeline,
    private readonly me: AccountId,
  ) {}

  /** The message that an answer to this id quotes: in a DM the peer's, if both sides gave it to one. */
  async message(id: MessageId): Promise<FoundMessage | undefined> {
    for (const { row, ...found } of await findNamed(this.store, this.timeline, id, this.me)) {
      if (row !== undefined) return { ...found, row };
    }
    return undefined;
  }

  /** The item of a row; `undefined` for a place that holds nothing to show. */
  async item({ sequence, row }: TimelineRow): Promise<Item | undefined> {
    const placement = placementOf(row, sequence);
    const position =
      placement === undefined ? ({ kind: "pending", sequence } as const) : ({ kind: "placed", placement } as const);
    const placed = {
      cursor: cursorOf(sequence),
      order: orderText(position),
      from: row.from,
      direction: row.from === this.me ? ("sent" as const) : ("received" as const),
      atMs: row.atMs,
    };
    switch (row.shape) {
      case "hidden":
        return undefined;
      case "keychange":
        return { ...placed, kind: "keychange" };
      case "group":
        return { ...placed, kind: "group", change: readGroupItem(row.content) };
      case "undecryptable":
        return { ...placed, kind: "undecryptable", reason: row.reason ?? "unknown", resolved: this.resolved(sequence) };
      case "content":
        if (row.deletedMs !== undefined) return { ...placed, kind: "deleted", messageId: row.messageId };
        return this.fromContent(placed, row, readStored(row.content));
      default:
        return row.shape satisfies never;
    }
  }

  private async fromContent(
    placed: Pick<Item, "cursor" | "order" | "from" | "direction" | "atMs">,
    row: Row<"item">,
    content: Content,
  ): Promise<Item | undefined> {
    const { messageId, sentAtMs } = content;
    const written = { ...placed, messageId, sentAtMs, status: row.status, failure: row.failure };
    const shown = row.reactions.filter(({ action }) => action === "add");
    const message = { ...written, reactions: shown.map(({ from, emoji }) => ({ from, emoji })) };
    const edited = row.edit === undefined ? ("no" as const) : ("yes" as const);
    switch (content.kind) {
      case "text":
        return { ...message, kind: "text", text: this.words(row, content), edited };
      case "reply": {
        const quoted = { messageId: content.quoted, state: await this.quotedState(content) };
        return { ...message, kind: "reply", text: this.words(row, content), edited, quoted };
      }
      case "custom":
        return { ...message, kind: "custom", schema: content.schema, data: content.data };
      case "unsupported":
        return { ...message, kind: "unsupported", kindNumber: content.kindNumber };
      case "edit":
        return { ...written, kind: "edit", target: content.target, text: content.text };
      case "reaction":
        return { ...written, kind: "reaction", target: content.target, emoji: content.emoji, action: content.action };
      case "delete":
        return { ...written, kind: "delete", target: content.target };
      case "profile":
        return { ...written, kind: "profile", name: content.name };
      case "receipt":
      case "typing":
        return undefined;
      default:
        return content satisfies never;
    }
  }

  /** The words as last edited. */
  private words(row: Row<"item">, original: Extract<KnownContent, { kind: "text" | "reply" }>): string {
    if (row.edit === undefined) return original.text;
    const edit = readStored(row.edit);
    return edit.kind === "edit" ? edit.text : original.text;
  }

  /** A place that shows nothing is missing: on another device the same content may never have taken one. */
  private async quotedState(reply: Extract<KnownContent, { kind: "reply" }>): Promise<QuotedState> {
    const found = await findNamed(this.store, this.timeline, reply.quoted, this.me);
    const shown = found.flatMap(({ row, hash }) =>
      row === undefined || row.shape === "hidden" ? [] : [{ row, hash }],
    );
    if (shown.length === 0) return "missing";
    // In a DM either side may have given the same id to another message: the one with the quoted words is meant.
    const quoted = shown.find(({ hash }) => equalBytes(hash, reply.quotedHash));
    if (quoted === undefined) return "forged";
    if (quoted.row.deletedMs !== undefined) return "deleted";
    return quoted.row.edit === undefined ? "found" : "edited";
  }

  /** Not every app looks at the promise, so its rejection (a store that closed) is nobody's surprise. */
  private resolved(sequence: number): Promise<Item | undefined> {
    const resolving = this.resolve(sequence);
    resolving.catch(() => undefined);
    return resolving;
  }

  private async resolve(sequence: number): Promise<Item | undefined> {
    const settled = this.timeline.resolved(sequence);
    let row = await this.timeline.row(sequence);
    // It may have been settled between the reading of the row and now.
    if (row?.shape === "undecryptable" && row.reason !== LOST) {
      await settled;
      row = await this.timeline.row(sequence);
    }
    return row === undefined || row.shape === "undecryptable" ? undefined : this.item({ sequence, row });
  }
}

/** A content that came here: the place it took or was given up, and the hash of its bytes. */
export interface FoundContent {
  readonly sequence: number;
  readonly hash: Uint8Array;
  /** The row in its place; none if it took no place. */
  readonly row: Row<"item"> | undefined;
}

/** A message found by its id: its place, row and the hash of its original content. */
export type FoundMessage = FoundContent & { readonly row: Row<"item"> };

/** Looks a message up by id among the given senders; `undefined` if none of them wrote it here. */
export async function findMessage(
  store: SealedStore,
  timeline: Timeline,
  id: MessageId,
  senders: readonly AccountId[],
): Promise<FoundMessage | undefined> {
  for (const sender of senders) {
    const found = await findContent(store, timeline, id, sender);
    if (found?.row !== undefined) return { ...found, row: found.row };
  }
  return undefined;
}

/** Looks up whether a content of this sender came here, also if it took no place. */
export async function findContent(
  store: SealedStore,
  timeline: Timeline,
  id: MessageId,
  sender: AccountId,
): Promise<FoundContent | undefined> {
  const isTheirs = timeline.peer !== undefined || isGroupMessageId(id, { group: timeline.id, sender });
  return isTheirs ? read(store, timeline, timeline.indexKey(sender, id)) : undefined;
}

/**
 * Every content here under an id, whoever gave it: in a group there is at most one, in a DM one of either side, the peer's
 * first.
 */
export async function findNamed(
  store: SealedStore,
  timeline: Timeline,
  id: MessageId,
  me: AccountId,
): Promise<readonly FoundContent[]> {
  const { peer } = timeline;
  const index = peer === undefined ? [timeline.indexKey(me, id)] : [peer, me].map((one) => timeline.indexKey(one, id));
  const found = await Promise.all(index.map((key) => read(store, timeline, key)));
  return found.filter((one) => one !== undefined);
}

async function read(store: SealedStore, timeline: Timeline, key: string): Promise<FoundContent | undefined> {
  const stored = await store.get(key);
  if (stored === undefined) return undefined;
  const { sequence, hash } = decodeRow("messageIndex", stored);
  return { sequence, hash, row: sequence === 0 ? undefined : await timeline.row(sequence) };
}
