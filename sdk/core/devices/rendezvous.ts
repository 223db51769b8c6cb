/** Where the two sides of a link leave each other their steps: a row at the relay that lives for ten minutes. */

import { type LinkStep, SottoError } from "@sotto/protocol";
import type { RelayLink } from "../link/relay-link.js";
import type { AbortSignalLike, Clock } from "../ports.js";
import { pause } from "./pause.js";

/** How often to look for the other side's step: two people wait for it. */
const LOOK_EVERY_MS = 400;
/** A relay that asks for more patience than this gets this much; the link lives for minutes only. */
const MAX_PATIENCE_MS = 5_000;
/** A step whose leaving failed is left again this often, before it is told. */
const MAX_TRIES = 3;

/** What a rendezvous needs. `signal` ends every wait; whoever aborts it knows why. */
export interface RendezvousParts {
  readonly relay: Pick<RelayLink, "request">;
  readonly clock: Clock;
  readonly link: Uint8Array;
  readonly signal: AbortSignalLike;
}

/** One side of a link's rendezvous. */
export class Rendezvous {
  constructor(private readonly parts: RendezvousParts) {}

  /**
   * Leaves a step for the other side. A repeat of the same body is no second step, so a lost answer does no harm.
   *
   * @throws linkUsed if another body was left before; linkExpired; aborted; what the relay or the network answered.
   */
  async put(step: LinkStep, body: Uint8Array): Promise<void> {
    const { relay, clock, link, signal } = this.parts;
    for (let tries = 1; ; tries++) {
      try {
        await relay.request({ type: "putLink", link, step, body }, { signal });
        return;
      } catch (error) {
        if (!mayPass(error) || tries === MAX_TRIES) throw error;
        await pause(clock, patienceOf(error), signal);
      }
    }
  }

  /**
   * Waits for a step of the other side, over losses of the connection.
   *
   * @throws linkExpired once the link is over; aborted.
   */
  async take(step: LinkStep): Promise<Uint8Array> {
    const { relay, clock, link, signal } = this.parts;
    for (;;) {
      let waitMs = LOOK_EVERY_MS;
      try {
        const { body } = await relay.request({ type: "takeLink", link, step }, { signal });
        if (body !== undefined) return body.slice();
      } catch (error) {
        if (!mayPass(error)) throw error;
        waitMs = patienceOf(error);
      }
      await pause(clock, waitMs, signal);
    }
  }
}

/** True for what a later attempt may mend by itself. */
function mayPass(error: unknown): error is SottoError {
  return error instanceof SottoError && error.retryable;
}

function patienceOf({ retryAfterMs = LOOK_EVERY_MS }: SottoError): number {
  return Math.min(Math.max(retryAfterMs, LOOK_EVERY_MS), MAX_PATIENCE_MS);
}
