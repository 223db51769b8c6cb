/** A clock that moves only when a test says so. */

import type { Clock } from "../../../server/ports.js";

/** Time in a test's hands. */
export interface SteppedClock extends Clock {
  /** Moves on and runs what falls due, in order. */
  step(ms: number): void;
}

/** A clock that stands at `startMs`. */
export function steppedClock(startMs = Date.parse("2026-06-01T12:00:00Z")): SteppedClock {
  let nowMs = startMs;
  const timers = new Set<{ readonly dueMs: number; readonly work: () => void }>();
  return {
    now: () => nowMs,
    monotonic: () => nowMs - startMs,
    after(delayMs, work) {
      const timer = { dueMs: nowMs + delayMs, work };
      timers.add(timer);
      return { cancel: () => void timers.delete(timer) };
    },
    step(ms) {
      nowMs += ms;
      const due = [...timers].filter(({ dueMs }) => dueMs <= nowMs).sort((a, b) => a.dueMs - b.dueMs);
      for (const timer of due) if (timers.delete(timer)) timer.work();
    },
  };
}
