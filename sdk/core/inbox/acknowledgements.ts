/** Acknowledges mail to the relay once it is durable here: cumulatively, and as many at once as one disk write made durable. */

/** One envelope as a connection delivered it. */
export interface Delivery {
  /** Acknowledges it when its commit is durable. Commits become durable in order, so the cursor covers all before it. */
  when(commit: Promise<void>): void;
}

/**
 * Collects durable cursors and acknowledges them together, each to the connection that delivered it. A later connection
 * delivers again what was not acknowledged, and a relay that crashed may give a cursor it had only announced to other mail.
 */
export class Acknowledgements {
  private connection = 0;
  private durable = 0;
  private isScheduled = false;

  constructor(private readonly acknowledge: (upTo: number) => void) {}

  /** A new connection is ready, and knows nothing of earlier ones. */
  connected(): void {
    this.connection += 1;
    this.durable = 0;
  }

  /** The present connection delivered this cursor; 0 is never acknowledged. */
  delivered(cursor: number): Delivery {
    const { connection } = this;
    return {
      when: (commit) => {
        commit.then(
          () => {
            if (cursor > 0 && connection === this.connection) this.add(cursor);
          },
          () => undefined, // never acknowledged: the relay will deliver it again
        );
      },
    };
  }

  private add(cursor: number): void {
    this.durable = Math.max(this.durable, cursor);
    if (this.isScheduled) return;
    this.isScheduled = true;
    queueMicrotask(() => {
      this.isScheduled = false;
      if (this.durable > 0) this.acknowledge(this.durable);
    });
  }
}
