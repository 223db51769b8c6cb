/** How fast a bot may talk, whatever it is made to say. */

import { SottoError } from "@sotto/protocol";

/** So many messages at once, and so many more each interval. */
export interface Rate {
  readonly messages: number;
  readonly everyMs: number;
}

/** The part of a clock that a bot goes by. */
export interface BotClock {
  now(): number;
  after(delayMs: number, work: () => void): { cancel(): void };
}

/** The platform's clock. */
export const platformClock: BotClock = {
  now: () => Date.now(),
  after(delayMs, work) {
    const timer = setTimeout(work, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** A bucket of messages that may be said. What finds it empty waits its turn. */
export class Pace {
  /** Milliseconds that were saved up; a message costs its share of the interval. */
  private savedMs: number;
  private countedMs: number;

  constructor(
    private readonly rate: Rate,
    private readonly clock: BotClock,
  ) {
    this.savedMs = rate.everyMs;
    this.countedMs = clock.now();
  }

  /** Milliseconds until one more may be said; 0 takes it. A clock that goes back gives nothing. */
  take(): number {
    const { messages, everyMs } = this.rate;
    const nowMs = this.clock.now();
    this.savedMs = Math.min(everyMs, this.savedMs + Math.max(0, nowMs - this.countedMs));
    this.countedMs = nowMs;
    const costMs = everyMs / messages;
    const missingMs = Math.ceil(costMs - this.savedMs - ROUNDING_MS);
    if (missingMs > 0) return missingMs;
    this.savedMs = Math.max(0, this.savedMs - costMs);
    return 0;
  }
}

/** Thirds of a minute add up to a minute. */
const ROUNDING_MS = 1e-6;

/** A rate that can be kept to. @throws invalidArgument for anything else. */
export function checkedRate(rate: Rate): Rate {
  const { messages, everyMs } = rate;
  if (!Number.isInteger(messages) || messages < 1 || !Number.isFinite(everyMs) || everyMs <= 0)
    throw new SottoError("invalidArgument", { detail: "a rate is at least 1 message every so many milliseconds" });
  return rate;
}
