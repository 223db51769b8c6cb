/** How much somebody's reports are taken in: limits for everybody, fewer for whose reports come to nothing, and bursts. Pure. */

const DAY_MS = 24 * 3_600_000;
const HOUR_MS = 3_600_000;

/** What came of somebody's reports so far. */
export interface ReporterRecord {
  readonly decided: number;
  readonly upheld: number;
  readonly lastDecidedMs: number;
}

/** Fewer decided reports say nothing of who made them. */
const MIN_DECIDED = 10;
/** How long reports of somebody whose reports come to nothing are not taken. */
const REPORT_MUTE_MS = 7 * DAY_MS;

/** How many reports of this account are taken in a day. */
export function allowanceOf(record: ReporterRecord | undefined, perDay: number, nowMs: number): number {
  if (record === undefined || record.decided < MIN_DECIDED) return perDay;
  const share = record.upheld / record.decided;
  if (share < 0.05) return nowMs - record.lastDecidedMs < REPORT_MUTE_MS ? 0 : 1;
  return share < 0.2 ? Math.ceil(perDay / 5) : perDay;
}

/** A verified reporter of a case. */
export interface CaseReporter {
  readonly atMs: number;
  readonly enrolledMs?: number | undefined;
}

/** So many reporters within an hour are a burst. */
const BURST = 8;
/** Accounts younger than this count as made for it. */
const YOUNG_MS = 7 * DAY_MS;

/**
 * Whether reporters came in a burst, half of whom joined within a day of each other or just before: looked at before their number
 * counts. A burst alone is what a bad message in a large group looks like.
 */
export function isBrigade(reporters: readonly CaseReporter[]): boolean {
  const sorted = [...reporters].sort((one, other) => one.atMs - other.atMs);
  return sorted.some((first, index) => {
    const burst = sorted.slice(index).filter(({ atMs }) => atMs - first.atMs < HOUR_MS);
    if (burst.length < BURST) return false;
    const joined = burst.map(({ enrolledMs, atMs }) => ({ sinceMs: enrolledMs ?? atMs, atMs }));
    const young = joined.filter(({ sinceMs, atMs }) => atMs - sinceMs < YOUNG_MS);
    const alike = young.filter((one) =>
      young.some((other) => other !== one && Math.abs(other.sinceMs - one.sinceMs) < DAY_MS),
    );
    return alike.length * 2 >= burst.length;
  });
}
