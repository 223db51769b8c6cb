/** How long an upload tries: it waits longer and longer between tries, and gives up when nothing moves for a while. */

import { SottoError } from "@sotto/protocol";
import { pause } from "../devices/pause.js";
import { nextDelayMs } from "../link/backoff.js";
import type { AbortSignalLike, Clock, Random } from "../ports.js";

/** An upload of which not one byte becomes durable for so long is told to have failed. It goes on at the next call. */
export const NO_PROGRESS_MS = 120_000;
/** What one try counts at most: a device that slept meanwhile did not try for so long. */
const MAX_TRY_MS = 45_000;
/** A relay that contradicts itself so often in a row breaks the protocol. */
const MAX_CONTRADICTIONS = 12;

/** What waiting needs. */
export interface PatienceParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignalLike;
}

/** The patience of one upload. */
export class Patience {
  /** When the present try began. */
  private beganMs: number;
  private spentMs = 0;
  private failures = 0;
  private contradictions = 0;

  constructor(private readonly parts: PatienceParts) {
    this.beganMs = parts.clock.now();
  }

  /** Something moved: there is time again. */
  progressed(): void {
    this.beganMs = this.parts.clock.now();
    this.spentMs = 0;
    this.failures = 0;
    this.contradictions = 0;
  }

  /**
   * Waits before the next try after this failure.
   *
   * @throws the failure if that would take longer than there is patience; aborted.
   */
  async after(failure: SottoError): Promise<void> {
    const { clock, random, signal } = this.parts;
    this.failures += 1;
    const chance = new DataView(random.bytes(4).buffer).getUint32(0) / 2 ** 32;
    const { retryAfterMs } = failure;
    const delayMs = nextDelayMs({ failures: this.failures, pace: "soon", retryAfterMs, chance });
    this.spentMs += Math.min(Math.max(0, clock.now() - this.beganMs), MAX_TRY_MS) + delayMs;
    if (this.spentMs > NO_PROGRESS_MS) throw failure;
    await pause(clock, delayMs, signal);
    this.beganMs = clock.now();
  }

  /**
   * Waits before the relay is asked again after it contradicted itself.
   *
   * @throws badRelay if it does that time and again; aborted.
   */
  async afterContradiction(): Promise<void> {
    this.contradictions += 1;
    const failure = new SottoError("badRelay", { detail: "an upload is somewhere else at every answer" });
    if (this.contradictions > MAX_CONTRADICTIONS) throw failure;
    await this.after(failure);
  }
}
