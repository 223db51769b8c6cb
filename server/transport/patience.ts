/** How long a peer is waited for in one body or answer. */

import type { TransferBounds } from "./bounds.js";

/**
 * A budget of time that runs while the peer is waited for, and that every byte it moves refills, up to `stallMs`. So a peer
 * may be silent for `stallMs` once, and in the long run must keep to `minBytesPerSecond`; what we take ourselves costs it
 * nothing.
 */
export class Patience {
  private leftMs: number;
  /** Since when the peer is waited for; `undefined` while it is not. */
  private sinceMs: number | undefined;
  /** Fires when the budget may be spent, or earlier; never later. */
  private timer: NodeJS.Timeout | undefined;
  private isEnded = false;

  constructor(
    private readonly bounds: Pick<TransferBounds, "stallMs" | "minBytesPerSecond">,
    private readonly onSpent: () => void,
  ) {
    this.leftMs = bounds.stallMs;
  }

  /** The peer is waited for from now on. Idempotent. */
  wait(): void {
    if (this.sinceMs !== undefined || this.isEnded) return;
    this.sinceMs = performance.now();
    this.timer ??= setTimeout(this.check, this.leftMs);
  }

  /** The peer is not waited for. Idempotent. */
  rest(): void {
    if (this.sinceMs === undefined) return;
    this.leftMs -= performance.now() - this.sinceMs;
    this.sinceMs = undefined;
  }

  /** The peer sent or took bytes. */
  moved(bytes: number): void {
    const earnedMs = (bytes * 1_000) / this.bounds.minBytesPerSecond;
    const spentMs = this.sinceMs === undefined ? 0 : performance.now() - this.sinceMs;
    this.leftMs = Math.min(this.leftMs + earnedMs, this.bounds.stallMs + spentMs);
  }

  /** Nothing is waited for any more. Idempotent. */
  end(): void {
    this.isEnded = true;
    this.sinceMs = undefined;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private readonly check = (): void => {
    this.timer = undefined;
    if (this.sinceMs === undefined) return;
    this.rest();
    if (this.leftMs > 0) {
      this.wait();
    } else {
      this.end();
      this.onSpent();
    }
  };
}
