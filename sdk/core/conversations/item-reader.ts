/** From stored timeline rows to the items an app renders. */

import {
  type AccountId,
  type Content,
  decodeContent,
  digest,
  type KnownContent,
  type MessageId,
  SottoError,
} from "@sotto/protocol";
import { decodeRow, keys, type Row } from "../rows.js";
import { sameBytes } from "../same-bytes.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { cursorOf, type Item, type QuotedState } from "./items.js";
import type { Timeline, TimelineRow } from "./timeline.js";

/** The reason of an undecryptable item that nobody can send again. */
export const LOST = "lost";

/** Reads the items of one conversation. */
export class ItemReader {
  constructor(
    private readonly store: SealedStore,
    private readonly timeline: Timeline,
    private readonly people: { readonly me: AccountId; readonly peer: AccountId },
  ) {}

  /** The item of a row; `undefined` for a place that holds nothing to show. */
  async item({ sequence, row }: TimelineRow): Promise<Item | undefined> {
    const placed = {
      cursor: cursorOf(sequence),
      from: row.from,
      direction: row.from === this.people.me ? ("sent" as const) : ("received" as const),
      atMs: row.atMs,
    };
    switch (row.shape) {
      case "hidden":
        return undefined;
      case "keychange":
        return { ...placed, kind: "keychange" };
      case "undecryptable":
        return { ...placed, kind: "undecryptable", reason: row.reason ?? "unknown", resolved: this.resolved(sequence) };
      case "content":
        if (row.deletedMs !== undefined) return { ...placed, kind: "deleted" };
        return this.fromContent(placed, row, readStored(row.content));
      default:
        return row.shape satisfies never;
    }
  }

  private async fromContent(
    placed: Pick<Item, "cursor" | "from" | "direction" | "atMs">,
    row: Row<"item">,
    content: Content,
  ): Promise<Item | undefined> {
    const { messageId, sentAtMs } = content;
    const written = { ...placed, messageId, sentAtMs, status: row.status, failure: row.failure };
    const message = { ...written, reactions: row.reactions };
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

  private async quotedState(reply: Extract<KnownContent, { kind: "reply" }>): Promise<QuotedState> {
    const found = await findMessage(this.store, this.timeline, reply.quoted, [this.people.peer, this.people.me]);
    if (found === undefined) return "missing";
    if (!sameBytes(found.hash, reply.quotedHash)) return "forged";
    if (found.row.deletedMs !== undefined) return "deleted";
    return found.row.edit === undefined ? "found" : "edited";
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

/** A message found by its id: its place, row and the hash of its original content. */
export interface FoundMessage {
  readonly sequence: number;
  readonly row: Row<"item">;
  readonly hash: Uint8Array;
  readonly sender: AccountId;
}

/** Looks a message up by id among the given senders; `undefined` if none of them wrote it here. */
export async function findMessage(
  store: SealedStore,
  timeline: Timeline,
  id: MessageId,
  senders: readonly AccountId[],
): Promise<FoundMessage | undefined> {
  for (const sender of senders) {
    const stored = await store.get(keys.message(store, timeline.id, sender, id));
    if (stored === undefined) continue;
    const { sequence, hash } = decodeRow("messageIndex", stored);
    const row = await timeline.row(sequence);
    if (row !== undefined) return { sequence, row, hash, sender };
  }
  return undefined;
}

/** The hash a reply quotes and an index row keeps: SHA-256 of the canonical content bytes. */
export function contentHash(content: Uint8Array): Uint8Array {
  return digest(content);
}

/** Reads content bytes that were checked before they were stored. */
export function readStored(content: Uint8Array): Content {
  try {
    return decodeContent(content);
  } catch (cause) {
    throw new SottoError("storeCorrupt", { detail: "a stored content does not parse", cause });
  }
}
