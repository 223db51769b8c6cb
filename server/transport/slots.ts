/** How many of something may be under way at a time. */

/** So many places, each taken until it is given back. */
export class Slots {
  private taken = 0;

  constructor(private readonly count: number) {}

  /** Whether one can be taken now. */
  get isOneFree(): boolean {
    return this.taken < this.count;
  }

  /** Takes one, and answers what gives it back, once; `undefined` if none is free. */
  take(): (() => void) | undefined {
    if (!this.isOneFree) return undefined;
    this.taken += 1;
    let isTaken = true;
    return () => {
      if (isTaken) this.taken -= 1;
      isTaken = false;
    };
  }
}
