/** Which envelopes were delivered on a connection and are not yet acknowledged. */

/**
 * The window of one connection: at most `capacity` envelopes are out at once. Knows cursors only; touches nothing.
 *
 * Cursors are delivered in rising order; between two of them there may be gaps, where mail was acknowledged or expired
 * before.
 */
export class DeliveryWindow {
  /** Rising. */
  private unacknowledged: number[] = [];

  constructor(private readonly capacity: number) {}

  /** How many envelopes are out. */
  get size(): number {
    return this.unacknowledged.length;
  }

  /** How many more may go out now. */
  get room(): number {
    return this.capacity - this.unacknowledged.length;
  }

  /** Notes that an envelope went out; its cursor is above every earlier one. */
  delivered(cursor: number): void {
    this.unacknowledged.push(cursor);
  }

  /** Takes back everything up to `upTo`; answers how many envelopes that were. */
  acknowledgeUpTo(upTo: number): number {
    let count = 0;
    while (count < this.unacknowledged.length && (this.unacknowledged[count] as number) <= upTo) count += 1;
    if (count === this.unacknowledged.length) this.unacknowledged = [];
    else if (count > 0) this.unacknowledged.splice(0, count);
    return count;
  }

  /** Takes back one envelope; false if it is not out. */
  acknowledgeOne(cursor: number): boolean {
    const index = this.unacknowledged.indexOf(cursor);
    if (index < 0) return false;
    this.unacknowledged.splice(index, 1);
    return true;
  }
}
