/** One message between a timeline row and an archive entry, and how an entry moves a row on. Pure rules. */

import type { AccountId, ArchiveEntry } from "@sotto/protocol";
import { parseMessageId } from "@sotto/protocol";
import { earlierOf } from "../conversations/placement.js";
import { withWord } from "../conversations/reactions.js";
import { overtakesRevision } from "../conversations/revisions.js";
import { movesOn } from "../conversations/statuses.js";
import { readStored } from "../conversations/stored-content.js";
import type { Row } from "../rows.js";

const NOTHING = new Uint8Array(0);

/** The name of the message in a row; `undefined` for a place that no archive carries. */
export function nameOf(row: Row<"item">): Pick<ArchiveEntry, "messageId" | "counter"> | undefined {
  // What did not open, or tells of this device only, is each device's own; what was not accepted is not said yet.
  if (row.shape !== "content" || row.status === "pending" || row.status === "failed") return undefined;
  if (row.messageId !== undefined) return { messageId: parseMessageId(row.messageId), counter: row.counter ?? 0 };
  if (row.content.length === 0) return undefined;
  const { messageId, counter } = readStored(row.content);
  return { messageId, counter };
}

/** What is kept of an entry beside its row. */
export interface Kept extends Pick<ArchiveEntry, "evidence" | "editEvidence"> {
  /** As its index row has it. */
  readonly hash: Uint8Array;
}

/** The entry of a row; `undefined` for a place that no archive carries. */
export function entryOf(peer: AccountId, row: Row<"item">, kept: Kept): ArchiveEntry | undefined {
  const name = nameOf(row);
  const { from, content, status, acceptedMs, atMs, edit, deletedMs, reactions } = row;
  if (name === undefined || status === "pending" || status === "failed") return undefined;
  const placed = { acceptedMs: acceptedMs ?? atMs };
  return { peer, from, ...name, content, ...kept, ...placed, status, edit, deletedMs, reactions: [...reactions] };
}

/** The row of an entry that is new here. Bytes are copied: the entry's are views of its part. */
export function rowOf(entry: ArchiveEntry): Row<"item"> {
  const { from, messageId, counter, acceptedMs, status, deletedMs, edit, reactions } = entry;
  const isDeleted = deletedMs !== undefined;
  return {
    shape: "content",
    from,
    // The moment of its storing would be that of the transfer for every message.
    atMs: acceptedMs,
    acceptedMs,
    messageId: isDeleted ? messageId : undefined,
    counter: isDeleted ? counter : undefined,
    content: isDeleted ? NOTHING : entry.content.slice(),
    status,
    edit: isDeleted ? undefined : edit?.slice(),
    deletedMs,
    reactions: isDeleted ? [] : reactions.map((word) => ({ ...word })),
  };
}

/**
 * A row after an entry of the same message; the same object if the entry says nothing new.
 *
 * Whatever came first, all devices end alike: a delete beats everything, of edits and reactions the last word counts, a
 * status only moves on, and of two times of acceptance the earlier is that of the message, the later that of a repair.
 */
export function movedOn(row: Row<"item">, entry: ArchiveEntry): Row<"item"> {
  if (row.shape !== "content") return row;
  const placed = withTime(withStatus(row, entry.status), entry.acceptedMs);
  if (row.deletedMs !== undefined) return placed;
  const { deletedMs } = entry;
  if (deletedMs !== undefined) {
    const { messageId, counter } = entry;
    return { ...placed, messageId, counter, content: NOTHING, edit: undefined, reactions: [], deletedMs };
  }
  return withReactions(withEdit(placed, entry.edit), entry.reactions);
}

function withStatus(row: Row<"item">, status: ArchiveEntry["status"]): Row<"item"> {
  const isRead = row.status === "received" && status === "read";
  return isRead || movesOn(row.status, status) ? { ...row, status, failure: undefined } : row;
}

function withTime(row: Row<"item">, acceptedMs: number): Row<"item"> {
  const earlier = earlierOf(row.acceptedMs, acceptedMs);
  return earlier === row.acceptedMs ? row : { ...row, acceptedMs: earlier };
}

function withEdit(row: Row<"item">, edit: Uint8Array | undefined): Row<"item"> {
  if (edit === undefined) return row;
  const isNewer = row.edit === undefined || overtakesRevision(readStored(edit), readStored(row.edit));
  return isNewer ? { ...row, edit: edit.slice() } : row;
}

function withReactions(row: Row<"item">, words: ArchiveEntry["reactions"]): Row<"item"> {
  let reactions: readonly Row<"item">["reactions"][number][] = row.reactions;
  for (const word of words) reactions = withWord(reactions, word);
  return reactions === row.reactions ? row : { ...row, reactions: [...reactions] };
}
