/** What people do with cases short of deciding them: take one up, give it back, ask for more, hand it on, end it without doing anything. */

import { fromHex, limits, parseAccountId, type Team, teams } from "@sotto/protocol";
import { type CaseView, type ContextAsk, DeskError, type Escalation, type Moderator, type QueueEntry } from "../api.js";
import { claimantOf, needCase, needClaim, needLead, worksIn } from "../people/permissions.js";
import type { Tables } from "../rows.js";
import type { Draft, Work } from "../work.js";
import { type CaseRow, liveCases, putCase, recordDecision, stepped, tellReporters } from "./case-file.js";
import { actionsOf, caseView, queueEntry, reportsOf } from "./views.js";

/** Asks for context that one report may get. */
const MAX_CONTEXT_ASKS = 5;
/** Gaps in one ask, as the note has room for. */
const MAX_GAPS = 64;
/** Cases in one answer of the queue: what is behind them waits longer anyway. */
const MAX_QUEUE = 500;
const MAX_SEALED_BYTES = limits.reportLayerBytes.value;

/** Works on cases. */
export class Casework {
  readonly #work: Work;
  readonly #tables: Tables;

  constructor(work: Work) {
    this.#work = work;
    this.#tables = work.parts.tables;
  }

  /** Cases of one's teams that are not over, the most urgent first; those that nothing verified speaks for behind all others. */
  async queue(by: Moderator): Promise<readonly QueueEntry[]> {
    const found: QueueEntry[] = [];
    for (const row of await liveCases(this.#tables)) {
      if (worksIn(by, row.team)) found.push(await queueEntry(this.#work.parts, row));
    }
    const isTrusted = ({ trust }: QueueEntry) => (trust === "verified" ? 0 : 1);
    return found
      .sort(
        (one, other) => isTrusted(one) - isTrusted(other) || other.priority - one.priority || one.dueMs - other.dueMs,
      )
      .slice(0, MAX_QUEUE);
  }

  /** A case as it stands: a submission that is being filed is in it with all that it changes, or not at all. */
  view(by: Moderator, id: string): Promise<CaseView> {
    const { parts } = this.#work;
    return parts.locks.hold("cases", async () => caseView(parts, needCase(by, await this.#tables.case.get(id))));
  }

  /** Takes a case up. It is one's own for four hours. @throws DeskError conflict if it is somebody else's. */
  claim(by: Moderator, id: string): Promise<CaseView> {
    return this.change(by, id, async (draft, row, nowMs) => {
      const claimant = claimantOf(row, nowMs);
      if (claimant !== undefined && claimant !== by.id)
        throw new DeskError("conflict", "Somebody else is working on this case.");
      if (row.stage === "appealed" && row.decidedBy.includes(by.id))
        throw new DeskError("notAllowed", "An appeal is looked at by somebody who did not decide before.");
      const after = { ...stepped(row, "claim", by.id, nowMs), claimedBy: by.id, claimedMs: nowMs };
      draft.log.push({ by: by.id, what: "claimed", about: id });
      if (row.stage === "new") await tellReporters(this.#tables, draft, after, nowMs);
      return after;
    });
  }

  /** Gives a case back; a lead may take it from somebody. */
  release(by: Moderator, id: string): Promise<CaseView> {
    return this.change(by, id, async (draft, row, nowMs) => {
      if (claimantOf(row, nowMs) !== by.id && by.role !== "lead")
        throw new DeskError("notAllowed", "This is somebody else's to give back.");
      draft.log.push({ by: by.id, what: "released", about: id });
      return { ...row, claimedBy: undefined };
    });
  }

  /** Asks a reporter for messages that are missing between others. It may say no, and says nothing then. */
  async askContext(by: Moderator, id: string, ask: ContextAsk): Promise<void> {
    await this.change(by, id, async (draft, row, nowMs) => {
      needClaim(by, row, nowMs);
      const report = await this.#tables.report.get(ask.report);
      if (report === undefined || report.case !== id || report.kind !== "report")
        throw new DeskError("notFound", "There is no such report in this case.");
      if (report.contextAsks >= MAX_CONTEXT_ASKS)
        throw new DeskError("tooMany", "This reporter was asked often enough and has not answered.");
      refuseUnfit(ask);
      const gaps = ask.gaps.map(({ account, after, before }) => ({ account: accountIn(account), after, before }));
      const note = ask.note;
      draft.letters.push({
        to: report.reporter,
        note: { kind: "contextRequest", atMs: nowMs, about: report.id, gaps, note },
      });
      draft.changes.push(this.#tables.report.put(ask.report, { ...report, contextAsks: report.contextAsks + 1 }));
      draft.log.push({ by: by.id, what: "contextAsked", about: id, detail: { report: ask.report, gaps: gaps.length } });
      return row;
    });
  }

  /** Hands a case to a later team: every word that is kept, sealed anew to that team's key. */
  escalate(by: Moderator, id: string, { team, reason, words }: Escalation): Promise<CaseView> {
    return this.change(by, id, async (draft, row, nowMs) => {
      needClaim(by, row, nowMs);
      if (teams.indexOf(team) <= teams.indexOf(row.team))
        throw new DeskError("badRequest", "A case is handed on to a team further up.");
      const keyId = await currentTeamKey(this.#tables, team, nowMs);
      if (keyId === undefined) throw new DeskError("unavailable", "That team has no key yet.");
      await this.#refuseWaiting(id);
      const given = new Map(words.map((one) => [one.report, one]));
      for (const { name, report } of await reportsOf(this.#tables, id)) {
        const layers = await this.#tables.layers.get(name);
        if (layers === undefined) continue;
        const sealed = given.get(name);
        if (sealed === undefined) throw new DeskError("badRequest", `The words of report ${name} are missing.`);
        if (sealed.keyId !== keyId) throw new DeskError("conflict", "That team has a newer key; seal to that one.");
        const bytes = new Uint8Array(Buffer.from(sealed.sealed, "base64"));
        if (bytes.length === 0 || bytes.length > MAX_SEALED_BYTES)
          throw new DeskError("badRequest", "Sealed words of a wrong size.");
        draft.changes.push(
          this.#tables.report.put(name, { ...report, teamKey: keyId }),
          this.#tables.layers.put(name, { ...layers, words: bytes }),
        );
      }
      draft.log.push({
        by: by.id,
        what: "escalated",
        about: id,
        detail: { from: row.team, to: team, reason: brief(reason) },
      });
      const after = { ...stepped(row, "escalate", by.id, nowMs), team, claimedBy: undefined };
      // The other team may have a case of the same account; new reports go on to that one.
      await tellReporters(this.#tables, draft, after, nowMs);
      return after;
    });
  }

  /** Ends a case without doing anything. */
  dismiss(by: Moderator, id: string, rule: string): Promise<CaseView> {
    return this.change(by, id, async (draft, row, nowMs) => {
      needClaim(by, row, nowMs);
      await this.#refuseWaiting(id);
      const after: CaseRow = {
        ...stepped(row, "dismiss", by.id, nowMs),
        ...{ claimedBy: undefined, decidedMs: nowMs, decidedBy: [by.id] },
      };
      draft.log.push({ by: by.id, what: "dismissed", about: id, detail: { rule: brief(rule) } });
      await recordDecision(this.#tables, draft, after, "dismissed", nowMs);
      await tellReporters(this.#tables, draft, after, nowMs);
      return after;
    });
  }

  /**
   * Keeps the words of a case beyond their time, or lets them go again: for what the law asks for. Two leads have to ask for it,
   * both in the log's sight; asking again changes nothing.
   */
  async hold(by: Moderator, id: string, wanted: CaseRow["hold"]): Promise<CaseView> {
    needLead(by);
    return this.change(by, id, async (draft, row) => {
      if (row.hold === wanted) return { ...row, holdBy: [] };
      if (row.holdBy.includes(by.id)) return row;
      const holdBy = [...row.holdBy, by.id];
      draft.log.push({ by: by.id, what: wanted === "held" ? "holdAsked" : "holdEndAsked", about: id });
      if (holdBy.length < 2) return { ...row, holdBy };
      draft.log.push({ by: by.id, what: wanted === "held" ? "held" : "holdEnded", about: id });
      return { ...row, hold: wanted, holdBy: [] };
    });
  }

  /** Runs a piece of work on one case and answers how it looks then. */
  async change(
    by: Moderator,
    id: string,
    piece: (draft: Draft, row: CaseRow, nowMs: number) => Promise<CaseRow>,
  ): Promise<CaseView> {
    const after = await this.#work.runFor(by, async (draft) => {
      const row = needCase(by, await this.#tables.case.get(id));
      const changed = await piece(draft, row, this.#work.parts.now());
      putCase(this.#tables, draft, row, changed);
      return changed;
    });
    return caseView(this.#work.parts, after);
  }

  async #refuseWaiting(id: string): Promise<void> {
    if ((await actionsOf(this.#tables, id)).some(({ state }) => state === "waiting"))
      throw new DeskError("conflict", "Something waits for a second person; have that decided first.");
  }
}

/** The key that words are sealed to for a team now: of several the one that is good for longest. */
export async function currentTeamKey(tables: Tables, team: Team, nowMs: number): Promise<string | undefined> {
  const keys = (await tables.teamKey.all()).filter(({ value }) => value.team === team && nowMs < value.expiresMs);
  return keys.sort((one, other) => other.value.expiresMs - one.value.expiresMs)[0]?.key;
}

/** A moderator's own words, as far as the log takes them. @throws DeskError badRequest if there are none. */
export function brief(text: string): string {
  const trimmed = text.trim();
  if (trimmed.length === 0) throw new DeskError("badRequest", "Say why.");
  if (Buffer.byteLength(trimmed) > limits.reportNoteBytes.value) throw new DeskError("badRequest", "That is too long.");
  return trimmed.slice(0, 500).toWellFormed();
}

/** @throws DeskError badRequest for what no note has room for. */
function refuseUnfit({ gaps, note }: ContextAsk): void {
  const isCounter = (value: number) => Number.isSafeInteger(value) && value >= 0;
  const areCounters = gaps.every(({ after, before }) => isCounter(after) && isCounter(before));
  const isText = note.isWellFormed() && Buffer.byteLength(note) <= limits.reportNoteBytes.value;
  if (gaps.length > MAX_GAPS || !areCounters || !isText)
    throw new DeskError("badRequest", "At most 64 gaps between two numbers each, and a note of 4 KiB.");
}

function accountIn(text: string) {
  const hex = text.replaceAll("-", "");
  const dashed = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  try {
    fromHex(hex);
    return parseAccountId(dashed);
  } catch {
    throw new DeskError("badRequest", "An account id is 32 hex digits.");
  }
}
