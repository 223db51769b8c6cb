/** Turns: what one connection sends is decided one after the other, so that it is stored in the order it came. */

/** The turns of one connection. As many wait as the connection may have unanswered. */
export class Turns {
  private readonly waiting: (() => void)[] = [];
  private isTaken = false;

  /** Runs `work` when everything before it is over, however that ended; at once, in the turn of the call, if nothing is. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.isTaken) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.isTaken = true;
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
