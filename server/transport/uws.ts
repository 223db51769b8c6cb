/** The socket server on uWebSockets.js: the fast one. */

import { lookup } from "node:dns/promises";
import { closeCodes } from "@sotto/protocol";
import type { Listening, ListenOptions, Transport, TransportHandlers } from "../ports.js";
import { complainTo, type TransportOptions } from "./ask.js";
import { CLOSE_GRACE_MS, cannotListen, SPARE_HTTP_SOCKETS, TOO_LONG_SLACK_BYTES, transferBounds } from "./bounds.js";
import { answerAndHangUp, type ExchangeShared, exchange, exchangeShared } from "./exchange.js";
import { type Incoming, judge, type Verdict } from "./gate.js";
import { IncomingBody } from "./incoming-body.js";
import { KeptBytes } from "./kept-bytes.js";
import { loadUws } from "./load-uws.js";
import { peerAddress } from "./peer-address.js";
import type { UwsApp, UwsContext, UwsListenSocket, UwsModule, UwsRequest, UwsResponse } from "./uws-api.js";
import { UwsConnection, type UwsData, type UwsShared } from "./uws-connection.js";
import { headersOf, incomingOf } from "./uws-request.js";
import { UwsWire } from "./uws-wire.js";

/** As `TransportOptions`. */
interface UwsTransportOptions extends TransportOptions {
  /** The loaded module; what `loadUws` finds unless given. */
  readonly module?: UwsModule;
}

/**
 * Seconds without a byte from the peer after which the socket is pinged and then ended: the longest there is, because
 * silence is the rules' business. A socket we ended gets 16 s by the same setting.
 */
const IDLE_SECONDS = 960;

/**
 * A transport on uWebSockets.js.
 *
 * @throws Error with the reasons if the module is neither given nor found.
 */
export function uwsTransport(options: UwsTransportOptions = {}): Transport {
  const module = options.module ?? found();
  return {
    name: "uWebSockets.js",
    async listen(listenOptions, handlers) {
      // Where a name has several addresses, uWebSockets.js prefers IPv6; Node's order is the one people expect.
      const { address } = await lookup(listenOptions.host).catch((cause) =>
        Promise.reject(cannotListen(listenOptions, cause)),
      );
      return new UwsListening(module, { ...listenOptions, host: address }, handlers, options);
    },
  };
}

function found(): UwsModule {
  const uws = loadUws();
  if (uws.kind === "absent") throw new Error(`uWebSockets.js does not run here: ${uws.reason}`);
  return uws.module;
}

class UwsListening implements Listening {
  readonly port: number;
  private readonly app: UwsApp;
  private readonly shared: UwsShared;
  private readonly exchanges: ExchangeShared;
  private listenSocket: UwsListenSocket | undefined;
  private closing: Promise<void> | undefined;
  /** TCP connections that are not WebSockets (yet). */
  private httpSockets = 0;

  constructor(
    private readonly module: UwsModule,
    private readonly options: ListenOptions,
    handlers: TransportHandlers,
    { log, bounds = transferBounds }: TransportOptions,
  ) {
    const complain = complainTo(log);
    this.shared = { options, handlers, complain, received: new KeptBytes(), open: new Set() };
    this.exchanges = exchangeShared(handlers, complain, bounds);
    this.app = module.App();
    this.route();
    this.listenSocket = this.bind();
    this.port = module.us_socket_local_port(this.listenSocket);
  }

  stopAccepting(): void {
    const socket = this.listenSocket;
    if (socket === undefined) return;
    this.listenSocket = undefined;
    this.module.us_listen_socket_close(socket);
  }

  close(): Promise<void> {
    this.closing ??= this.closeAll();
    return this.closing;
  }

  private async closeAll(): Promise<void> {
    this.stopAccepting();
    const open = [...this.shared.open];
    for (const connection of open) connection.close(closeCodes.unavailable, "closing");
    // An ended socket reports nothing more, so there is no event to wait for.
    if (open.length > 0) await new Promise((resolve) => setTimeout(resolve, CLOSE_GRACE_MS));
    this.app.close();
  }

  private bind(): UwsListenSocket {
    let bound: UwsListenSocket | false = false;
    this.app.listen(this.options.host, this.options.port, this.module.LIBUS_LISTEN_EXCLUSIVE_PORT, (socket) => {
      bound = socket;
    });
    if (!bound) throw cannotListen(this.options);
    return bound;
  }

  private route(): void {
    const { path, maxMessageBytes, maxBufferedBytes } = this.options;
    this.app.filter((response, change) => this.admit(response, change));
    this.app.ws<UwsData>(path, {
      compression: this.module.DISABLED,
      maxPayloadLength: maxMessageBytes + TOO_LONG_SLACK_BYTES,
      // Above our own cap by a message and its close frame; also bounds the pongs of a peer that only pings.
      maxBackpressure: maxBufferedBytes + 2 * maxMessageBytes + TOO_LONG_SLACK_BYTES,
      idleTimeout: IDLE_SECONDS,
      sendPingsAutomatically: true,
      upgrade: (response, request, context) => this.serve(response, request, context),
      open: (socket) => socket.getUserData().connection.onOpen(socket),
      message: (socket, message, isBinary) => socket.getUserData().connection.onMessage(message, isBinary),
      drain: (socket) => socket.getUserData().connection.onDrain(),
      close: (socket) => socket.getUserData().connection.onClose(),
    });
    this.app.any("/*", (response, request) => this.serve(response, request, undefined));
  }

  private admit(response: UwsResponse, change: number): void {
    this.httpSockets += change;
    if (change > 0 && this.httpSockets > this.options.maxConnections + SPARE_HTTP_SOCKETS) response.close();
  }

  private serve(response: UwsResponse, request: UwsRequest, context: UwsContext | undefined): void {
    const incoming = incomingOf(request);
    const verdict = judge(incoming, this.options, {
      connections: this.shared.open.size,
      accepting: this.listenSocket !== undefined,
      takesBodies: this.exchanges.slots.isOneFree,
    });
    switch (verdict.kind) {
      case "answer":
        this.answer(new UwsWire(response, incoming.method), verdict);
        break;
      case "ask":
        this.ask(response, request, incoming, verdict);
        break;
      case "upgrade":
        // Every handshake that passes the gate comes in through the WebSocket route, which has a context.
        if (context === undefined) response.close();
        else this.upgrade(response, request, context);
        break;
      default:
        verdict satisfies never;
    }
  }

  private answer(wire: UwsWire, { response, hangUp }: Extract<Verdict, { kind: "answer" }>): void {
    if (hangUp) {
      wire.readBody(() => {});
      void answerAndHangUp(this.exchanges.bounds, response, wire);
    } else {
      wire.answer(response);
    }
  }

  private ask(
    response: UwsResponse,
    request: UwsRequest,
    { method, path }: Incoming,
    { headers, bodyBytes }: Extract<Verdict, { kind: "ask" }>,
  ): void {
    const wire = new UwsWire(response, method);
    const body = bodyBytes === 0 ? undefined : this.bodyOf(wire, bodyBytes);
    const asked = { method, path, remoteAddress: this.peerOf(response, request), headers: headersOf(request) };
    void exchange(this.exchanges, { request: asked, headers, body }, wire);
  }

  private bodyOf(wire: UwsWire, bodyBytes: number): IncomingBody {
    const body = new IncomingBody(bodyBytes, wire, this.exchanges.room, this.exchanges.bounds);
    wire.readBody((piece) => body.push(new Uint8Array(piece.slice(0))));
    wire.gone.addEventListener("abort", () => body.fail(new Error("the sender of a body went")));
    return body;
  }

  private upgrade(response: UwsResponse, request: UwsRequest, context: UwsContext): void {
    this.httpSockets -= 1;
    const connection = new UwsConnection(this.shared, this.peerOf(response, request));
    response.upgrade<UwsData>({ connection }, request.getHeader("sec-websocket-key"), "", "", context);
  }

  private peerOf(response: UwsResponse, request: UwsRequest): string {
    let forwardedFor: string | undefined;
    if (this.options.peerAddress === "forwarded") {
      // `getHeader` answers the first of several, which is the peer's own; a proxy may add its line behind.
      request.forEach((name, value) => {
        if (name === "x-forwarded-for") forwardedFor = value;
      });
    }
    return peerAddress(Buffer.from(response.getRemoteAddressAsText()).toString("latin1"), forwardedFor);
  }
}
