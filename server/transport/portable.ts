/** The socket server on node:http and ws: slower, and runs wherever Node runs. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { closeCodes } from "@sotto/protocol";
import { WebSocketServer } from "ws";
import type { HttpResponse, Listening, ListenOptions, Transport, TransportHandlers } from "../ports.js";
import { ask, type Complain, complainTo, type TransportOptions } from "./ask.js";
import { CLOSE_GRACE_MS, cannotListen, LINGER_MS, MAX_HEADER_BYTES, REQUEST_MS, SPARE_HTTP_SOCKETS } from "./bounds.js";
import { type Headers, type Incoming, judge } from "./gate.js";
import { peerAddress } from "./peer-address.js";
import { PortableConnection, type PortableShared } from "./portable-connection.js";

/** A transport on node:http and ws. */
export function portableTransport(options: TransportOptions = {}): Transport {
  return {
    name: "node:http + ws",
    async listen(listenOptions, handlers) {
      const listening = new PortableListening(listenOptions, handlers, complainTo(options.log));
      await listening.bind();
      return listening;
    },
  };
}

class PortableListening implements Listening {
  /** Set by `bind`. */
  port = 0;
  private readonly server: Server;
  private readonly webSockets: WebSocketServer;
  private readonly shared: PortableShared;
  private closing: Promise<void> | undefined;
  private readonly closed: Promise<void>;
  private isAccepting = true;
  /** TCP connections that are not WebSockets (yet). */
  private readonly httpSockets = new Set<Duplex>();

  constructor(
    private readonly options: ListenOptions,
    private readonly handlers: TransportHandlers,
    private readonly complain: Complain,
  ) {
    this.shared = { options, handlers, complain, open: new Set() };
    const webSocketOptions = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.maxMessageBytes,
      handleProtocols: (): false => false,
      // Not yet in the published types.
      closeTimeout: LINGER_MS,
    };
    this.webSockets = new WebSocketServer(webSocketOptions);
    this.server = createServer({
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: REQUEST_MS,
      connectionsCheckingInterval: REQUEST_MS / 5,
      keepAlive: true,
      noDelay: true,
    });
    this.closed = new Promise((resolve) => this.server.once("close", resolve));
    this.server.on("connection", (socket: Socket) => this.admit(socket));
    this.server.on("request", (request, response) => this.serve(request, response));
    this.server.on("upgrade", (request, socket, head) => this.serveUpgrade(request, socket, head));
  }

  /** Binds the port of the options. @throws Error if it cannot be had. */
  async bind(): Promise<void> {
    const { host, port } = this.options;
    try {
      this.server.listen({ host, port, exclusive: true });
      await once(this.server, "listening");
    } catch (cause) {
      throw cannotListen(this.options, cause);
    }
    const address: AddressInfo | string | null = this.server.address();
    if (address !== null && typeof address === "object") this.port = address.port;
  }

  stopAccepting(): void {
    if (!this.isAccepting) return;
    this.isAccepting = false;
    this.server.close();
  }

  close(): Promise<void> {
    this.closing ??= this.closeAll();
    return this.closing;
  }

  private async closeAll(): Promise<void> {
    this.stopAccepting();
    for (const connection of this.shared.open) connection.close(closeCodes.unavailable, "closing");
    this.server.closeAllConnections();
    const cutOff = setTimeout(() => {
      for (const connection of this.shared.open) connection.terminate();
      for (const socket of this.httpSockets) socket.destroy();
    }, CLOSE_GRACE_MS);
    await this.closed;
    clearTimeout(cutOff);
  }

  private admit(socket: Socket): void {
    if (this.httpSockets.size >= this.options.maxConnections + SPARE_HTTP_SOCKETS) return void socket.destroy();
    this.httpSockets.add(socket);
    socket.once("close", () => this.httpSockets.delete(socket));
  }

  private serve(request: IncomingMessage, response: ServerResponse): void {
    const incoming = read(request);
    const verdict = judge(incoming, this.options, this.capacity());
    switch (verdict.kind) {
      case "answer":
        write(response, incoming.method, verdict.response, verdict.hangUp);
        break;
      case "ask":
        this.ask(request, response, incoming, verdict.headers);
        break;
      case "upgrade":
        // Node.js reports every handshake as an upgrade, never as a request.
        request.socket.destroy();
        break;
      default:
        verdict satisfies never;
    }
  }

  private ask(request: IncomingMessage, response: ServerResponse, { method, path }: Incoming, headers: Headers): void {
    const { authorization } = request.headers;
    const asked = { method, path, remoteAddress: this.peerOf(request), authorization };
    ask(this.handlers, asked, headers, this.complain).then((answer) => write(response, method, answer, false));
  }

  private serveUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const verdict = judge(read(request), this.options, this.capacity());
    if (verdict.kind === "upgrade") {
      this.webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        this.httpSockets.delete(socket);
        new PortableConnection(this.shared, webSocket, socket, this.peerOf(request)).open();
      });
      return;
    }
    // Node.js no longer serves this socket: answer on it ourselves, then hang up.
    socket.on("error", () => socket.destroy());
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(request.socket);
    response.once("finish", () => socket.end(() => socket.destroy()));
    this.serve(request, response);
  }

  private capacity() {
    return { connections: this.shared.open.size, accepting: this.isAccepting };
  }

  private peerOf(request: IncomingMessage): string {
    const forwarded = this.options.peerAddress === "forwarded" ? request.headers["x-forwarded-for"] : undefined;
    return peerAddress(request.socket.remoteAddress ?? "", Array.isArray(forwarded) ? forwarded.at(-1) : forwarded);
  }
}

function read({ method = "", url = "", headers }: IncomingMessage): Incoming {
  return {
    method,
    path: url.split("?", 1)[0] ?? "",
    origin: headers.origin ?? "",
    connection: headers.connection ?? "",
    upgrade: headers.upgrade ?? "",
    webSocketKey: headers["sec-websocket-key"] ?? "",
    webSocketVersion: headers["sec-websocket-version"] ?? "",
    contentLength: headers["content-length"] ?? "",
    transferEncoding: headers["transfer-encoding"] ?? "",
    requestedMethod: headers["access-control-request-method"] ?? "",
  };
}

function write(response: ServerResponse, method: string, answer: HttpResponse, hangUp: boolean): void {
  if (hangUp) response.shouldKeepAlive = false;
  response.writeHead(answer.status, { ...answer.headers, "content-length": Buffer.byteLength(answer.body) });
  response.end(method === "HEAD" ? undefined : answer.body);
}
