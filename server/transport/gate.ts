/** What becomes of an HTTP request before the rules see it: the same verdict whichever transport runs. */

import type { ListenOptions } from "../ports.js";
import { plainAnswer, type WholeAnswer } from "./ask.js";
import { corsHeaders, type Headers, isAllowedOrigin, preflightAnswer } from "./cors.js";

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
  /** Of several lines, all of them, with commas between. */
  readonly contentLength: string;
  readonly transferEncoding: string;
  readonly requestedMethod: string;
}

/** What the listener can take at the moment. */
export interface Capacity {
  /** WebSockets open now. */
  readonly connections: number;
  readonly accepting: boolean;
  /** Whether one more body may come. */
  readonly takesBodies: boolean;
}

/**
 * `answer` is given by the transport itself; with `hangUp` the connection ends with it, because something may follow that
 * is no request. `ask` is for the rules, with the bytes of the body that follows, and 0 where there is none.
 */
export type Verdict =
  | { readonly kind: "upgrade" }
  | { readonly kind: "ask"; readonly headers: Headers; readonly bodyBytes: number }
  | { readonly kind: "answer"; readonly response: WholeAnswer; readonly hangUp: boolean };

type GateOptions = Pick<ListenOptions, "path" | "allowedOrigins" | "maxConnections" | "bodies">;

/** Decides; reads nothing else and changes nothing. */
export function judge(incoming: Incoming, options: GateOptions, capacity: Capacity): Verdict {
  const cors = corsHeaders(incoming.origin, options.allowedOrigins);
  const bodies = options.bodies.find(({ prefix }) => isWithin(incoming.path, prefix));
  if (hasBody(incoming)) return judgeBody(incoming, bodies?.maxBytes, capacity, cors);
  if (wantsWebSocket(incoming)) return judgeUpgrade(incoming, options, capacity);
  if (incoming.method === "OPTIONS" && incoming.origin !== "" && incoming.requestedMethod !== "") {
    if (!isAllowedOrigin(incoming.origin, options.allowedOrigins))
      return refuse(403, "Pages of this origin may not ask.");
    const response = preflightAnswer(cors, bodies === undefined ? "questions" : "uploads");
    return { kind: "answer", response, hangUp: false };
  }
  return { kind: "ask", headers: cors, bodyBytes: 0 };
}

/** Whether bytes follow the headers, or may. */
export function hasBody({ contentLength, transferEncoding }: Incoming): boolean {
  return transferEncoding !== "" || !/^0*$/.test(contentLength);
}

function judgeBody(incoming: Incoming, maxBytes: number | undefined, capacity: Capacity, cors: Headers): Verdict {
  const { contentLength, transferEncoding } = incoming;
  // RFC 9112 §6.3: two lengths, or one that is none, would let two readers see different requests.
  if (!/^\d*$/.test(contentLength)) return refuse(400, "Malformed Content-Length.", cors);
  if (maxBytes === undefined) return refuse(413, "This path takes no request bodies.", cors);
  if (transferEncoding !== "") return refuse(411, "A body needs a Content-Length, and no Transfer-Encoding.", cors);
  if (upgrades(incoming)) return refuse(400, "No body may come with an upgrade.", cors);
  const bodyBytes = Number(contentLength);
  if (bodyBytes > maxBytes) return refuse(413, `No more than ${maxBytes} bytes.`, cors);
  if (!capacity.accepting || !capacity.takesBodies) {
    return refuse(503, "The relay takes no more bodies now; send it again later.", { ...cors, "retry-after": "5" });
  }
  return { kind: "ask", headers: cors, bodyBytes };
}

function judgeUpgrade(incoming: Incoming, options: GateOptions, capacity: Capacity): Verdict {
  if (incoming.path !== options.path) return refuse(404, "There is no WebSocket on this path.");
  if (!isAllowedOrigin(incoming.origin, options.allowedOrigins)) {
    return refuse(403, "Pages of this origin may not connect.");
  }
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

function wantsWebSocket(incoming: Incoming): boolean {
  return incoming.upgrade.toLowerCase() === "websocket" && upgrades(incoming);
}

function upgrades({ connection, upgrade }: Incoming): boolean {
  return upgrade !== "" && /(^|,)\s*upgrade\s*(,|$)/i.test(connection);
}

/** Whole segments only: `/v1/uploads` is within itself and has `/v1/uploads/x` within, and not `/v1/uploadsx`. */
function isWithin(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

function refuse(status: number, text: string, headers: Headers = {}): Verdict {
  return { kind: "answer", response: plainAnswer(status, text, headers), hangUp: true };
}
