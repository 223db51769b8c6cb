/** A transport in a process of its own, so that its memory can be told from its peers'. Echoes; floods who asks for it. */

import type { Connection, ConnectionHandler, Log } from "../../server/ports.js";
import { chooseTransport, type TransportPreference } from "../../server/transport/index.js";

/** What the server says of itself when asked. */
export interface ServerReport {
  readonly open: number;
  readonly closed: number;
  /** Bytes of the process, after a collection. */
  readonly residentBytes: number;
}

/** The first byte of a message that asks for more than its sender will read. */
export const FLOOD_ME = 0xff;

const CHUNK_BYTES = 65_536;
const log: Log = { info() {}, warn() {}, error: (event, cause) => console.error(event, cause) };
let open = 0;
let closed = 0;

function handle(connection: Connection): ConnectionHandler {
  let isOpen = true;
  open += 1;
  const flood = () => {
    if (!isOpen) return;
    connection.send(Buffer.alloc(CHUNK_BYTES, 1));
    setImmediate(flood);
  };
  return {
    message: (message) => (message[0] === FLOOD_ME ? flood() : connection.send(message)),
    drained() {},
    closed() {
      isOpen = false;
      open -= 1;
      closed += 1;
    },
  };
}

async function main(preference: TransportPreference): Promise<void> {
  const transport = await chooseTransport({ log, preference });
  const { port } = await transport.listen(
    {
      host: "127.0.0.1",
      port: 0,
      path: "/v1",
      maxMessageBytes: 1_048_576,
      maxBufferedBytes: 4_194_304,
      maxConnections: 20_000,
      peerAddress: "socket",
      allowedOrigins: [],
      bodies: [],
    },
    { connected: handle, request: () => ({ status: 200, headers: {}, body: "" }) },
  );
  process.on("message", () => {
    globalThis.gc?.();
    const report: ServerReport = { open, closed, residentBytes: process.memoryUsage.rss() };
    process.send?.(report);
  });
  process.on("disconnect", () => process.exit());
  process.send?.({ port });
}

const [, , preference] = process.argv;
if (preference === "uws" || preference === "portable") await main(preference);
