/** Refusals leave at a fixed time after the request came, so that their time tells nothing about their reason. */

import type { Clock } from "../ports.js";

/** Refusals held back at once; more are answered `busy`, whatever their reason. */
const MAX_HELD = 8_192;

/** Holds refusals back until their time. */
export class Refusals {
  private readonly held = new Set<() => void>();

  constructor(
    private readonly clock: Clock,
    private readonly delayMs: number,
    private readonly maxHeld = MAX_HELD,
  ) {}

  /**
   * Resolves `delayMs` after the request's arrival (monotonic time), on the next whole millisecond: `due` when its answer
   * may leave, `crowded` at once if too many are held. After `releaseAll`, everything held resolves at once.
   *
   * The whole millisecond matters: timers count whole ones, and would otherwise carry the fraction of the time that the
   * work took over to the answer.
   */
  hold(arrivedMs: number): Promise<"due" | "crowded"> {
    if (this.held.size >= this.maxHeld) return Promise.resolve("crowded");
    const dueMs = Math.ceil(arrivedMs + this.delayMs);
    return new Promise((resolve) => {
      const release = () => {
        this.held.delete(release);
        timer.cancel();
        resolve("due");
      };
      const wait = () => this.clock.after(Math.max(0, Math.ceil(dueMs - this.clock.monotonic())), check);
      const check = () => {
        if (this.clock.monotonic() >= dueMs) release();
        else timer = wait();
      };
      this.held.add(release);
      let timer = wait();
    });
  }

  /** Lets everything go that is held, because the relay closes. */
  releaseAll(): void {
    for (const release of [...this.held]) release();
  }
}
