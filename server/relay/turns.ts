/** Turns: what one connection sends is decided one after the other, so that it is stored in the order it came. */

/** The turns of one connection. As many wait as the connection may have unanswered. */
export class Turns {
  private readonly waiting: (() => void)[] = [];
  private isTaken = false;

  /**
   * Runs `work` when everything before it is over, however that ended; at once, within the call, if nothing is. So is the
   * answer of work that waits for nothing: most sends are such, and cost no promise.
   */
  take<T extends object>(work: () => T | Promise<T>): T | Promise<T> {
    if (this.isTaken) return this.later(work);
    this.isTaken = true;
    let isOver = true;
    try {
      const answer = work();
      if (!(answer instanceof Promise)) return answer;
      isOver = false;
      return this.passBehind(() => answer);
    } finally {
      if (isOver) this.pass();
    }
  }

  private async later<T extends object>(work: () => T | Promise<T>): Promise<T> {
    await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.passBehind(work);
  }

  private async passBehind<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      this.pass();
    }
  }

  /** Passes on to whoever waits first. Nobody comes in between: the turn counts as taken until that one runs. */
  private pass(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.isTaken = false;
    else next();
  }
}
