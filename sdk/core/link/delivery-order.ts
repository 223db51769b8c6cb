/** Whether a relay delivers a mailbox as it must: rising cursors, a bounded number in flight, one end of the backlog. */

import { type Frame, limits } from "@sotto/protocol";

/** Cursors of ephemeral envelopes, which are outside every order. */
const EPHEMERAL = 0;

/**
 * The deliveries of one connection.
 *
 *   backlog ──queueEmpty──▶ live
 *
 * In the backlog cursors rise with gaps: selective acknowledgement and expiry leave holes in a mailbox, and a stricter
 * check would refuse an honest one for ever. Live, they rise by one after the first.
 */
export class DeliveryOrder {
  #phase: "backlog" | "live" = "backlog";
  /** The last stored cursor; none yet in this phase's own sequence means that any higher one may follow. */
  #last = EPHEMERAL;
  #isFirstLive = true;
  #acknowledgedUpTo = 0;
  readonly #unacknowledged = new Set<number>();

  /** Takes a delivery. Returns what is wrong with it, if anything. */
  deliver({ cursor }: Frame<"deliver">): string | undefined {
    if (cursor === EPHEMERAL) return undefined;
    if (cursor <= this.#last) return "a cursor that does not rise";
    if (this.#phase === "live") {
      if (!this.#isFirstLive && cursor !== this.#last + 1) return "a gap between live cursors";
      this.#isFirstLive = false;
    }
    this.#last = cursor;
    if (cursor > this.#acknowledgedUpTo) this.#unacknowledged.add(cursor);
    return this.#unacknowledged.size > limits.inFlight.value ? "more envelopes in flight than allowed" : undefined;
  }

  /** Takes the end of the backlog. Returns what is wrong with it, if it came before. */
  queueEmpty(): string | undefined {
    if (this.#phase === "live") return "a second end of the backlog";
    this.#phase = "live";
    return undefined;
  }

  /** The device acknowledged these: they are in flight no longer. */
  acknowledged(upTo: number, also: readonly number[]): void {
    this.#acknowledgedUpTo = Math.max(this.#acknowledgedUpTo, upTo);
    for (const cursor of also) this.#unacknowledged.delete(cursor);
    for (const cursor of this.#unacknowledged) if (cursor <= upTo) this.#unacknowledged.delete(cursor);
  }
}
