/** What something said about a message does to it: edits, deletes, reactions and votes whose message may be here. */

import type { AccountId, Content, MessageId } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import type { Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { type FoundMessage, findContent, findMessage, findNamed } from "./find.js";
import { changed, hidden, type Incoming, type Telling } from "./incoming.js";
import type { AboutMessage, Of } from "./kind-roles.js";
import { pollIn } from "./polls.js";
import { reacted } from "./reactions.js";
import { deleted, edited, isRevisable, overtakesRevision } from "./revisions.js";
import { readStored } from "./stored-content.js";
import type { Timeline } from "./timeline.js";
import type { Votes } from "./votes.js";

/** What a word does. `changes` is called in the turn of its commit. */
export type WordEffect =
  /** It is an item, and these changes go with it. */
  | { readonly kind: "said"; changes(): readonly StoreChange[]; readonly tellings: readonly Telling[] }
  /** It shows nothing, but did come. */
  | { readonly kind: "remembered" }
  /** Its message is not here. */
  | { readonly kind: "early" }
  | { readonly kind: "refused" };

/** How a word came. */
export type Spoken = Pick<Incoming, "atMs" | "status"> & { readonly encoded: Uint8Array };

const NOTHING: WordEffect = { kind: "said", changes: () => [], tellings: [] };

/** Decides; reads only. The caller holds the conversation's lock. */
export class WordEffects {
  constructor(
    private readonly parts: {
      readonly store: SealedStore;
      readonly timeline: Timeline;
      readonly me: AccountId;
      readonly votes: Votes;
    },
  ) {}

  /** What a word does. */
  of(word: AboutMessage, spoken: Spoken): Promise<WordEffect> {
    switch (word.kind) {
      case "edit":
      case "delete":
        return this.revision(word, spoken);
      case "reaction":
        return this.reaction(word, spoken);
      case "vote":
        return this.vote(word, spoken);
      default:
        return word satisfies never;
    }
  }

  /** Only of what the same account wrote, which the index key by sender guarantees. */
  private async revision(word: Of<"edit" | "delete">, { encoded, atMs, status }: Spoken): Promise<WordEffect> {
    const { store, timeline, votes } = this.parts;
    const target = await findContent(store, timeline, word.target, word.sender);
    if (target === undefined) return { kind: "early" };
    const { row, sequence } = target;
    if (row?.shape === "content" && row.deletedMs !== undefined) {
      // Every delete is an item, so that it does not matter which of two came first. Words of what is gone are none.
      if (status === "pending") return { kind: "refused" };
      return word.kind === "delete" ? NOTHING : { kind: "remembered" };
    }
    if (row === undefined || !isRevisable(row, word.kind)) return { kind: "refused" };
    const before = row.edit === undefined ? undefined : readStored(row.edit);
    if (before !== undefined && !overtakesRevision(word, before)) return { kind: "remembered" };
    const after = word.kind === "delete" ? deleted(row, atMs) : edited(row, encoded);
    const emptied = before === undefined ? undefined : await this.withoutWords(before, atMs);
    const isPoll = word.kind === "delete" && pollIn(row) !== undefined;
    const dropped = isPoll ? await votes.dropped(word.target) : [];
    return {
      kind: "said",
      changes: () => [timeline.replace(sequence, after), ...(emptied?.changes() ?? []), ...dropped],
      tellings: [changed(sequence), ...(emptied?.tellings ?? [])],
    };
  }

  /** The item of an earlier edit keeps no words: only the message itself says what it says now. */
  private async withoutWords({ messageId, sender }: Content, atMs: number) {
    const { store, timeline } = this.parts;
    const found = await findMessage(store, timeline, messageId, [sender]);
    if (found === undefined) return undefined;
    const { sequence, row } = found;
    const changes = () => timeline.move(sequence, row, hidden(sender, atMs));
    return { changes, tellings: [changed(sequence)] };
  }

  private async reaction(word: Of<"reaction">, { status }: Spoken): Promise<WordEffect> {
    const isPending = status === "pending";
    const [target] = await this.named(word.target);
    if (target === undefined) return { kind: "early" };
    const { sequence, row } = target;
    // Also on what is gone it is an item, so that it does not matter which of the two came first.
    if (row.deletedMs !== undefined && !isPending) return NOTHING;
    if (!isRevisable(row, "reaction")) return { kind: "refused" };
    const after = reacted(row, word);
    if (after === row) return isPending ? { kind: "refused" } : NOTHING;
    return {
      kind: "said",
      changes: () => [this.parts.timeline.replace(sequence, after)],
      tellings: [changed(sequence)],
    };
  }

  /** Every vote in a poll is an item, also one that a later vote replaced before it came. */
  private async vote(word: Of<"vote">, { status }: Spoken): Promise<WordEffect> {
    const { votes } = this.parts;
    const named = await this.named(word.target);
    if (named.length === 0) return { kind: "early" };
    const poll = named.find(({ row }) => pollIn(row) !== undefined);
    if (poll === undefined) {
      const isGone = named.some(({ row }) => row.deletedMs !== undefined);
      return isGone && status !== "pending" ? NOTHING : { kind: "refused" };
    }
    const changes = await votes.counted([word]);
    return { kind: "said", changes: () => changes, tellings: changes.length > 0 ? [changed(poll.sequence)] : [] };
  }

  /** Whatever came under this id, whoever gave it; a place that shows nothing included. */
  private async named(id: MessageId): Promise<readonly Pick<FoundMessage, "sequence" | "row">[]> {
    const { store, timeline, me } = this.parts;
    const found = await findNamed(store, timeline, id, me);
    const nothing: Row<"item"> = hidden(me, 0);
    return found.map(({ sequence, row = nothing }) => ({ sequence, row }));
  }
}
