/** The floor of a connection's memory: uWebSockets.js and nothing else. Echoes, prints `{"port": …}`. */

import { listenUws } from "../uws.js";

const port = await listenUws<object>({
  compression: 0,
  maxPayloadLength: 1024 * 1024,
  maxBackpressure: 1024 * 1024,
  idleTimeout: 120,
  open: () => undefined,
  message: (socket, message) => {
    socket.send(new Uint8Array(message), true);
  },
  close: () => undefined,
});
console.log(JSON.stringify({ port }));
