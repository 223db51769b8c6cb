/** Thousands of anonymous connections in a process of their own that greet and then say nothing; on request each pings once. */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { encodeFrame } from "@sotto/protocol";
import { frame, handshake } from "../../contract/transport/client-side.js";

/** What the process says after opening, and after the pings. */
export interface IdleReport {
  readonly open: number;
  readonly answered: number;
}

const AT_ONCE = 100;
/** Connections from one address: below what the relay takes of one at once, as of people behind many addresses. */
const PER_ADDRESS = 500;

const sockets: Socket[] = [];
let answered = 0;

async function openOne(port: number, index: number): Promise<void> {
  // Every address of 127/8 is this machine.
  const localAddress = `127.1.0.${1 + Math.floor(index / PER_ADDRESS)}`;
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  socket.on("error", () => {});
  socket.write(handshake());
  await heard(socket, (text) => text.includes("\r\n\r\n"));
  socket.write(frame(2, Buffer.from(encodeFrame({ type: "anonymous", version: 1 }))));
  await once(socket, "data");
  sockets.push(socket);
}

/** Reads until what came in fits. */
async function heard(socket: Socket, fits: (text: string) => boolean): Promise<void> {
  for (let text = ""; !fits(text); ) {
    const [chunk] = await Promise.race([once(socket, "data"), once(socket, "close").then(() => ["closed"])]);
    if (socket.destroyed) throw new Error("the relay refused a connection");
    text += String(chunk);
  }
}

function report(): void {
  const said: IdleReport = { open: sockets.filter(({ destroyed }) => !destroyed).length, answered };
  process.send?.(said);
}

const [, , port, count] = process.argv.map(Number);
if (port !== undefined && count !== undefined) {
  for (let index = 0; index < count; index += AT_ONCE) {
    const some = Math.min(AT_ONCE, count - index);
    await Promise.all(Array.from({ length: some }, (_, at) => openOne(port, index + at)));
  }
  process.on("message", async () => {
    const ping = frame(2, Buffer.from(encodeFrame({ type: "ping", id: 1 })));
    await Promise.all(
      sockets.map(async (socket) => {
        socket.write(ping);
        await Promise.race([once(socket, "data"), once(socket, "close")]);
        if (!socket.destroyed) answered += 1;
      }),
    );
    report();
  });
  process.on("disconnect", () => process.exit());
  report();
}
