/**
 * How much an account may upload, as arithmetic: bytes granted, by the day, each counted until the relay can keep nothing
 * any more that came of it. So what an account has on disk is never more than its quota.
 */

/** The bytes granted on one day, numbered from 1970. */
export interface GrantedDay {
  readonly day: number;
  readonly bytes: number;
}

/** One wish to upload, and what bounds it. */
export interface QuotaQuestion {
  readonly bytes: number;
  readonly quotaBytes: number;
  /** How long after its grant a blob may be there. */
  readonly keptMs: number;
  readonly nowMs: number;
}

/** Whether there is room: the days with the wish counted in, or how long it takes until enough of them count no more. */
export type QuotaAnswer =
  | { readonly kind: "granted"; readonly days: readonly GrantedDay[]; readonly rememberedUntilMs: number }
  | { readonly kind: "full"; readonly retryAfterMs: number };

const DAY_MS = 86_400_000;
/** Days that count no more are remembered for so long: where the clock goes back by as much, they count again. */
const CLOCK_BACK_MS = DAY_MS;

/**
 * Counts a wish in. Days that have long counted no more are left out; they come in order, the oldest first. A wish above the
 * quota never fits, and must be refused before.
 */
export function countGrant(days: readonly GrantedDay[], question: QuotaQuestion): QuotaAnswer {
  const { bytes, quotaBytes, keptMs, nowMs } = question;
  const endOf = ({ day }: GrantedDay) => (day + 1) * DAY_MS + keptMs;
  const counted = days.filter((granted) => endOf(granted) > nowMs);
  let over = counted.reduce((sum, granted) => sum + granted.bytes, bytes) - quotaBytes;
  if (over <= 0) {
    const today = Math.floor(nowMs / DAY_MS);
    const remembered = days.filter((granted) => endOf(granted) + CLOCK_BACK_MS > nowMs);
    const next = withGrant(remembered, { day: today, bytes });
    return { kind: "granted", days: next, rememberedUntilMs: Math.max(...next.map(endOf)) + CLOCK_BACK_MS };
  }
  let retryAfterMs = keptMs;
  for (const granted of counted) {
    retryAfterMs = endOf(granted) - nowMs;
    over -= granted.bytes;
    if (over <= 0) break;
  }
  return { kind: "full", retryAfterMs };
}

/** Also where the clock went back, days stay in order and each is there once. */
function withGrant(days: readonly GrantedDay[], granted: GrantedDay): readonly GrantedDay[] {
  const same = days.find(({ day }) => day === granted.day);
  const others = days.filter((one) => one !== same);
  const merged = { day: granted.day, bytes: granted.bytes + (same?.bytes ?? 0) };
  return [...others, merged].sort((one, other) => one.day - other.day);
}
