/** An outbox that only remembers what it was asked for: nothing it takes is durable, and nothing leaves. */

import type { Order, Queued } from "../../../../sdk/core/outbox/order.js";

/** Takes orders up to `room`. */
export class UnsafeOutbox {
  /** What was queued and then committed. */
  readonly sent: Order[] = [];
  room = 1_000;

  get spareRoom(): number {
    return this.room;
  }

  queue(order: Order): Queued {
    return { order: this.sent.length + 1, changes: [], sent: () => this.sent.push(order) };
  }

  async vacancy(): Promise<void> {}

  assertRoom(): void {}

  wake(): void {}
}
