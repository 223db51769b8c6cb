/** Work that is done in rounds: woken any number of times, never run twice at once, never forgotten. */

import type { Clock } from "./ports.js";

/** What a round does, and how long after the first waking it starts. */
export interface RoundParts {
  readonly clock: Clock;
  readonly delayMs: number;
  work(): Promise<void>;
  failed(error: unknown): void;
}

/**
 * Gathers wake-ups into rounds.
 *
 *   idle ──wake──▶ waiting ──delay──▶ running ──done──▶ idle
 *                                      └──wake: one more round──▶ waiting
 */
export class Rounds {
  private state: "idle" | "waiting" | "running" | "again" | "closed" = "idle";

  constructor(private readonly parts: RoundParts) {}

  /** Makes sure that a round starts after this call. */
  wake(delayMs = this.parts.delayMs): void {
    if (this.state === "running") this.state = "again";
    if (this.state !== "idle") return;
    this.state = "waiting";
    this.parts.clock.after(delayMs, () => void this.run());
  }

  /** No further round starts. Idempotent. */
  close(): void {
    this.state = "closed";
  }

  private async run(): Promise<void> {
    if (this.state === "closed") return;
    this.state = "running";
    try {
      await this.parts.work();
    } catch (error) {
      this.parts.failed(error);
    }
    if (this.isClosed()) return;
    const isWoken = this.isWoken();
    this.state = "idle";
    if (isWoken) this.wake();
  }

  // The state changes while a round awaits, which the compiler's narrowing does not see.
  private isClosed(): boolean {
    return this.state === "closed";
  }

  private isWoken(): boolean {
    return this.state === "again";
  }
}
