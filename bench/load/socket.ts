/**
 * A WebSocket client that costs next to nothing, so that a bench measures the server and not its own client (RFC 6455).
 * It sends binary frames under the masking key 0 (so nothing is XORed; the server unmasks all the same) and understands
 * what a server of ours sends: whole, unfragmented, unmasked frames.
 */

import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** What a connection hears. `payload` is valid only during the call. */
export interface SocketEvents {
  message(payload: Buffer): void;
  closed(reason: string): void;
}

const BINARY = 0x82;
const CLOSE = 0x8;
const PING = 0x9;

/** Sockets with frames to write; one write each at the end of the event loop's turn. */
const dirty: BenchSocket[] = [];

function flushAll(): void {
  for (const socket of dirty.splice(0)) socket.flush();
}

/** One open connection. */
export class BenchSocket {
  private queued: Buffer[] = [];
  private rest: Buffer | undefined;
  private isClosed = false;

  private constructor(
    private readonly socket: Socket,
    private readonly events: SocketEvents,
  ) {
    socket.on("data", (chunk) => this.take(chunk));
    socket.on("error", (error) => this.fail(error.message));
    socket.on("close", () => this.fail("the server closed the socket"));
  }

  /**
   * Connects, upgrades and answers the socket, which is already reading.
   *
   * @throws Error if the server refuses.
   */
  static async open(
    { port, path, localAddress }: { readonly port: number; readonly path: string; readonly localAddress: string },
    events: SocketEvents,
  ): Promise<BenchSocket> {
    const socket = connect({ port, host: "127.0.0.1", localAddress, noDelay: true });
    await once(socket, "connect");
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    );
    let head = Buffer.alloc(0);
    let end = -1;
    while (end < 0) {
      const [chunk] = (await once(socket, "data")) as [Buffer];
      head = Buffer.concat([head, chunk]);
      end = head.indexOf("\r\n\r\n");
    }
    if (!head.toString("latin1").startsWith("HTTP/1.1 101")) {
      throw new Error(`the server refused the upgrade: ${head.subarray(0, 100).toString("latin1")}`);
    }
    const opened = new BenchSocket(socket, events);
    const early = head.subarray(end + 4);
    // The caller gets its socket first, then what came behind the head.
    if (early.length > 0) queueMicrotask(() => opened.take(early));
    return opened;
  }

  /** Queues one frame made by `frameOf`; it leaves with the others of this turn. */
  send(frame: Buffer): void {
    if (this.queued.push(frame) > 1) return;
    if (dirty.push(this) === 1) setImmediate(flushAll);
  }

  /** Writes what is queued now. */
  flush(): void {
    const { queued } = this;
    if (queued.length === 0 || this.isClosed) return;
    this.queued = [];
    this.socket.write(queued.length === 1 ? (queued[0] as Buffer) : Buffer.concat(queued));
  }

  /** Closes after what was sent has left; `closed` is not called. */
  async end(): Promise<void> {
    this.flush();
    this.isClosed = true;
    const closed = once(this.socket, "close");
    this.socket.end();
    await closed;
  }

  /** Ends the connection without a word; `closed` is not called. */
  close(): void {
    this.isClosed = true;
    this.socket.destroy();
  }

  private take(chunk: Buffer): void {
    let bytes = chunk;
    if (this.rest !== undefined) {
      bytes = Buffer.concat([this.rest, chunk]);
      this.rest = undefined;
    }
    let at = 0;
    while (!this.isClosed && at + 2 <= bytes.length) {
      const opcode = (bytes[at] as number) & 0x0f;
      let length = (bytes[at + 1] as number) & 0x7f;
      let start = at + 2;
      if (length === 126) {
        if (at + 4 > bytes.length) break;
        length = bytes.readUInt16BE(at + 2);
        start = at + 4;
      } else if (length === 127) {
        if (at + 10 > bytes.length) break;
        length = bytes.readUInt32BE(at + 6);
        start = at + 10;
      }
      if (start + length > bytes.length) break;
      const payload = bytes.subarray(start, start + length);
      at = start + length;
      if (opcode === CLOSE) {
        this.fail(`the server closed with ${length >= 2 ? payload.readUInt16BE(0) : "no code"}`);
      } else if (opcode === PING) {
        this.send(Buffer.concat([Buffer.from([0x8a, 0x80 | length, 0, 0, 0, 0]), payload]));
      } else {
        this.events.message(payload);
      }
    }
    if (at < bytes.length) this.rest = bytes.subarray(at);
  }

  private fail(reason: string): void {
    if (this.isClosed) return;
    this.close();
    this.events.closed(reason);
  }
}

/** A WebSocket frame around a payload, ready to write; bytes of the payload may still be changed in place. */
export function frameOf(payload: Uint8Array): { readonly frame: Buffer; readonly payloadAt: number } {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 0x1_0000 ? 2 : 8;
  const payloadAt = 2 + extended + 4;
  const frame = Buffer.alloc(payloadAt + length);
  frame[0] = BINARY;
  if (extended === 0) frame[1] = 0x80 | length;
  else if (extended === 2) {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 0x80 | 127;
    frame.writeUInt32BE(length, 6);
  }
  frame.set(payload, payloadAt);
  return { frame, payloadAt };
}
