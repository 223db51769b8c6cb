/**
 * Has what was deleted leave the disk: LevelDB only notes a deletion, and keeps what it hides until it happens to rewrite its files. Which
 * tables lost something is written with the deletion itself, so that a desk which dies in between does it after its next start.
 */

import type { Ledger } from "../audit/ledger.js";
import type { RowChange, Rows } from "../ports.js";
import type { DeskTable, Tables } from "../rows.js";

/** What scrubbing works on. */
export interface ScrubParts {
  readonly rows: Rows;
  readonly tables: Tables;
  readonly ledger: Pick<Ledger, "scrubbed">;
}

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

/** Says that a table lost something since it was scrubbed, and when; of two, the later has the higher time. */
export interface ScrubMark {
  readonly table: string;
  readonly atMs: number;
}

/** The tables that are to be scrubbed once changes were written. */
export function scrubbedTables(changes: readonly RowChange[]): readonly string[] {
  const gone = changes.filter(({ value }) => value === undefined).map(({ key }) => key.slice(0, key.indexOf("/")));
  return [...new Set(gone)].filter((name) => passing.has(name));
}

/** What marks them, to be written with the changes; the caller keeps others from marking meanwhile. */
export async function scrubMarks(tables: Tables, names: readonly string[], nowMs: number): Promise<RowChange[]> {
  const marks: RowChange[] = [];
  for (const name of names) {
    const before = await tables.unscrubbed.get(name);
    // Higher than the mark before, whatever the clock says: who scrubs tells by it that there is more to do.
    marks.push(markOf(tables, { table: name, atMs: Math.max(nowMs, 0, (before?.atMs ?? -1) + 1) }));
  }
  return marks;
}

/** Marks a table of which a row was written over that must not stay. */
export function markOf(tables: Tables, { table, atMs }: ScrubMark): RowChange {
  return tables.unscrubbed.put(table, { atMs });
}

/** Scrubs the tables that are marked. Takes as long as their files are large. */
export async function scrub({ rows, tables, ledger }: ScrubParts): Promise<void> {
  for (const { key, value } of await tables.unscrubbed.all()) {
    await rows.scrub(`${key}/`);
    // Something more may have been deleted meanwhile: that is the next time's.
    await ledger.scrubbed({ table: key, atMs: value.atMs });
  }
}
