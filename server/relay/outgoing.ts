/** Frames leave together: what one turn of the event loop queues for a connection goes out in one cork. */

/** Something with queued frames. */
export interface Flushable {
  /** Hands everything queued to the socket. Must not throw. */
  flush(): void;
}

/**
 * Flushes connections at the end of the current run of microtasks, so that the answers of one commit, and the pushes it
 * causes, share packets and system calls.
 */
export class Outgoing {
  private waiting: Flushable[] = [];

  /** Asks for a flush; called once per connection until it was flushed. */
  schedule(connection: Flushable): void {
    if (this.waiting.push(connection) === 1) void Promise.resolve().then(this.flushAll);
  }

  private readonly flushAll = (): void => {
    const waiting = this.waiting;
    this.waiting = [];
    for (const connection of waiting) connection.flush();
  };
}
