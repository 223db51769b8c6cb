/** Who may do what. Pure. */

import type { Team } from "@sotto/protocol";
import { DeskError, type Moderator } from "../api.js";
import type { CaseRow } from "../cases/case-file.js";

/** A claim that nobody gave back in so long counts no more. */
const CLAIM_MS = 4 * 3_600_000;

/** Whether somebody works on cases of a team. Auditors work on none. */
export function worksIn(by: Moderator, team: Team): boolean {
  return by.role !== "auditor" && !by.left && by.teams.includes(team);
}

/** @throws DeskError notFound for a case of another team: whether there is one is not said. */
export function needCase(by: Moderator, row: CaseRow | undefined): CaseRow {
  if (row === undefined || !worksIn(by, row.team))
    throw new DeskError("notFound", "There is no such case in your teams.");
  return row;
}

/** @throws DeskError notAllowed for anybody but leads. */
export function needLead(by: Moderator): void {
  if (by.role !== "lead" || by.left) throw new DeskError("notAllowed", "Only leads may do this.");
}

/** @throws DeskError notAllowed for moderators who neither lead nor audit. */
export function needLogReader(by: Moderator): void {
  if (by.left || by.role === "moderator") throw new DeskError("notAllowed", "Only leads and auditors read the log.");
}

/** Who works on a case now. */
export function claimantOf(row: CaseRow, nowMs: number): string | undefined {
  return row.claimedBy !== undefined && nowMs - row.claimedMs < CLAIM_MS ? row.claimedBy : undefined;
}

/** @throws DeskError conflict if somebody else works on it, or nobody. */
export function needClaim(by: Moderator, row: CaseRow, nowMs: number): void {
  if (claimantOf(row, nowMs) !== by.id) throw new DeskError("conflict", "Claim the case first.");
}

/** Whether somebody may be the second person: never who asked; of the case's team, or a lead. */
export function mayApprove(by: Moderator, row: CaseRow, proposer: string): boolean {
  if (by.id === proposer || by.left || by.role === "auditor") return false;
  return by.role === "lead" || by.teams.includes(row.team);
}
