/** A clock that stands still until a test moves it. */

import type { Clock } from "../../../../server/ports.js";

interface Timer {
  readonly dueMs: number;
  readonly work: () => void;
}

/** Time and timers in a test's hand. Wall time starts in November 2023, monotonic time at 1,000. */
export class ManualClock implements Clock {
  private elapsedMs = 0;
  private shiftedMs = 0;
  private timers: Timer[] = [];

  now(): number {
    return 1_700_000_000_000 + this.elapsedMs + this.shiftedMs;
  }

  monotonic(): number {
    return 1_000 + this.elapsedMs;
  }

  after(delayMs: number, work: () => void): { cancel(): void } {
    const timer = { dueMs: this.elapsedMs + delayMs, work };
    this.timers.push(timer);
    return {
      cancel: () => {
        this.timers = this.timers.filter((other) => other !== timer);
      },
    };
  }

  /** When each timer that is set will run, from now, soonest first. */
  get waiting(): readonly number[] {
    return this.timers.map(({ dueMs }) => dueMs - this.elapsedMs).sort((one, other) => one - other);
  }

  /** Sets the wall clock on, as a machine does that slept: no time passes for timers and connections. */
  shift(ms: number): void {
    this.shiftedMs += ms;
  }

  /** Moves time on, running what falls due in its order and at its time. */
  advance(ms: number): void {
    const untilMs = this.elapsedMs + ms;
    for (;;) {
      const due = this.timers.filter(({ dueMs }) => dueMs <= untilMs).sort((one, other) => one.dueMs - other.dueMs)[0];
      if (due === undefined) break;
      this.timers = this.timers.filter((other) => other !== due);
      this.elapsedMs = Math.max(this.elapsedMs, due.dueMs);
      due.work();
    }
    this.elapsedMs = untilMs;
  }
}
