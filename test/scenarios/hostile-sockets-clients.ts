/** Many idle WebSockets in a process of their own; on request each sends one message and waits for its echo. */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { frame, handshake } from "../contract/transport/client-side.js";

/** What the clients say after opening, and after the echo. */
export interface ClientsReport {
  readonly open: number;
  readonly echoed: number;
}

const AT_ONCE = 200;
const sockets: Socket[] = [];
let echoed = 0;

async function openOne(port: number): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {});
  socket.write(handshake());
  const [answer] = await once(socket, "data");
  if (!String(answer).startsWith("HTTP/1.1 101 ")) throw new Error(`refused: ${answer}`);
  sockets.push(socket);
}

function report(): void {
  const said: ClientsReport = { open: sockets.filter(({ destroyed }) => !destroyed).length, echoed };
  process.send?.(said);
}

const [, , port, count] = process.argv.map(Number);
if (port !== undefined && count !== undefined) {
  while (sockets.length < count) {
    const missing = Math.min(AT_ONCE, count - sockets.length);
    await Promise.all(Array.from({ length: missing }, () => openOne(port)));
  }
  process.on("message", async () => {
    const message = frame(2, Buffer.from("still here"));
    await Promise.all(
      sockets.map(async (socket) => {
        socket.write(message);
        await Promise.race([once(socket, "data"), once(socket, "close")]);
        if (!socket.destroyed) echoed += 1;
      }),
    );
    report();
  });
  process.on("disconnect", () => process.exit());
  report();
}
