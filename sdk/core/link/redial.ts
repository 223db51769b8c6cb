/** Plans the next dial of a link after each loss. */

import type { SottoError } from "@sotto/protocol";
import type { Clock, Random } from "../ports.js";
import { nextDelayMs, type Pace, STABLE_MS } from "./backoff.js";

/** What planning needs, and what it leads to. */
export interface RedialParts {
  readonly clock: Clock;
  readonly random: Random;
  dial(): void;
}

/** At most one planned dial, and the memory of how often the last ones failed. */
export class Redial {
  readonly #parts: RedialParts;
  #planned: { cancel(): void } | undefined;
  #failures = 0;
  #readyMs: number | undefined;

  constructor(parts: RedialParts) {
    this.#parts = parts;
  }

  /** A connection became ready. It wipes out past failures only once it has lived for `STABLE_MS`. */
  ready(): void {
    this.#readyMs = this.#parts.clock.now();
  }

  /** Plans the dial that follows a loss. */
  plan(loss: SottoError, pace: Pace): void {
    const { clock, random, dial } = this.#parts;
    const wasStable = this.#readyMs !== undefined && clock.now() - this.#readyMs >= STABLE_MS;
    this.#readyMs = undefined;
    this.#failures = wasStable ? 1 : this.#failures + 1;
    const chance = new DataView(random.bytes(4).buffer).getUint32(0) / 2 ** 32;
    const delayMs = nextDelayMs({ failures: this.#failures, pace, retryAfterMs: loss.retryAfterMs, chance });
    this.#planned = clock.after(delayMs, dial);
  }

  /** Plans nothing any more. Idempotent. */
  cancel(): void {
    this.#planned?.cancel();
  }
}
