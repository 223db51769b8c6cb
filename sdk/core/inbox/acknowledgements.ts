/** Acknowledges mail to the relay once it is durable here: cumulatively, and as many at once as one disk write made durable. */

/** Collects durable cursors and acknowledges them together. */
export class Acknowledgements {
  private durable = 0;
  private isScheduled = false;

  constructor(private readonly acknowledge: (upTo: number) => void) {}

  /** Acknowledges this cursor when its commit is durable. Commits become durable in order, so the cursor covers all before it. */
  track(cursor: number, commit: Promise<void>): void {
    if (cursor === 0) return;
    commit.then(
      () => this.add(cursor),
      () => undefined, // never acknowledged: the relay will deliver it again
    );
  }

  private add(cursor: number): void {
    this.durable = Math.max(this.durable, cursor);
    if (this.isScheduled) return;
    this.isScheduled = true;
    queueMicrotask(() => {
      this.isScheduled = false;
      this.acknowledge(this.durable);
    });
  }
}
