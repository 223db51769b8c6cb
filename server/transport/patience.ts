/** How long a peer is waited for in one body or answer. */

import type { TransferBounds } from "./bounds.js";

/** Timers count whole milliseconds: what is less cannot be waited for. */
const LEAST_MS = 1;

/**
 * A budget of time that runs while the peer is waited for, and that every byte it moves refills, up to `stallMs`. So a peer
 * may be silent for `stallMs` once, and in the long run must keep to `minBytesPerSecond`; what we take ourselves costs it
 * nothing, nor does it if this process stands still: what came meanwhile is read before the budget counts as spent.
 *
 *   armed ──timer──▶ is it spent? ──no──▶ armed
 *                        └──yes──▶ one turn, in which sockets are read ──▶ still? ──no──▶ armed
 *                                                                            └──yes──▶ ended
 */
export class Patience {
  private leftMs: number;
  /** Since when the peer is waited for; `undefined` while it is not. */
  private sinceMs: number | undefined;
  /** Fires when the budget may be spent, or earlier; never later. */
  private timer: NodeJS.Timeout | undefined;
  /** When the timer was to fire. */
  private dueMs = 0;
  /** Runs when what came has been read. */
  private turn: NodeJS.Immediate | undefined;
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
    if (this.timer !== undefined) return;
    this.dueMs = this.sinceMs + this.leftMs;
    this.timer = setTimeout(this.check, this.leftMs);
  }

  /** The peer is not waited for. Idempotent. */
  rest(): void {
    this.spendUntil(performance.now());
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
    clearImmediate(this.turn);
    this.timer = undefined;
    this.turn = undefined;
  }

  private spendUntil(nowMs: number): void {
    if (this.sinceMs === undefined) return;
    // The turn in which sockets are read takes as long as this process does.
    if (this.turn === undefined) this.leftMs -= Math.max(0, nowMs - this.sinceMs);
    this.sinceMs = undefined;
  }

  private readonly check = (): void => {
    this.timer = undefined;
    if (this.sinceMs === undefined) return;
    // Where the timer is late, it was this process that was waited for.
    this.spendUntil(Math.min(performance.now(), this.dueMs));
    if (this.leftMs >= LEAST_MS) {
      this.wait();
    } else {
      this.sinceMs = performance.now();
      this.turn ??= setImmediate(this.judge);
    }
  };

  private readonly judge = (): void => {
    const isWaitedFor = this.sinceMs !== undefined;
    this.rest();
    this.turn = undefined;
    if (!isWaitedFor) return;
    if (this.leftMs >= LEAST_MS) {
      this.wait();
    } else {
      this.end();
      this.onSpent();
    }
  };
}
