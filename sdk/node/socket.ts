/** WebSockets through `ws`: the same on every Node version, with the limits of the protocol. */

import { limits, SottoError } from "@sotto/protocol";
import { WebSocket } from "ws";
import type { Dial } from "../core/ports.js";

/** From the first packet to the upgrade's answer. */
const HANDSHAKE_MS = 10_000;
/** How long a peer may take to answer a close before the socket is torn down. */
const CLOSING_MS = 2_000;
/** The code of a frame of text, which this protocol does not have (RFC 6455 §7.4.1). */
const UNSUPPORTED_DATA = 1003;

/**
 * Opens a WebSocket without compression, which leaks sizes and costs memory.
 *
 * @throws invalidArgument if the URL is none for a WebSocket.
 */
export const dial: Dial = (url, events) => {
  const socket = connect(url);
  let isLeaving = false;
  socket.on("open", () => events.opened());
  socket.on("message", (data, isBinary) => {
    if (!isBinary || !(data instanceof Buffer)) return socket.close(UNSUPPORTED_DATA);
    events.message(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  });
  // What went wrong shows in `close`, which always follows.
  socket.on("error", () => {});
  socket.on("close", (code) => events.closed(code));
  return {
    send(bytes) {
      if (socket.readyState === WebSocket.OPEN) socket.send(bytes);
      // The peer said its last word and does not hang up: `close` follows now, and not when `ws` loses its patience.
      else if (socket.readyState === WebSocket.CLOSING && !isLeaving) socket.terminate();
    },
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    close(code) {
      isLeaving = true;
      socket.close(code);
      const overdue = setTimeout(() => socket.terminate(), CLOSING_MS);
      socket.once("close", () => clearTimeout(overdue));
    },
  };
};

function connect(url: string): WebSocket {
  try {
    return new WebSocket(url, {
      perMessageDeflate: false,
      maxPayload: limits.frameBytes.value,
      handshakeTimeout: HANDSHAKE_MS,
    });
  } catch (cause) {
    throw new SottoError("invalidArgument", { detail: "the relay's address is not a WebSocket URL", cause });
  }
}
