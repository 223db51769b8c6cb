/** WebSockets to the relay through `ws`. */

import { limits } from "@sotto/protocol";
import { WebSocket } from "ws";

/** A socket that was dialled; what is sent before it is open is lost. */
export interface LinkSocket {
  send(bytes: Uint8Array): void;
  readonly bufferedBytes: number;
  /** Idempotent; `closed` follows, at the latest after `CLOSING_MS`. */
  close(): void;
}

/** What happens to it. `closed` comes once, and last. */
export interface LinkSocketEvents {
  message(bytes: Uint8Array): void;
  closed(code: number): void;
}

/** Opens a socket. */
export type DialRelay = (url: string, events: LinkSocketEvents) => LinkSocket;

const HANDSHAKE_MS = 10_000;
/** How long the relay may take to answer a close before the socket is torn down. */
const CLOSING_MS = 1_000;
/** RFC 6455 §7.4.1: this protocol has no frames of text. */
const UNSUPPORTED_DATA = 1003;

/** Dials without compression, within the protocol's frame size. */
export const dialRelay: DialRelay = (url, events) => {
  const socket = new WebSocket(url, {
    perMessageDeflate: false,
    maxPayload: limits.frameBytes.value,
    handshakeTimeout: HANDSHAKE_MS,
  });
  socket.on("message", (data, isBinary) => {
    if (!isBinary || !(data instanceof Buffer)) return socket.close(UNSUPPORTED_DATA);
    events.message(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  });
  // What went wrong shows in `close`, which always follows.
  socket.on("error", () => undefined);
  socket.on("close", (code) => events.closed(code));
  return {
    send(bytes) {
      if (socket.readyState === WebSocket.OPEN) socket.send(bytes);
    },
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    close() {
      if (socket.readyState === WebSocket.CLOSED) return;
      socket.close();
      const overdue = setTimeout(() => socket.terminate(), CLOSING_MS);
      socket.once("close", () => clearTimeout(overdue));
    },
  };
};
