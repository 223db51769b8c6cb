/** A list of what waits for the user, followed: everything there is, then each that comes, once. */

import type { AbortSignalLike } from "./ports.js";

/** What following works with. */
export interface FollowingParts<Row> {
  /** What waits now, oldest first. */
  pending(): Promise<readonly Row[]>;
  /** What tells one from a later one of the same sender. */
  nameOf(row: Row): string;
}

/** Wakes its readers when the list may have changed. */
export class Following<Row> {
  private readonly readers = new Set<() => void>();
  private isClosed = false;

  constructor(private readonly parts: FollowingParts<Row>) {}

  /** Everything there is, then each that comes, as `present` shows it; until the signal aborts or the list closes. */
  async *follow<Shown>(
    present: (row: Row) => Promise<Shown | undefined>,
    signal: AbortSignalLike | undefined,
  ): AsyncGenerator<Shown> {
    let told = new Set<string>();
    let wake = () => {};
    let isWoken = true;
    const look = () => {
      isWoken = true;
      wake();
    };
    const hasEnded = () => this.isClosed || signal?.aborted === true;
    this.readers.add(look);
    signal?.addEventListener("abort", look, { once: true });
    try {
      while (!hasEnded()) {
        if (!isWoken) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        isWoken = false;
        const pending = await this.parts.pending();
        // What is no longer there need not be remembered: if it comes again, it comes anew.
        told = new Set(pending.map(this.parts.nameOf).filter((name) => told.has(name)));
        for (const row of pending) {
          const name = this.parts.nameOf(row);
          if (told.has(name)) continue;
          const shown = await present(row);
          if (hasEnded()) return;
          told.add(name);
          if (shown !== undefined) yield shown;
          if (hasEnded()) return;
        }
      }
    } finally {
      this.readers.delete(look);
      signal?.removeEventListener("abort", look);
    }
  }

  /** Something came or went. */
  wake(): void {
    for (const look of [...this.readers]) look();
  }

  /** Ends every reader. Idempotent. */
  close(): void {
    this.isClosed = true;
    this.wake();
  }
}
