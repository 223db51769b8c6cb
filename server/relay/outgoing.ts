/** Frames leave together: what one turn of the event loop queues for a connection goes out in one cork. */

import type { EventLoop } from "../ports.js";

/** Something with queued frames. */
export interface Flushable {
  /** Hands everything queued to the socket. Must not throw. */
  flush(): void;
}

/**
 * Flushes connections when the events at hand have been taken, so that the answers of one commit, and the pushes that the
 * frames of one turn cause, share packets and system calls: writing to sockets is the dearest thing a busy relay does.
 */
export class Outgoing {
  private waiting: Flushable[] = [];

  constructor(private readonly eventLoop: EventLoop) {}

  /** Asks for a flush; called once per connection until it was flushed. */
  schedule(connection: Flushable): void {
    if (this.waiting.push(connection) === 1) this.eventLoop.afterEvents(this.flushAll);
  }

  private readonly flushAll = (): void => {
    const waiting = this.waiting;
    this.waiting = [];
    for (const connection of waiting) connection.flush();
  };
}
