/** The two ways to offer load: as much as is taken, and as much as arrives. */

import type { Completion, Pair } from "./pair.js";

/** A load being offered. */
export interface Offer {
  /** Offers nothing more. */
  stop(): void;
}

/** Keeps `window` messages of every pair under way: a slot is freed by acceptance and delivery. */
export function offerClosed(
  pairs: readonly Pair[],
  { window, completed }: { readonly window: number; completed(completion: Completion): void },
): Offer {
  let stopped = false;
  for (const pair of pairs) {
    const refill = () => {
      if (!stopped) pair.send(performance.now());
    };
    pair.completed = (completion) => {
      completed(completion);
      refill();
    };
    pair.dropped = refill;
    for (let slot = 0; slot < window; slot++) pair.send(performance.now());
  }
  return {
    stop() {
      stopped = true;
    },
  };
}

/** A gap longer than this is waited for with a timer; a shorter one by turning the event loop, which is exact. */
const TIMER_GAP_MS = 3;

/** Sends at the moments of a Poisson process, each on a pair drawn at random, however late the answers are. */
export function offerOpen(
  pairs: readonly Pair[],
  { perSecond, completed }: { readonly perSecond: number; completed(completion: Completion): void },
): Offer {
  let stopped = false;
  for (const pair of pairs) pair.completed = completed;
  let next = performance.now();
  const turn = () => {
    if (stopped) return;
    const now = performance.now();
    while (next <= now) {
      const pair = pairs[Math.floor(Math.random() * pairs.length)];
      pair?.send(next);
      pair?.flush();
      next += (-Math.log(1 - Math.random()) * 1_000) / perSecond;
    }
    if (next - now > TIMER_GAP_MS) setTimeout(turn, next - now - TIMER_GAP_MS + 1);
    else setImmediate(turn);
  };
  turn();
  return {
    stop() {
      stopped = true;
    },
  };
}
