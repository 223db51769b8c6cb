/** The sends of one account that are on their way together. */

import type { AbortSignalLike } from "../ports.js";

/**
 * One window of a lane. It ends as soon as one of its sends has to be tried again: those behind it that did not leave yet
 * then stay, because a later connection would carry them ahead of it. Requests take the window as their signal.
 */
export class SendWindow<Access> implements AbortSignalLike {
  private readonly listeners = new Set<() => void>();
  private hasEnded = false;

  constructor(
    /** How to write to the account; one answer for the window, so that its sends share a connection and its order. */
    readonly access: Access,
  ) {}

  /** Whether nothing more of this window may leave. */
  get aborted(): boolean {
    return this.hasEnded;
  }

  /** Keeps back what did not leave yet. Idempotent. */
  end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    for (const listener of this.listeners) listener();
    this.listeners.clear();
  }

  addEventListener(_type: "abort", listener: () => void): void {
    this.listeners.add(listener);
  }

  removeEventListener(_type: "abort", listener: () => void): void {
    this.listeners.delete(listener);
  }
}
