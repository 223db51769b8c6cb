/** A real clock of which a test may skip a while: what is due by then happens at once. */

import type { Clock } from "../../../sdk/core/ports.js";
import { systemClock } from "../../../sdk/node/clock.js";

/** Time as it passes, and the time that was skipped. */
export class SkippingClock implements Clock {
  private skippedMs = 0;
  private readonly waiting = new Set<{ readonly dueMs: number; fire(): void }>();

  now(): number {
    return systemClock.now() + this.skippedMs;
  }

  after(delayMs: number, work: () => void): { cancel(): void } {
    const cancel = () => {
      timer.cancel();
      this.waiting.delete(entry);
    };
    const fire = () => {
      cancel();
      work();
    };
    const timer = systemClock.after(delayMs, fire);
    const entry = { dueMs: this.now() + delayMs, fire };
    this.waiting.add(entry);
    return { cancel };
  }

  /** Lets so much time pass at once. */
  skip(ms: number): void {
    this.skippedMs += ms;
    const nowMs = this.now();
    // What one of them does may cancel another.
    for (const entry of [...this.waiting]) if (entry.dueMs <= nowMs && this.waiting.has(entry)) entry.fire();
  }
}
