/** How much may wait in the outbox: every order takes room until it was accepted or given up. */

import { SottoError } from "@sotto/protocol";

/** Rows that may wait; one more is refused with `outboxFull`. */
const MAX_WAITING = 10_000;

/** Counts what waits. */
export class Room {
  private count = 0;
  /** Who waits for room. */
  private readonly looking: (() => void)[] = [];

  /** How much waits. */
  get taken(): number {
    return this.count;
  }

  /** How many more orders would be taken. */
  get left(): number {
    return Math.max(0, MAX_WAITING - this.count);
  }

  /**
   * How many more orders for own devices would be taken. They have room of their own, because they follow something: what was
   * accepted just now, a decision that counts in memory already, an order that was taken back to go with them.
   */
  get spare(): number {
    return Math.max(0, 2 * MAX_WAITING - this.count);
  }

  /** How many more may follow for members of groups that take nothing now: so that they never fill it, nobody else waits for them. */
  get leftForFollowing(): number {
    return Math.max(0, MAX_WAITING / 2 - this.count);
  }

  /** One more waits. */
  take(): void {
    this.count += 1;
  }

  /** One waits no more; whoever waits for room looks again. */
  free(): void {
    this.count -= 1;
    for (const look of this.looking.splice(0)) look();
  }

  /** Resolves when so many more orders would be taken, at most once half of the room is free. */
  async vacancy(count: number): Promise<void> {
    const wanted = Math.min(count, MAX_WAITING / 2);
    while (this.left < wanted) await new Promise<void>((resolve) => this.looking.push(resolve));
  }

  /** @throws outboxFull if one more order would be refused. */
  assert(): void {
    if (this.left === 0) throw new SottoError("outboxFull");
  }
}
