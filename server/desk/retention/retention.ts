/** Deletes what its time is over for: words, notes, team keys nothing is sealed to, limits of days past. Keys of epochs go by their own upkeep. */

import { REPORT_WINDOW_MS } from "@sotto/protocol";
import type { CaseRow } from "../cases/case-file.js";
import type { Passed } from "../cases/deadlines.js";
import type { RowChange } from "../ports.js";
import type { Tables } from "../rows.js";
import type { Work } from "../work.js";
import { noteLifeMs, wordsDueMs } from "./due.js";

const DAY_MS = 24 * 3_600_000;
const PAGE = 64;

/** Deletes what is due; words of a case that may be appealed by how far the relay's reports were filed. */
export async function retain(work: Work, { filedMs }: Pick<Passed, "filedMs">): Promise<void> {
  await deleteWords(work, filedMs);
  await deleteNotes(work.parts.tables, work);
  await deleteTeamKeys(work);
  await deleteDays(work.parts.tables, work);
}

/** The words of every report whose time is over, unless the law wants them. The verdict record stays. */
async function deleteWords(work: Work, filedMs: number): Promise<void> {
  const { tables, now, settings } = work.parts;
  const appealMs = settings.stageMs.actioned;
  // While an appeal may be on its way, what it is decided by stays.
  const atMs = (row: CaseRow) => (row.stage === "actioned" ? filedMs : now());
  for (const { key, value } of await tables.kept.all()) {
    const early = await tables.case.get(value.case);
    if (early !== undefined && atMs(early) < wordsDueMs(early, value, appealMs)) continue;
    await work.run(async (draft) => {
      const row = await tables.case.get(value.case);
      if (row !== undefined && (row.hold === "held" || atMs(row) < wordsDueMs(row, value, appealMs))) return;
      draft.changes.push(tables.layers.drop(key), tables.kept.drop(key));
      if (row !== undefined) {
        const keptBytes = Math.max(0, row.keptBytes - value.bytes);
        draft.changes.push(tables.case.put(row.id, { ...row, keptBytes }));
      }
      draft.log.push({ by: "desk", what: "wordsDeleted", about: value.case, detail: { report: key } });
    });
  }
}

async function deleteNotes(tables: Tables, work: Work): Promise<void> {
  const beforeMs = work.parts.now() - noteLifeMs(work.parts.settings.stageMs.actioned);
  let after: string | undefined;
  for (;;) {
    const page = await tables.note.some("", after === undefined ? { limit: PAGE } : { after, limit: PAGE });
    const old = page.filter(({ value }) => value.atMs < beforeMs).map(({ key }) => tables.note.drop(key));
    if (old.length > 0) await work.parts.ledger.commit(old);
    after = page.at(-1)?.key;
    if (after === undefined || page.length < PAGE) return;
  }
}

/** A team's key that expired goes with the last report that is sealed to it, which may be on its way for as long as any. */
async function deleteTeamKeys(work: Work): Promise<void> {
  const { tables, now } = work.parts;
  await work.run(async (draft) => {
    const expired = (await tables.teamKey.all()).filter(
      ({ value }) => value.expiresMs + REPORT_WINDOW_MS + DAY_MS <= now(),
    );
    if (expired.length === 0) return;
    const used = new Set<string>();
    for (const { key } of await tables.kept.all()) {
      const report = await tables.report.get(key);
      if (report !== undefined) used.add(report.teamKey);
    }
    for (const { key, value } of expired) {
      if (used.has(key)) continue;
      const grants = await tables.teamGrant.all(`${key}/`);
      draft.changes.push(tables.teamKey.drop(key), ...grants.map((grant) => tables.teamGrant.drop(grant.key)));
      draft.log.push({ by: "desk", what: "keyDestroyed", about: key, detail: { key: `${value.team} key` } });
    }
  });
}

async function deleteDays(tables: Tables, work: Work): Promise<void> {
  const first = Math.floor(work.parts.now() / DAY_MS) - 1;
  const old: RowChange[] = [];
  for (const { key } of await tables.reported.all()) {
    if (Number(key.slice(0, key.indexOf("/"))) < first) old.push(tables.reported.drop(key));
  }
  await work.parts.ledger.commit(old);
}
