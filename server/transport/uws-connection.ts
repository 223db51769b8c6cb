/** One WebSocket of uWebSockets.js as the rules see it. Kept small, because a relay holds tens of thousands. */

import { closeCodes } from "@sotto/protocol";
import type { Connection, ConnectionHandler, ListenOptions, TransportHandlers } from "../ports.js";
import { type Complain, guarded } from "./ask.js";
import { closeReason } from "./bounds.js";
import type { KeptBytes } from "./kept-bytes.js";
import type { UwsSocket } from "./uws-api.js";

/** What all connections of one listener share. */
export interface UwsShared {
  readonly options: ListenOptions;
  readonly handlers: TransportHandlers;
  readonly received: KeptBytes;
  readonly complain: Complain;
  readonly open: Set<UwsConnection>;
}

/** `send` says that everything went to the kernel or into the cork's buffer. */
const SENT = 1;

/** What hangs on a native socket. */
export interface UwsData {
  readonly connection: UwsConnection;
}

/**
 * A connection from the upgrade on. The native socket throws on any use after its close event, so it is let go of first:
 * `socket` is set exactly while it may be used.
 */
export class UwsConnection implements Connection {
  private socket: UwsSocket<UwsData> | undefined = undefined;
  private handler: ConnectionHandler | undefined = undefined;

  constructor(
    private readonly shared: UwsShared,
    readonly remoteAddress: string,
  ) {}

  get bufferedBytes(): number {
    return this.socket?.getBufferedAmount() ?? 0;
  }

  send(message: Uint8Array): void {
    if (this.socket !== undefined && this.socket.send(message, true) !== SENT) this.checkBuffer();
  }

  cork(sends: () => void): void {
    if (this.socket === undefined) return;
    this.socket.cork(sends);
    // What does not leave at the uncorking was reported to no `send`.
    this.checkBuffer();
  }

  close(code: number, reason: string): void {
    const socket = this.socket;
    if (socket === undefined) return;
    this.letGo();
    socket.end(code, closeReason(reason));
    queueMicrotask(() => this.tellClosed());
  }

  /** The native socket opened. */
  onOpen(socket: UwsSocket<UwsData>): void {
    this.socket = socket;
    this.shared.open.add(this);
    guarded(this, this.shared.complain, () => {
      this.handler = this.shared.handlers.connected(this);
    });
    if (this.handler === undefined) this.close(closeCodes.unavailable, "unavailable");
  }

  /** A whole message; the buffer is only valid now. */
  onMessage(message: ArrayBuffer, isBinary: boolean): void {
    if (message.byteLength > this.shared.options.maxMessageBytes) {
      this.close(1009, "too long");
    } else if (isBinary) {
      const kept = this.shared.received.copy(message);
      guarded(this, this.shared.complain, () => this.handler?.message(kept));
    } else {
      this.close(1003, "binary only");
    }
  }

  /** Some of what waited has left. */
  onDrain(): void {
    if (this.bufferedBytes === 0) guarded(this, this.shared.complain, () => this.handler?.drained());
  }

  /** The native socket is gone, by whoever's doing. */
  onClose(): void {
    if (this.socket === undefined) return;
    this.letGo();
    this.tellClosed();
  }

  private checkBuffer(): void {
    if (this.bufferedBytes > this.shared.options.maxBufferedBytes) this.close(closeCodes.notReading, "not reading");
  }

  private letGo(): void {
    this.socket = undefined;
    this.shared.open.delete(this);
  }

  private tellClosed(): void {
    const handler = this.handler;
    this.handler = undefined;
    if (handler !== undefined) guarded(this, this.shared.complain, () => handler.closed());
  }
}
