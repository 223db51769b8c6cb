/** Edits and deletes: what they may change, which of them counts, and what they leave. Pure rules. */

import type { Content } from "@sotto/protocol";
import type { Row } from "../rows.js";
import { hasWords, isMessage } from "./kind-roles.js";
import { compareWords } from "./last-word.js";
import { readStored } from "./stored-content.js";

/** Words can be edited; messages can be reacted to and deleted; what is about a message, or deleted, is neither. */
export function isRevisable(row: Row<"item">, revision: "edit" | "delete" | "reaction"): boolean {
  if (row.shape !== "content" || row.deletedMs !== undefined) return false;
  const { kind } = readStored(row.content);
  return revision === "edit" ? hasWords(kind) : isMessage(kind);
}

/** Whether a revision counts more than another of the same message: a delete always, else the later word. */
export function overtakesRevision(revision: Content, other: Content): boolean {
  if (other.kind === "delete") return false;
  if (revision.kind === "delete") return true;
  const order = compareWords(revision, other);
  // Two words under one stamp come from a modified client; the id decides, so that even then all devices agree.
  return order === 0 ? revision.messageId > other.messageId : order > 0;
}

/** A row after its last edit. */
export function edited(row: Row<"item">, edit: Uint8Array): Row<"item"> {
  return { ...row, edit };
}

/** A row after it was deleted for everyone: it keeps its name and its place, and nothing of what it said. */
export function deleted(row: Row<"item">, deletedMs: number): Row<"item"> {
  const { messageId, counter } = readStored(row.content);
  return { ...row, messageId, counter, content: new Uint8Array(0), edit: undefined, reactions: [], deletedMs };
}
