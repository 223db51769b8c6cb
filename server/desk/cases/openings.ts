/** Breaking the glass: what is sealed is handed out for half an hour, with a reason, a name on it, and an entry in the log. */

import { toHex } from "@sotto/protocol";
import { DeskError, type Moderator, type Opening } from "../api.js";
import { claimantOf, mayApprove, needCase } from "../people/permissions.js";
import type { RowOf, Tables } from "../rows.js";
import type { Draft, Work } from "../work.js";
import type { CaseRow } from "./case-file.js";
import { brief } from "./casework.js";
import { actionsOf, reportsOf, shownItems } from "./views.js";

/** How long a case stays open. */
export const OPENING_MS = 30 * 60_000;
/** Cases that one person has open at once. */
const MAX_OPEN = 3;

/** Opens cases. */
export class Openings {
  readonly #work: Work;
  readonly #realm: Uint8Array;
  readonly #tables: Tables;

  constructor(work: Work, realm: Uint8Array) {
    this.#work = work;
    this.#realm = realm;
    this.#tables = work.parts.tables;
  }

  /** Hands out what is sealed in a case, to who works on it, or who is asked for a second opinion. */
  open(by: Moderator, id: string, reason: string): Promise<Opening> {
    return this.#work.runFor(by, async (draft) => {
      const { now, random } = this.#work.parts;
      const nowMs = now();
      const row = needCase(by, await this.#tables.case.get(id));
      const isSecond = claimantOf(row, nowMs) !== by.id;
      if (isSecond && !(await this.#isAsked(by, row))) throw new DeskError("conflict", "Claim the case first.");
      const why = brief(reason);
      const mine = (await this.#live(nowMs)).filter(({ value }) => value.by === by.id);
      if (mine.length >= MAX_OPEN) throw new DeskError("tooMany", "Close another case first.");
      const opening = toHex(random(16));
      const closesMs = nowMs + OPENING_MS;
      const kept: Opening["reports"][number][] = [];
      for (const { name, report } of await reportsOf(this.#tables, id)) {
        const layers = await this.#tables.layers.get(name);
        if (layers !== undefined) kept.push(handedOut(name, report, layers));
      }
      draft.changes.push(this.#tables.opening.put(opening, { case: id, by: by.id, closesMs }));
      draft.log.push({ by: by.id, what: "opened", about: id, detail: { opening, reason: why, reports: kept.length } });
      return {
        ...{ opening, closesMs, realm: toHex(this.#realm) },
        watermark: `${by.name} · ${by.id.slice(0, 8)} · ${new Date(nowMs).toISOString()} · ${id.slice(0, 8)}`,
        reports: kept,
      };
    });
  }

  /** Closes what one opened. Idempotent. */
  async close(by: Moderator, opening: string): Promise<void> {
    await this.#work.run(async (draft) => {
      const row = await this.#tables.opening.get(opening);
      if (row !== undefined && row.by === by.id) this.#end(draft, opening, row, by.id);
    });
  }

  /** Whether this person has a case open now. */
  async isOpenFor(by: Moderator): Promise<boolean> {
    const live = await this.#live(this.#work.parts.now());
    return live.some(({ value }) => value.by === by.id);
  }

  /** Closes what was forgotten. */
  async closeOverdue(): Promise<void> {
    const nowMs = this.#work.parts.now();
    const overdue = async () => (await this.#tables.opening.all()).filter(({ value }) => value.closesMs <= nowMs);
    if ((await overdue()).length === 0) return;
    await this.#work.run(async (draft) => {
      // Read again: whoever opened one may have closed it just now.
      for (const { key, value } of await overdue()) this.#end(draft, key, value, "desk");
    });
  }

  #end(draft: Draft, opening: string, row: RowOf<"opening">, by: string): void {
    draft.changes.push(this.#tables.opening.drop(opening));
    draft.log.push({ by, what: "closed", about: row.case, detail: { opening, openedBy: row.by } });
  }

  async #live(nowMs: number) {
    return (await this.#tables.opening.all()).filter(({ value }) => nowMs < value.closesMs);
  }

  async #isAsked(by: Moderator, row: CaseRow): Promise<boolean> {
    const actions = await actionsOf(this.#tables, row.id);
    return actions.some((action) => action.state === "waiting" && mayApprove(by, row, action.by));
  }
}

function handedOut(
  name: string,
  report: RowOf<"report">,
  { heads, words }: RowOf<"layers">,
): Opening["reports"][number] {
  const { reporter, kind, teamKey } = report;
  return {
    ...{ kind, teamKey, verdicts: shownItems(report) },
    report: name,
    reporter,
    heads: Buffer.from(heads).toString("base64"),
    words: Buffer.from(words).toString("base64"),
  };
}
