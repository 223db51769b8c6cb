/** What becomes of an HTTP request before the rules see it: the same verdict whichever transport runs. */

import type { HttpResponse, ListenOptions } from "../ports.js";

/** The parts of a request the gate decides by; a header that was not sent is an empty string. */
export interface Incoming {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly origin: string;
  readonly connection: string;
  readonly upgrade: string;
  readonly webSocketKey: string;
  readonly webSocketVersion: string;
  readonly contentLength: string;
  readonly transferEncoding: string;
  readonly requestedMethod: string;
}

/** What the listener can take at the moment. */
export interface Capacity {
  /** WebSockets open now. */
  readonly connections: number;
  readonly accepting: boolean;
}

/** Header lines of an answer, by lower-case name. */
export type Headers = Readonly<Record<string, string>>;

/** `answer` is given by the transport itself; with `hangUp` the connection ends with it, because a body may follow. */
export type Verdict =
  | { readonly kind: "upgrade" }
  | { readonly kind: "ask"; readonly headers: Headers }
  | { readonly kind: "answer"; readonly response: HttpResponse; readonly hangUp: boolean };

type GateOptions = Pick<ListenOptions, "path" | "allowedOrigins" | "maxConnections">;

/** Decides; reads nothing else and changes nothing. */
export function judge(incoming: Incoming, options: GateOptions, capacity: Capacity): Verdict {
  if (hasBody(incoming)) return refuse(413, "This relay takes no request bodies.");
  if (wantsWebSocket(incoming)) return judgeUpgrade(incoming, options, capacity);
  const cors = corsHeaders(incoming.origin, options.allowedOrigins);
  if (incoming.method === "OPTIONS" && incoming.origin !== "" && incoming.requestedMethod !== "") {
    return preflight(incoming.origin, cors, options.allowedOrigins);
  }
  return { kind: "ask", headers: cors };
}

function judgeUpgrade(incoming: Incoming, options: GateOptions, capacity: Capacity): Verdict {
  if (incoming.path !== options.path) return refuse(404, "There is no WebSocket on this path.");
  if (!isAllowed(incoming.origin, options.allowedOrigins)) return refuse(403, "Pages of this origin may not connect.");
  // RFC 6455 §4.2.1: a GET with a key of 16 bytes in base64 and version 13.
  const wellFormed = incoming.method === "GET" && /^[+/0-9A-Za-z]{22}==$/.test(incoming.webSocketKey);
  if (!wellFormed || incoming.webSocketVersion !== "13") {
    return refuse(400, "Malformed WebSocket handshake.", { "sec-websocket-version": "13" });
  }
  if (!capacity.accepting || capacity.connections >= options.maxConnections) {
    return refuse(503, "The relay is full or draining; connect again later.", { "retry-after": "5" });
  }
  return { kind: "upgrade" };
}

function wantsWebSocket({ connection, upgrade }: Incoming): boolean {
  return upgrade.toLowerCase() === "websocket" && /(^|,)\s*upgrade\s*(,|$)/i.test(connection);
}

function hasBody({ contentLength, transferEncoding }: Incoming): boolean {
  return transferEncoding !== "" || !/^0*$/.test(contentLength);
}

/** No `Origin` is no browser: those always send one with an upgrade. */
function isAllowed(origin: string, allowed: readonly string[]): boolean {
  return origin === "" || allowed.includes("*") || allowed.includes(origin);
}

function corsHeaders(origin: string, allowed: readonly string[]): Headers {
  if (allowed.includes("*")) return { "access-control-allow-origin": "*" };
  if (origin !== "" && allowed.includes(origin)) return { "access-control-allow-origin": origin, vary: "Origin" };
  return { vary: "Origin" };
}

function preflight(origin: string, cors: Headers, allowed: readonly string[]): Verdict {
  if (!isAllowed(origin, allowed)) return refuse(403, "Pages of this origin may not ask.");
  const headers = { ...cors, "access-control-allow-methods": "GET, HEAD", "access-control-max-age": "86400" };
  return { kind: "answer", response: { status: 204, headers, body: "" }, hangUp: false };
}

function refuse(status: number, text: string, headers: Headers = {}): Verdict {
  const response = { status, headers: { ...headers, "content-type": "text/plain" }, body: `${text}\n` };
  return { kind: "answer", response, hangUp: true };
}
