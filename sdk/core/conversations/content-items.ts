/** From stored contents to the items an app renders. */

import { type AccountId, type Content, equalBytes } from "@sotto/protocol";
import type { Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { fittingMentions, isOfPage } from "./annotations.js";
import { findShown } from "./find.js";
import type { Item, Quoted, QuotedState } from "./items.js";
import type { Of } from "./kind-roles.js";
import { locationIn } from "./location.js";
import type { Quotation } from "./outgoing.js";
import { tallyOf } from "./polls.js";
import { readStored } from "./stored-content.js";
import type { Timeline } from "./timeline.js";
import { Votes } from "./votes.js";

/** What an item is in its place, whatever is in it. */
export type Placed = Pick<Item, "cursor" | "order" | "from" | "direction" | "atMs">;

/** How long a message is kept, and when it goes. */
interface Life {
  readonly timerMs?: number | undefined;
  readonly expiresMs?: number | undefined;
}

/** Reads what the rows of one conversation say. */
export class ContentItems {
  private readonly votes: Votes;

  constructor(
    private readonly store: SealedStore,
    private readonly timeline: Timeline,
    private readonly me: AccountId,
  ) {
    this.votes = new Votes(store, timeline.id);
  }

  /** The item of a content; `undefined` for what is none. */
  async item(placed: Placed, row: Row<"item">, content: Content, life: Life = {}): Promise<Item | undefined> {
    const { messageId, sentAtMs } = content;
    const written = { ...placed, messageId, sentAtMs, status: row.status, failure: row.failure };
    const shown = row.reactions.filter(({ action }) => action === "add");
    const message = { ...written, ...life, reactions: shown.map(({ from, emoji }) => ({ from, emoji })) };
    const edit = row.edit === undefined ? undefined : readStored(row.edit);
    const edited = edit === undefined ? ("no" as const) : ("yes" as const);
    const newText = edit?.kind === "edit" ? edit.text : undefined;
    switch (content.kind) {
      case "text":
        return { ...message, kind: "text", text: newText ?? content.text, edited };
      case "reply": {
        const quoted = await this.quoted({ messageId: content.quoted, hash: content.quotedHash });
        return { ...message, kind: "reply", text: newText ?? content.text, edited, quoted };
      }
      case "annotated": {
        const words =
          newText === undefined ? { text: content.text, ...annotationsOf(content), edited } : { text: newText, edited };
        if (content.quoted === undefined) return { ...message, kind: "text", ...words };
        return { ...message, kind: "reply", ...words, quoted: await this.quoted(content.quoted) };
      }
      case "attachments": {
        const quoted = content.quoted && (await this.quoted(content.quoted));
        const { attachments, text } = content;
        return { ...message, kind: "attachments", attachments, text: newText ?? text, edited, quoted };
      }
      case "location":
        return { ...message, kind: "location", ...locationIn(content) };
      case "card": {
        const { name, account, userId, entries } = content;
        return { ...message, kind: "card", name, account, userId, entries };
      }
      case "poll": {
        const { question, options, choose } = content;
        const tally = tallyOf(content, await this.votes.in(messageId), this.me);
        return { ...message, kind: "poll", question, options, choose, tally };
      }
      case "custom":
        return { ...message, kind: "custom", schema: content.schema, data: content.data };
      case "unsupported":
        return { ...message, kind: "unsupported", kindNumber: content.kindNumber };
      case "edit":
        return { ...written, kind: "edit", target: content.target, text: content.text };
      case "reaction":
        return { ...written, kind: "reaction", target: content.target, emoji: content.emoji, action: content.action };
      case "vote":
        return { ...written, kind: "vote", target: content.target, choices: content.choices };
      case "delete":
        return { ...written, kind: "delete", target: content.target };
      case "profile":
        return { ...written, kind: "profile", name: content.name };
      case "timer":
        return { ...written, kind: "timer", durationMs: content.durationMs === 0 ? undefined : content.durationMs };
      case "receipt":
      case "typing":
      case "invitation":
      case "groupProfile":
        return undefined;
      default:
        return content satisfies never;
    }
  }

  private async quoted({ messageId, hash }: Quotation): Promise<Quoted> {
    return { messageId, state: await this.quotedState({ messageId, hash }) };
  }

  /** A place that shows nothing is missing: on another device the same content may never have taken one. */
  private async quotedState({ messageId, hash: said }: Quotation): Promise<QuotedState> {
    const shown = await findShown(this.store, this.timeline, messageId, this.me);
    if (shown.length === 0) return "missing";
    // In a DM either side may have given the same id to another message: the one with the quoted words is meant.
    const quoted = shown.find(({ hash }) => equalBytes(hash, said));
    if (quoted === undefined) return "forged";
    if (quoted.row.deletedMs !== undefined) return "deleted";
    return quoted.row.edit === undefined ? "found" : "edited";
  }
}

/** What a modified client says beside its words is left out where it does not fit them. */
function annotationsOf({
  text,
  mentions,
  preview,
}: Of<"annotated">): Pick<Item & { kind: "text" }, "mentions" | "preview"> {
  const fitting = fittingMentions(text, mentions);
  return {
    ...(fitting.length > 0 ? { mentions: fitting } : {}),
    ...(preview !== undefined && isOfPage(preview) ? { preview } : {}),
  };
}
