/** How long a link waits before it dials again: bounded, growing, and never the same for two devices. */

/** The shortest wait. */
export const MIN_DELAY_MS = 250;
/** The longest wait the link chooses by itself. */
export const MAX_DELAY_MS = 30_000;
/** The longest wait a relay may ask for: one that answers nonsense cannot send a client away for a day. */
export const MAX_RETRY_AFTER_MS = 300_000;
/** A connection that lived this long was sound: the next wait is short again. */
export const STABLE_MS = 30_000;

/** The first ceiling; it doubles with every failed attempt. */
const FIRST_CEILING_MS = 1_000;
/** Added at random on top of a relay's `retryAfterMs`, so that those sent away together do not return together. */
const SPREAD = 0.25;

/** How eagerly to dial again: `soon` grows from short waits, `slow` is for what only people can mend. */
export type Pace = "soon" | "slow";

/** What the wait depends on. */
export interface Attempt {
  /** Connections that failed since the last sound one, this one included: 1 for the first. */
  readonly failures: number;
  readonly pace: Pace;
  /** What the relay asked for. */
  readonly retryAfterMs?: number | undefined;
  /** A random number in [0, 1). */
  readonly chance: number;
}

/**
 * Milliseconds to wait before the next dial.
 *
 * Uniform between `MIN_DELAY_MS` and a ceiling that doubles from 1 s to `MAX_DELAY_MS` ("full jitter": a relay that
 * restarts gets its clients back spread out); a `slow` pace stays in the upper half from the start. Never below what
 * the relay asked for, as far as that is at most `MAX_RETRY_AFTER_MS`.
 */
export function nextDelayMs({ failures, pace, retryAfterMs = 0, chance }: Attempt): number {
  const ceiling = Math.min(MAX_DELAY_MS, FIRST_CEILING_MS * 2 ** Math.min(failures - 1, 16));
  const [low, high] = pace === "slow" ? [MAX_DELAY_MS / 2, MAX_DELAY_MS] : [MIN_DELAY_MS, ceiling];
  const own = low + chance * (high - low);
  const asked = Math.min(retryAfterMs, MAX_RETRY_AFTER_MS) * (1 + chance * SPREAD);
  return Math.round(Math.max(own, asked));
}
