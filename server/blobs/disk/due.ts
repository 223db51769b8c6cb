/** When there may be something to delete in each sub-folder, so that a sweep need not look into all of them every time. */

/** Remembers the earliest time for each sub-folder; it may be too early, never too late. */
export class Due {
  readonly #earliestMs = new Map<string, number>();

  /** Something in the sub-folder is to go at a time; at 0, with the next sweep. */
  note(fan: string, atMs: number): void {
    this.#earliestMs.set(fan, Math.min(atMs, this.#earliestMs.get(fan) ?? Number.POSITIVE_INFINITY));
  }

  /** The sub-folders in which something may be due; they count as looked through, unless noted again. */
  take(nowMs: number): readonly string[] {
    const due = [...this.#earliestMs].filter(([, atMs]) => atMs <= nowMs).map(([fan]) => fan);
    for (const fan of due) this.#earliestMs.delete(fan);
    return due;
  }

  /** Forgets everything. */
  clear(): void {
    this.#earliestMs.clear();
  }
}
