/** One WebSocket of `ws` as the rules see it. */

import type { Duplex } from "node:stream";
import { closeCodes } from "@sotto/protocol";
import { WebSocket } from "ws";
import type { Connection, ConnectionHandler, ListenOptions, TransportHandlers } from "../ports.js";
import { type Complain, guarded } from "./ask.js";
import { closeReason } from "./bounds.js";

/** What all connections of one listener share. */
export interface PortableShared {
  readonly options: ListenOptions;
  readonly handlers: TransportHandlers;
  readonly complain: Complain;
  /** Every socket that is not gone yet, those we closed included. */
  readonly open: Set<PortableConnection>;
}

/** A connection from the upgrade on. `isLive` until the rules may no longer hear of it. */
export class PortableConnection implements Connection {
  private isLive = true;
  private isCorked = false;
  /** Whether something waited since `drained` was last called. */
  private isBehind = false;
  private handler: ConnectionHandler | undefined = undefined;

  constructor(
    private readonly shared: PortableShared,
    private readonly webSocket: WebSocket,
    private readonly socket: Duplex,
    readonly remoteAddress: string,
  ) {}

  get bufferedBytes(): number {
    return this.isLive ? this.webSocket.bufferedAmount : 0;
  }

  send(message: Uint8Array): void {
    // Between the peer's close frame and the end of the socket, `ws` would count what it does not send.
    if (!this.isLive || this.webSocket.readyState !== WebSocket.OPEN) return;
    this.webSocket.send(message, this.onFlushed);
    if (!this.isCorked) this.checkBuffer();
  }

  cork(sends: () => void): void {
    if (!this.isLive) return;
    // A cork within a cork leaves with the outer one.
    const isOuter = !this.isCorked;
    this.isCorked = true;
    this.socket.cork();
    try {
      sends();
    } finally {
      this.isCorked = !isOuter;
      this.socket.uncork();
    }
    if (isOuter) this.checkBuffer();
  }

  close(code: number, reason: string): void {
    if (!this.isLive) return;
    this.isLive = false;
    this.webSocket.close(code, closeReason(reason));
    queueMicrotask(() => this.tellClosed());
  }

  /** Cuts the socket off, whatever it still has to say. */
  terminate(): void {
    this.webSocket.terminate();
  }

  /** Starts to listen to the socket. */
  open(): void {
    this.shared.open.add(this);
    this.webSocket.on("message", this.onMessage);
    // `ws` closes the socket itself, with 1009 or 1002; here it only must not go unheard.
    this.webSocket.on("error", this.onEnd);
    this.webSocket.on("close", this.onGone);
    guarded(this, this.shared.complain, () => {
      this.handler = this.shared.handlers.connected(this);
    });
    if (this.handler === undefined) this.close(closeCodes.unavailable, "unavailable");
  }

  private readonly onMessage = (message: WebSocket.RawData, isBinary: boolean): void => {
    if (!this.isLive) return;
    if (isBinary && Buffer.isBuffer(message)) {
      const bytes = new Uint8Array(message.buffer, message.byteOffset, message.byteLength);
      guarded(this, this.shared.complain, () => this.handler?.message(bytes));
    } else {
      this.close(1003, "binary only");
    }
  };

  /** One `send` has left for the kernel, or failed with the socket. */
  private readonly onFlushed = (): void => {
    if (!this.isBehind || !this.isLive || this.webSocket.bufferedAmount > 0) return;
    this.isBehind = false;
    guarded(this, this.shared.complain, () => this.handler?.drained());
  };

  private readonly onEnd = (): void => {
    if (!this.isLive) return;
    this.isLive = false;
    this.tellClosed();
  };

  private readonly onGone = (): void => {
    this.shared.open.delete(this);
    this.onEnd();
  };

  private checkBuffer(): void {
    const waiting = this.bufferedBytes;
    if (waiting > 0) this.isBehind = true;
    if (waiting > this.shared.options.maxBufferedBytes) this.close(closeCodes.notReading, "not reading");
  }

  private tellClosed(): void {
    const handler = this.handler;
    this.handler = undefined;
    if (handler !== undefined) guarded(this, this.shared.complain, () => handler.closed());
  }
}
