/** How much work is begun and not yet answered. */

/** Counts work, and says when none is left. */
export class InFlight {
  private count = 0;
  private waiting: (() => void)[] = [];

  /** One more. */
  begin(): void {
    this.count += 1;
  }

  /** One done. */
  end(): void {
    this.count -= 1;
    if (this.count > 0) return;
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Resolves when nothing is in flight; at once if nothing is. */
  idle(): Promise<void> {
    return this.count === 0 ? Promise.resolve() : new Promise((resolve) => this.waiting.push(resolve));
  }
}
