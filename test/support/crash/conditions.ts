/** Waiting for what must become true, without a clock: whoever changes something looks again. */

/** Conditions of one run. A run that failed rejects everybody who waits. */
export class Conditions {
  private readonly waiting = new Set<() => void>();
  private failure: Error | undefined;

  /** Something changed. */
  look(): void {
    for (const check of this.waiting) check();
  }

  /** Resolves as soon as `holds` does. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (this.failure === undefined && !holds()) return;
        this.waiting.delete(check);
        if (this.failure === undefined) resolve();
        else reject(this.failure);
      };
      this.waiting.add(check);
      check();
    });
  }

  /** Ends the run. */
  fail(failure: Error): void {
    this.failure ??= failure;
    this.look();
  }
}
