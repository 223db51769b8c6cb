/** The socket server on node:http and ws: slower, and runs wherever Node runs. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { closeCodes } from "@sotto/protocol";
import { WebSocketServer } from "ws";
import {
  type Listening,
  type ListenOptions,
  type RequestHeader,
  requestHeaders,
  type Transport,
  type TransportHandlers,
} from "../ports.js";
import { complainTo, type TransportOptions } from "./ask.js";
import {
  CLOSE_GRACE_MS,
  cannotListen,
  LINGER_MS,
  MAX_HEADER_BYTES,
  REQUEST_MS,
  SPARE_HTTP_SOCKETS,
  transferBounds,
} from "./bounds.js";
import { answerAndHangUp, type ExchangeShared, exchange, exchangeShared } from "./exchange.js";
import { type Incoming, judge, type Verdict } from "./gate.js";
import { IncomingBody } from "./incoming-body.js";
import { peerAddress } from "./peer-address.js";
import { PortableConnection, type PortableShared } from "./portable-connection.js";
import { isHungUp, PortableWire } from "./portable-wire.js";

/** A transport on node:http and ws. */
export function portableTransport(options: TransportOptions = {}): Transport {
  return {
    name: "node:http + ws",
    async listen(listenOptions, handlers) {
      const listening = new PortableListening(listenOptions, handlers, options);
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
  private readonly exchanges: ExchangeShared;
  private closing: Promise<void> | undefined;
  private readonly closed: Promise<void>;
  private isAccepting = true;
  /** TCP connections that are not WebSockets (yet). */
  private readonly httpSockets = new Set<Duplex>();

  constructor(
    private readonly options: ListenOptions,
    handlers: TransportHandlers,
    { log, bounds = transferBounds }: TransportOptions,
  ) {
    const complain = complainTo(log);
    this.shared = { options, handlers, complain, open: new Set() };
    this.exchanges = exchangeShared(handlers, complain, bounds);
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
      // Bodies are bounded by their progress, not by their time.
      requestTimeout: 0,
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
    if (isHungUp(request)) return;
    const incoming = read(request);
    const verdict = judge(incoming, this.options, this.capacity());
    const wire = new PortableWire(request, response, incoming.method);
    switch (verdict.kind) {
      case "answer":
        if (verdict.hangUp) void answerAndHangUp(this.exchanges.bounds, verdict.response, wire);
        else wire.answer(verdict.response);
        break;
      case "ask":
        this.ask(request, incoming, verdict, wire);
        break;
      case "upgrade":
        // Node.js reports every handshake as an upgrade, never as a request.
        request.socket.destroy();
        break;
      default:
        verdict satisfies never;
    }
  }

  private ask(
    request: IncomingMessage,
    { method, path }: Incoming,
    { headers, bodyBytes }: Extract<Verdict, { kind: "ask" }>,
    wire: PortableWire,
  ): void {
    const body = bodyBytes === 0 ? undefined : this.bodyOf(request, bodyBytes, wire);
    const asked = { method, path, remoteAddress: this.peerOf(request), headers: headersOf(request) };
    void exchange(this.exchanges, { request: asked, headers, body }, wire);
  }

  private bodyOf(request: IncomingMessage, bodyBytes: number, wire: PortableWire): IncomingBody {
    const body = new IncomingBody(bodyBytes, request, this.exchanges.room, this.exchanges.bounds);
    request.pause();
    request.on("data", (piece: Buffer) => body.push(new Uint8Array(piece.buffer, piece.byteOffset, piece.length)));
    wire.gone.addEventListener("abort", () => body.fail(new Error("the sender of a body went")));
    return body;
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
    const takesBodies = this.exchanges.slots.isOneFree;
    return { connections: this.shared.open.size, accepting: this.isAccepting, takesBodies };
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

/** The headers the rules may ask for; several lines of one with commas between, as in RFC 9110 §5.3. */
function headersOf({ headersDistinct }: IncomingMessage): Partial<Record<RequestHeader, string>> {
  const headers: Partial<Record<RequestHeader, string>> = {};
  for (const name of requestHeaders) {
    const value = headersDistinct[name]?.filter((line) => line !== "").join(", ") ?? "";
    if (value !== "") headers[name] = value;
  }
  return headers;
}
