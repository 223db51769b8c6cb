/** A clock that stands still until a test moves it. */

import type { Clock } from "../../../../sdk/core/ports.js";

/** A clock in a test's hands. */
export interface ManualClock extends Clock {
  /** Moves time on, running what falls due in order, and lets promises settle in between. */
  advance(ms: number): Promise<void>;
  /** Sets the time of day without any time passing: an adjusted clock. */
  setNow(ms: number): void;
  /** Work that is planned and not cancelled. */
  readonly planned: number;
}

/** Lets every promise that can settle do so. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A clock that starts at `startMs`. */
export function manualClock(startMs = 1_700_000_000_000): ManualClock {
  let elapsedMs = 0;
  let offsetMs = startMs;
  let order = 0;
  const plan = new Map<number, { readonly atMs: number; readonly work: () => void }>();

  const due = (untilMs: number) =>
    [...plan].filter(([, { atMs }]) => atMs <= untilMs).sort(([a, one], [b, two]) => one.atMs - two.atMs || a - b)[0];

  return {
    now: () => offsetMs + elapsedMs,
    setNow: (ms) => {
      offsetMs = ms - elapsedMs;
    },
    after: (delayMs, work) => {
      order += 1;
      const id = order;
      plan.set(id, { atMs: elapsedMs + Math.max(0, delayMs), work });
      return { cancel: () => void plan.delete(id) };
    },
    advance: async (ms) => {
      const untilMs = elapsedMs + ms;
      await settled();
      for (let next = due(untilMs); next !== undefined; next = due(untilMs)) {
        const [id, { atMs, work }] = next;
        plan.delete(id);
        elapsedMs = Math.max(elapsedMs, atMs);
        work();
        await settled();
      }
      elapsedMs = untilMs;
    },
    get planned() {
      return plan.size;
    },
  };
}
