/** Which case comes first: how bad what was reported would be, times how many say so, how new the account is, what it did before. Pure. */

import type { ReportCategory } from "@sotto/protocol";

const DAY_MS = 24 * 3_600_000;

/** How bad a category is; what puts people in danger comes before everything else. */
const severity: Readonly<Record<ReportCategory, number>> = {
  childSafety: 100,
  threat: 40,
  selfHarm: 40,
  sexual: 20,
  hate: 15,
  harassment: 12,
  illegal: 12,
  scam: 10,
  impersonation: 8,
  spam: 4,
  other: 4,
};

/** Voices beyond these say nothing new: spam to a large group does not come before a child in danger. */
const MAX_VOICES = 24;

/** What a priority is made of. */
export interface Urgency {
  readonly category: ReportCategory;
  /** Distinct accounts with a verified report. */
  readonly reporters: number;
  readonly brigading: "no" | "yes";
  /** When the accused was first seen here; `undefined` if never. */
  readonly sinceMs: number | undefined;
  readonly priorVerdicts: number;
  readonly nowMs: number;
}

/** The priority of a case; higher comes first. What nothing verified speaks for is behind all of its category. */
export function priorityOf({ category, reporters, brigading, sinceMs, priorVerdicts, nowMs }: Urgency): number {
  const voices = reporters === 0 ? 0.1 : brigading === "yes" ? 1 : Math.min(reporters, MAX_VOICES);
  const value = severity[category] * voices * ageFactor(sinceMs, nowMs) * (1 + priorVerdicts);
  return Math.round(value * 10) / 10;
}

/** The category that is worse. */
export function worseOf(one: ReportCategory, other: ReportCategory): ReportCategory {
  return severity[other] > severity[one] ? other : one;
}

function ageFactor(sinceMs: number | undefined, nowMs: number): number {
  const ageMs = sinceMs === undefined ? 0 : nowMs - sinceMs;
  if (ageMs < 7 * DAY_MS) return 2;
  return ageMs < 30 * DAY_MS ? 1.5 : 1;
}
