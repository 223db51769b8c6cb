/** Time by Node's clock and timers. */

import type { Clock } from "../core/ports.js";

/** A longer delay would overflow a timer, which then fires at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** The system's clock. Its timers do not keep a process alive, and may be longer than Node's own. */
export const systemClock: Clock = {
  now: () => Date.now(),

  after(delayMs, work) {
    let timer: NodeJS.Timeout;
    const arm = (remainingMs: number) => {
      const step = Math.min(remainingMs, LONGEST_TIMER_MS);
      timer = setTimeout(() => (remainingMs > step ? arm(remainingMs - step) : work()), step);
      timer.unref();
    };
    arm(Math.max(0, delayMs));
    return { cancel: () => clearTimeout(timer) };
  },
};
