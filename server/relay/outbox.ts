/** What a connection is about to say: gathered for a turn of the event loop, then sent in one cork. */

import type { Connection } from "../ports.js";
import type { Outgoing } from "./outgoing.js";

/** Above this many bytes on their way, mail waits until the peer took them. */
const HIGH_WATER_BYTES = 262_144;

/** The queue before one socket. Its bound is the callers': requests in flight, and mail only while not congested. */
export class Outbox {
  private queued: Uint8Array[] | undefined = undefined;
  private queuedBytes = 0;

  constructor(
    private readonly connection: Connection,
    private readonly outgoing: Outgoing,
  ) {}

  /** Queues a message; it leaves with what else this turn of the event loop queues. */
  push(message: Uint8Array): void {
    this.queuedBytes += message.length;
    if (this.queued !== undefined) {
      this.queued.push(message);
      return;
    }
    this.queued = [message];
    this.outgoing.schedule(this);
  }

  /** Hands everything queued to the socket. */
  flush(): void {
    const { queued, connection } = this;
    if (queued === undefined) return;
    this.queued = undefined;
    this.queuedBytes = 0;
    const [first] = queued;
    if (queued.length === 1 && first !== undefined) connection.send(first);
    else {
      connection.cork(() => {
        for (const message of queued) connection.send(message);
      });
    }
  }

  /** True while the peer does not take what it is sent; the transport then says when it has. */
  isCongested(): boolean {
    if (this.connection.bufferedBytes + this.queuedBytes <= HIGH_WATER_BYTES) return false;
    // Only what the socket did not take counts: `drained` is called for nothing else.
    this.flush();
    return this.connection.bufferedBytes > HIGH_WATER_BYTES;
  }
}
