/** What a place of a timeline is found by. */

import { readStored } from "../conversations/stored-content.js";
import type { Row } from "../rows.js";
import { textOf } from "./words.js";

/** The text of a place and when it was accepted; `undefined` if nothing of it can be searched for. */
export function documentOf(row: Row<"item">): { readonly text: string; readonly atMs: number } | undefined {
  if (row.shape !== "content" || row.deletedMs !== undefined) return undefined;
  const edit = row.edit === undefined ? undefined : readStored(row.edit);
  const text = textOf(readStored(row.content), edit?.kind === "edit" ? edit.text : undefined);
  return text === undefined ? undefined : { text, atMs: row.acceptedMs ?? row.atMs };
}
