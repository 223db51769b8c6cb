/**
 * What somebody said in a group that the relay accepted after they were out of it, and that came here before the word of it:
 * taken back, so that all members show the same.
 */

import type { AccountId, Content, MessageId } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import type { Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Thread } from "./conversations.js";
import { findMessage, findNamed } from "./find.js";
import { hidden } from "./incoming.js";
import type { Of } from "./kind-roles.js";
import { placesSince } from "./placement.js";
import { lastWord } from "./reactions.js";
import { recounted } from "./recount.js";
import { readStored } from "./stored-content.js";
import type { TimelineRow } from "./timeline.js";

/** An account left a group, or was removed, with this entry. */
export interface Farewell {
  readonly account: AccountId;
  readonly seq: number;
  /** What the relay accepted later does not count. */
  readonly acceptedMs: number;
}

/** A row to be replaced. */
interface Replaced extends TimelineRow {
  readonly after: Row<"item">;
}

/** What changes. The changes are for the turn of their commit. */
export interface Withdrawn {
  changes(): readonly StoreChange[];
  /** The places of what is shown in another way, or not any more. */
  readonly places: readonly number[];
}

/**
 * Takes it back, with the reactions and votes of others on it. An edit or a reaction is undone: the message says what it said
 * at first, and what its author had reacted before is gone with it. Of votes the last one before counts again. A delete is not
 * undone, because nothing of what it deleted is kept.
 */
export async function withdrawn(
  store: SealedStore,
  { timeline, writer }: Pick<Thread, "timeline" | "writer">,
  farewells: readonly Farewell[],
): Promise<Withdrawn> {
  if (farewells.length === 0) return { changes: () => [], places: [] };
  const rows = new Map<number, Replaced>();
  const change = ({ sequence, row }: TimelineRow, apply: (row: Row<"item">) => Row<"item">) => {
    const present = rows.get(sequence) ?? { sequence, row, after: row };
    const after = apply(present.after);
    if (after !== present.after) rows.set(sequence, { ...present, after });
  };
  const isOver = (row: Row<"item">, content: Content) => farewells.some((one) => isAfter(one, row, content));
  const taken = new Set<MessageId>();
  const votes: Of<"vote">[] = [];
  const dropped: StoreChange[] = [];
  const responses: Response[] = (await timeline.waiting()).flatMap(responseIn);
  const sinceMs = Math.min(...farewells.map(({ acceptedMs }) => acceptedMs));
  for await (const sequence of placesSince(store, timeline.id, sinceMs)) {
    const row = await timeline.row(sequence);
    if (row?.shape !== "content" || row.content.length === 0) continue;
    const content = readStored(row.content);
    responses.push(...responseIn({ sequence, row }));
    if (content.kind === "delete" || !isOver(row, content)) continue;
    taken.add(content.messageId);
    change({ sequence, row }, emptied);
    if (content.kind === "vote") votes.push(content);
    if (content.kind === "poll") dropped.push(...(await writer.votes.dropped(content.messageId)));
    if (content.kind !== "edit" && content.kind !== "reaction") continue;
    const [target] = await findNamed(store, timeline, content.target, content.sender);
    if (target?.row !== undefined)
      change({ sequence: target.sequence, row: target.row }, (present) => without(present, content));
  }
  // Where a message never was, reactions to it, and votes in it, wait for it unseen.
  for (const { target, ...place } of responses) if (taken.has(target)) change(place, emptied);
  const forgotten = await Promise.all(
    [...new Set(farewells.map(({ account }) => account))].map((account) =>
      writer.early.words.forget(account, async (word) => {
        const place = await findMessage(store, timeline, word.messageId, [word.sender]);
        return place !== undefined && isOver(place.row, word);
      }),
    ),
  );
  const open = votes.filter(({ target }) => !taken.has(target));
  const counted = await recounted(store, { timeline, votes: writer.votes }, { votes: open, isOver });
  const all = [...rows.values()];
  return {
    changes: () => [
      ...counted.changes,
      ...dropped,
      ...all.flatMap(({ sequence, row, after }) => timeline.move(sequence, row, after)),
      ...forgotten.flatMap((changes) => changes()),
    ],
    places: [...new Set([...all.map(({ sequence }) => sequence), ...counted.places])],
  };
}

/** A reaction or a vote, and what it is about. */
type Response = TimelineRow & { readonly target: MessageId };

function responseIn({ sequence, row }: TimelineRow): readonly Response[] {
  if (row.shape !== "content" || row.content.length === 0) return [];
  const content = readStored(row.content);
  return content.kind === "reaction" || content.kind === "vote" ? [{ sequence, row, target: content.target }] : [];
}

function emptied({ from, atMs }: Row<"item">): Row<"item"> {
  return hidden(from, atMs);
}

function isAfter({ account, seq, acceptedMs }: Farewell, row: Row<"item">, { revision = 0 }: Content): boolean {
  // Who was let in again says so by the revision.
  return row.from === account && row.acceptedMs !== undefined && row.acceptedMs > acceptedMs && revision < seq;
}

/** A message's row without one word about it; the same row if another word counts there. */
function without(row: Row<"item">, word: Extract<Content, { kind: "edit" | "reaction" }>): Row<"item"> {
  if (word.kind === "edit") {
    const isIt = row.edit !== undefined && readStored(row.edit).messageId === word.messageId;
    return isIt ? { ...row, edit: undefined } : row;
  }
  const { sender: from, emoji, device, counter } = word;
  const last = lastWord(row.reactions, { from, emoji });
  const isIt = last?.device === device && last.counter === counter;
  return isIt ? { ...row, reactions: row.reactions.filter((one) => one !== last) } : row;
}
