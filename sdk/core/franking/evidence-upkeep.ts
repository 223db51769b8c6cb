/** Lets go of evidence in time: shortly after the start, and then every hour. */

import type { Clock } from "../ports.js";
import { Rounds } from "../rounds.js";
import type { EvidenceRows } from "./evidence.js";

const SWEEP_EVERY_MS = 3_600_000;
const FIRST_SWEEP_MS = 5_000;

/** What upkeep works with. */
export interface EvidenceUpkeepParts {
  readonly clock: Clock;
  readonly evidence: Pick<EvidenceRows, "sweep">;
  /** The relay's clock, as far as this device knows it. */
  nowMs(): number;
  failed(error: unknown): void;
}

/** Sweeps. */
export class EvidenceUpkeep {
  private readonly rounds: Rounds;

  constructor(private readonly parts: EvidenceUpkeepParts) {
    const { clock, failed } = parts;
    this.rounds = new Rounds({ clock, delayMs: SWEEP_EVERY_MS, work: () => this.sweep(), failed });
  }

  /** Begins. */
  start(): void {
    this.rounds.wake(FIRST_SWEEP_MS);
  }

  /** Stops. Idempotent. */
  close(): void {
    this.rounds.close();
  }

  private async sweep(): Promise<void> {
    await this.parts.evidence.sweep(this.parts.nowMs());
    this.rounds.wake();
  }
}
