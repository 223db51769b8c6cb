/** How long the link waits before it dials again. */

/** How eagerly to dial again: `soon` grows from short waits; `slow` is for what only people can mend; `rare` gives way to another desk. */
export type Pace = "soon" | "slow" | "rare";

/** The shortest wait and the longest one, by pace. */
const WAITS: Readonly<Record<Pace, { readonly leastMs: number; readonly mostMs: number }>> = {
  soon: { leastMs: 100, mostMs: 15_000 },
  slow: { leastMs: 5_000, mostMs: 30_000 },
  rare: { leastMs: 240_000, mostMs: 360_000 },
};
const FIRST_CEILING_MS = 500;

/**
 * Milliseconds to wait before the next dial, at random below a ceiling that doubles with every failure.
 *
 * `failures` counts connections that failed since the last sound one, this one included; `chance` is from [0, 1).
 */
export function nextDelayMs(failures: number, pace: Pace, chance: number): number {
  const { leastMs, mostMs } = WAITS[pace];
  const ceiling = pace === "soon" ? Math.min(mostMs, FIRST_CEILING_MS * 2 ** Math.min(failures - 1, 16)) : mostMs;
  return Math.round(leastMs + chance * (ceiling - leastMs));
}
