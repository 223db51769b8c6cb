/** A WebSocket server on a free port of this machine, whose connections' TCP sockets are in reach. */

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";

/** A listening server. */
export interface Loopback {
  /** `http://127.0.0.1:port`, the form an app gives. */
  readonly url: string;
  /** Destroys every socket, takes no more, and resolves when the port is free. Idempotent. */
  close(): Promise<void>;
}

/** Listens; every upgraded connection goes to `connected`, with the TCP socket below it. */
export async function listen(connected: (socket: WebSocket, tcp: Duplex) => void): Promise<Loopback> {
  const http = createServer((_, response) => response.writeHead(426).end());
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const open = new Set<Duplex>();
  http.on("upgrade", (request: IncomingMessage, tcp: Duplex, head: Buffer) => {
    open.add(tcp);
    tcp.once("close", () => open.delete(tcp));
    tcp.on("error", () => undefined);
    sockets.handleUpgrade(request, tcp, head, (socket) => {
      socket.on("error", () => undefined);
      connected(socket, tcp);
    });
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { port } = http.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      closing ??= new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
        for (const tcp of open) tcp.destroy();
      });
      return closing;
    },
  };
}
