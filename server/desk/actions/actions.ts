/**
 * What is done about accounts: signed, timed, taken back by another word, and never severe by one person alone. The relay carries it
 * out, the issuer stops giving tokens, the feed names those that are out; the account is told what, why, and how to appeal.
 */

import {
  type DeviceId,
  fromHex,
  limits,
  MAX_DEVICE_ID,
  parseDeviceId,
  reportCategories,
  sanctionKinds,
  toHex,
} from "@sotto/protocol";
import { type Act, type CaseView, DeskError, type Moderator } from "../api.js";
import { type ActionRow, type CaseRow, putCase, recordDecision, stepped, tellReporters } from "../cases/case-file.js";
import { brief, type Casework } from "../cases/casework.js";
import { actionsOf, caseView } from "../cases/views.js";
import { mayApprove, needClaim, needLead } from "../people/permissions.js";
import type { Tables } from "../rows.js";
import { isSevere } from "../severity.js";
import type { Draft, Work } from "../work.js";
import { type Enforcer, inForceChanges, liftChanges } from "./enforcer.js";

/** The longest a timed action lasts: longer means until it is lifted, and takes two. */
const MAX_DURATION_MS = 366 * 24 * 3_600_000;
const MIN_DURATION_MS = 60_000;
/** Actions on one case. */
const MAX_ACTIONS = 32;

/** Acts on cases. */
export class Actions {
  readonly #work: Work;
  readonly #casework: Casework;
  readonly #enforcer: Enforcer;
  readonly #tables: Tables;

  constructor(work: Work, casework: Casework, enforcer: Enforcer) {
    this.#work = work;
    this.#casework = casework;
    this.#enforcer = enforcer;
    this.#tables = work.parts.tables;
  }

  get #appealMs(): number {
    return this.#work.parts.settings.stageMs.actioned;
  }

  /** Does something about the accused, or has it wait for a second person. The same asked twice is done once. */
  act(by: Moderator, id: string, act: Act): Promise<CaseView> {
    return this.#casework.change(by, id, async (draft, row, nowMs) => {
      // What is closed nobody claims: there a lead lifts.
      if (act.kind === "lift" && row.stage === "closed") needLead(by);
      else needClaim(by, row, nowMs);
      const held = await actionsOf(this.#tables, id);
      const fit = fitAct(act, row);
      if (fit.kind === "lift") return this.#lift(draft, row, held, { by, act: fit, nowMs });
      stepped(row, "act", by.id, nowMs);
      if (held.some((one) => isSame(one, fit))) return row;
      if (held.length >= MAX_ACTIONS) throw new DeskError("tooMany", "Enough was done on this case.");
      const asked = newAction(toHex(this.#work.parts.random(16)), row, fit, by);
      const action: ActionRow = { ...asked, ...timesOf(asked, nowMs, this.#appealMs) };
      const detail = { action: action.id, kind: fit.kind, durationMs: fit.durationMs ?? "until lifted" };
      draft.changes.push(this.#tables.caseAction.put(`${id}/${action.id}`, {}));
      if (isSevere(fit.kind, fit.durationMs)) {
        draft.changes.push(this.#tables.action.put(action.id, { ...action, state: "waiting" }));
        draft.log.push({ by: by.id, what: "proposed", about: id, detail });
        return row;
      }
      draft.log.push({ by: by.id, what: "acted", about: id, detail });
      return this.#carryOut(draft, row, action, { by: by.id, decidedBy: [by.id], nowMs });
    });
  }

  /** A second person's word on what waits for one: never who asked for it. */
  async approve(by: Moderator, id: string, verdict: "approve" | "reject"): Promise<CaseView> {
    const after = await this.#work.runFor(by, async (draft) => {
      const nowMs = this.#work.parts.now();
      const action = await this.#tables.action.get(id);
      const row = action === undefined ? undefined : await this.#tables.case.get(action.case);
      if (action === undefined || row === undefined) throw new DeskError("notFound", "There is no such action.");
      if (action.by === by.id) throw new DeskError("notAllowed", "Somebody else has to decide on what you asked for.");
      if (!mayApprove(by, row, action.by)) throw new DeskError("notFound", "There is no such action.");
      const wanted = verdict === "approve" ? "inForce" : "rejected";
      if (action.state === wanted && action.approvedBy === by.id) return row;
      if (action.state !== "waiting") throw new DeskError("conflict", "This was decided already.");
      const detail = { action: id, kind: action.kind, by: action.by };
      draft.log.push({ by: by.id, what: verdict === "approve" ? "approved" : "rejected", about: row.id, detail });
      if (verdict === "reject") {
        draft.changes.push(this.#tables.action.put(id, { ...action, state: "rejected", approvedBy: by.id }));
        return row;
      }
      const approved: ActionRow = { ...action, approvedBy: by.id, ...timesOf(action, nowMs, this.#appealMs) };
      const decidedBy = [action.by, by.id];
      const changed = await this.#carryOut(draft, row, approved, { by: by.id, decidedBy, nowMs });
      putCase(this.#tables, draft, row, changed);
      return changed;
    });
    return caseView(this.#work.parts, after);
  }

  /** Decides an appeal: never who decided before. Reversed, everything that was done on the case is lifted. */
  decideAppeal(by: Moderator, id: string, verdict: "uphold" | "reverse", rule: string): Promise<CaseView> {
    return this.#casework.change(by, id, async (draft, row, nowMs) => {
      if (row.decidedBy.includes(by.id))
        throw new DeskError("notAllowed", "An appeal is decided by somebody who did not decide before.");
      needClaim(by, row, nowMs);
      const after: CaseRow = { ...stepped(row, verdict, by.id, nowMs), claimedBy: undefined };
      const why = brief(rule);
      draft.log.push({ by: by.id, what: "appealDecided", about: id, detail: { verdict, rule: why } });
      for (const action of await actionsOf(this.#tables, id)) {
        const isTakenBack = verdict === "reverse" && action.state === "inForce" && action.kind !== "lift";
        if (isTakenBack) this.#takeBack(draft, row, action, { by, rule: why, nowMs });
        // What still waits was asked for before the account had its say.
        if (action.state === "waiting")
          draft.changes.push(this.#tables.action.put(action.id, { ...action, state: "rejected", approvedBy: by.id }));
      }
      if (verdict === "reverse") await recordDecision(this.#tables, draft, row, "reversed", nowMs);
      // The account hears the outcome as whoever reported does: by the submission it appealed with.
      for (const { key } of await this.#tables.caseReport.all(`${id}/`)) {
        const report = await this.#tables.report.get(key.slice(id.length + 1));
        if (report?.kind !== "appeal") continue;
        const { stage, outcome } = after;
        draft.letters.push({
          to: report.reporter,
          note: { kind: "receipt", atMs: nowMs, about: report.id, stage, outcome },
        });
      }
      await tellReporters(this.#tables, draft, after, nowMs);
      return after;
    });
  }

  /** Ends what is over by time. */
  async expire(): Promise<void> {
    const nowMs = this.#work.parts.now();
    const over = (await this.#tables.standing.all()).filter(({ value }) => (value.untilMs ?? nowMs + 1) <= nowMs);
    if (over.length === 0) return;
    await this.#work.run(async (draft) => {
      for (const { key } of over) {
        draft.changes.push(this.#tables.standing.drop(key));
        const action = await this.#tables.action.get(key.slice(key.indexOf("/") + 1));
        // A device's standing ends with its last tokens; that it was removed stays true.
        if (action?.state !== "inForce" || action.untilMs === undefined) continue;
        draft.changes.push(this.#tables.action.put(action.id, { ...action, state: "expired" }));
        draft.log.push({ by: "desk", what: "expired", about: action.case, detail: { action: action.id } });
      }
    });
  }

  async #carryOut(
    draft: Draft,
    row: CaseRow,
    action: ActionRow,
    { by, decidedBy, nowMs }: { readonly by: string; readonly decidedBy: readonly string[]; readonly nowMs: number },
  ): Promise<CaseRow> {
    const isFirst = row.outcome !== "action";
    const after: CaseRow = {
      ...stepped(row, "act", by, nowMs),
      decidedBy: [...new Set([...row.decidedBy, ...decidedBy])].slice(0, 64),
      decidedMs: nowMs,
    };
    const signed = this.#enforcer.signed(action);
    draft.changes.push(...inForceChanges(this.#tables, action, signed));
    const { kind, device, category, rule, untilMs, appealUntilMs } = action;
    const told = { statement: fromHex(action.id), sanction: kind, device, category, rule, untilMs, appealUntilMs };
    draft.letters.push({ to: row.accused, note: { kind: "statement", atMs: nowMs, ...told } });
    if (isFirst) {
      await recordDecision(this.#tables, draft, after, "upheld", nowMs);
      await tellReporters(this.#tables, draft, after, nowMs);
    }
    return after;
  }

  #lift(
    draft: Draft,
    row: CaseRow,
    held: readonly ActionRow[],
    { by, act, nowMs }: { readonly by: Moderator; readonly act: FitAct; readonly nowMs: number },
  ): CaseRow {
    if (row.stage !== "actioned" && row.stage !== "closed")
      throw new DeskError("conflict", "There is nothing to lift here, or an appeal decides it.");
    const lifted = held.find(({ id }) => id === act.lifts);
    if (lifted?.state === "lifted") return row;
    if (lifted?.state !== "inForce" || lifted.kind === "lift")
      throw new DeskError("notFound", "There is no such action in force in this case.");
    draft.log.push({ by: by.id, what: "lifted", about: row.id, detail: { action: lifted.id } });
    this.#takeBack(draft, row, lifted, { by, rule: act.rule, nowMs });
    return row;
  }

  #takeBack(
    draft: Draft,
    row: CaseRow,
    lifted: ActionRow,
    { by, rule, nowMs }: { readonly by: Moderator; readonly rule: string; readonly nowMs: number },
  ): void {
    const id = toHex(this.#work.parts.random(16));
    const { account, category, device } = lifted;
    const common = { id, case: row.id, account, category, device, rule, atMs: nowMs, by: by.id };
    const action: ActionRow = { ...common, kind: "lift", lifts: lifted.id, state: "inForce", enforced: "no" };
    draft.changes.push(
      this.#tables.caseAction.put(`${row.id}/${id}`, {}),
      ...liftChanges(this.#tables, lifted, action, this.#enforcer.signed(action)),
    );
    const told = { statement: fromHex(id), sanction: "lift", device, category, rule } as const;
    draft.letters.push({ to: account, note: { kind: "statement", atMs: nowMs, ...told } });
  }
}

/** An action in its bounds. */
interface FitAct extends Omit<Act, "device" | "durationMs"> {
  readonly device: DeviceId | undefined;
  readonly durationMs?: number | undefined;
}

/** An action that was asked for, in its bounds. @throws DeskError badRequest */
function fitAct(act: Act, row: CaseRow): FitAct {
  const { kind, device, durationMs, category, lifts } = act;
  if (!sanctionKinds.includes(kind) || !reportCategories.includes(category))
    throw new DeskError("badRequest", "There is no such action or category.");
  const rule = act.rule.trim();
  if (rule.length === 0 || Buffer.byteLength(rule) > limits.reportNoteBytes.value || !rule.isWellFormed())
    throw new DeskError("badRequest", "Say by which rule; the account is told.");
  if ((kind === "revokeDevice") !== (device !== undefined) || (kind === "lift") !== (lifts !== undefined))
    throw new DeskError("badRequest", "A device goes with revoking one, and what to lift with lifting.");
  if (durationMs !== undefined) {
    const isFit = Number.isSafeInteger(durationMs) && durationMs >= MIN_DURATION_MS && durationMs <= MAX_DURATION_MS;
    if (!isFit || kind === "lift" || kind === "warn")
      throw new DeskError("badRequest", "A minute to a year; longer is until it is lifted, and a warning has no end.");
  }
  if (kind !== "warn" && kind !== "lift" && row.verifiedItems === 0)
    throw new DeskError("conflict", "Nothing in this case was verified: it takes a warning at most.");
  if (device === undefined) return { ...act, rule, device };
  if (!Number.isInteger(device) || device < 1 || device > MAX_DEVICE_ID)
    throw new DeskError("badRequest", "There is no such device.");
  // A device that is gone comes back as a new one, if its account lets it: there is no time in that.
  return { ...act, rule, durationMs: undefined, device: parseDeviceId(device) };
}

function newAction(id: string, row: CaseRow, act: FitAct, by: Moderator): Omit<ActionRow, "atMs"> {
  const { kind, device, durationMs, category, rule } = act;
  return {
    ...{ id, case: row.id, account: row.accused, kind, device, durationMs, category, rule },
    ...{ by: by.id, state: "inForce", enforced: "no" },
  };
}

/** Time runs from when it is carried out, not from when it was asked for. */
function timesOf({ durationMs }: Pick<ActionRow, "durationMs">, nowMs: number, appealMs: number) {
  const untilMs = durationMs === undefined ? undefined : nowMs + durationMs;
  return { atMs: nowMs, untilMs, appealUntilMs: nowMs + appealMs };
}

/** What is asked for again while it waits or holds is the same. */
function isSame(held: ActionRow, act: FitAct): boolean {
  const isLive = held.state === "waiting" || held.state === "inForce";
  return isLive && held.kind === act.kind && held.device === act.device && held.durationMs === act.durationMs;
}
