/**
 * Has what was deleted leave the disk: LevelDB only notes a deletion, and keeps what it hides until it happens to rewrite its files. Which
 * tables lost something is written with the deletion itself, so that a desk which dies in between does it after its next start.
 */

import type { RowChange, Rows } from "../ports.js";
import type { DeskTable, Tables } from "../rows.js";

/** Keys, what was sealed, and what triage opened: the tables whose rows are gone for good once they are deleted. */
const passing: ReadonlySet<string> = new Set<DeskTable>([
  "root",
  "issuerKey",
  "accountKey",
  "stampKey",
  "triageKey",
  "teamGrant",
  "untriaged",
  "layers",
  "note",
]);

/** What is to be written beside changes, for the tables that lose something by them. */
export function scrubMarks(tables: Tables, changes: readonly RowChange[], nowMs: number): RowChange[] {
  const gone = changes.filter(({ value }) => value === undefined).map(({ key }) => key.slice(0, key.indexOf("/")));
  return [...new Set(gone)].filter((name) => passing.has(name)).map((name) => markOf(tables, name, nowMs));
}

/** Marks a table of which a row was written over that must not stay. */
export function markOf(tables: Tables, name: string, nowMs: number): RowChange {
  return tables.unscrubbed.put(name, { atMs: Math.max(0, nowMs) });
}

/** Scrubs the tables that are marked. Takes as long as their files are large. */
export async function scrub(rows: Rows, tables: Tables): Promise<void> {
  for (const { key, value } of await tables.unscrubbed.all()) {
    await rows.scrub(`${key}/`);
    // Something more may have been deleted meanwhile: that is the next time's.
    if ((await tables.unscrubbed.get(key))?.atMs === value.atMs) await rows.write([tables.unscrubbed.drop(key)]);
  }
}
