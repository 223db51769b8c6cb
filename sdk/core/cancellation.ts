/** A signal of our own: the core knows no platform's AbortController. */

import type { AbortSignalLike } from "./ports.js";

/** Tells several pieces of work that their result is no longer wanted. */
export class Cancellation implements AbortSignalLike {
  private isAborted = false;
  private readonly listeners = new Set<() => void>();

  /** Whether `abort` was called. */
  get aborted(): boolean {
    return this.isAborted;
  }

  /** Calls every listener once. Idempotent. */
  abort(): void {
    if (this.isAborted) return;
    this.isAborted = true;
    const listeners = [...this.listeners];
    this.listeners.clear();
    for (const listener of listeners) listener();
  }

  addEventListener(_type: "abort", listener: () => void): void {
    if (!this.isAborted) this.listeners.add(listener);
  }

  removeEventListener(_type: "abort", listener: () => void): void {
    this.listeners.delete(listener);
  }
}
