/** Time and chance as Node has them. */

import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { Clock, EventLoop, Random } from "../ports.js";

/** The machine's clocks. Timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, work) {
    const timer = setTimeout(work, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Node's loop: its check phase follows the one that hands out what sockets and disk brought. */
export const systemEventLoop: EventLoop = { afterEvents: (work) => void setImmediate(work) };

/** The operating system's generator. */
export const systemRandom: Random = { bytes: (size) => new Uint8Array(randomBytes(size)) };
