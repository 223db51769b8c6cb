/** What uWebSockets.js knows of a request, while it is valid. */

import { type RequestHeader, requestHeaders } from "../ports.js";
import type { Incoming } from "./gate.js";
import type { UwsRequest } from "./uws-api.js";

/** What the gate decides by. Strings only, so that it may be kept. */
export function incomingOf(request: UwsRequest): Incoming {
  return {
    method: request.getCaseSensitiveMethod(),
    path: request.getUrl(),
    origin: request.getHeader("origin"),
    connection: request.getHeader("connection"),
    upgrade: request.getHeader("upgrade"),
    webSocketKey: request.getHeader("sec-websocket-key"),
    webSocketVersion: request.getHeader("sec-websocket-version"),
    contentLength: allOf(request, "content-length"),
    transferEncoding: allOf(request, "transfer-encoding"),
    requestedMethod: request.getHeader("access-control-request-method"),
  };
}

/** `getHeader` answers the first of several lines, by which the library goes too; a second length must not go unseen. */
function allOf(request: UwsRequest, wanted: string): string {
  const values: string[] = [];
  request.forEach((name, value) => {
    if (name === wanted) values.push(value);
  });
  return values.join(", ");
}

const asked: ReadonlySet<string> = new Set(requestHeaders);

function isAskedFor(name: string): name is RequestHeader {
  return asked.has(name);
}

/** The headers the rules may ask for; several lines of one with commas between, as in RFC 9110 §5.3. */
export function headersOf(request: UwsRequest): Partial<Record<RequestHeader, string>> {
  const headers: Partial<Record<RequestHeader, string>> = {};
  request.forEach((name, value) => {
    if (!isAskedFor(name) || value === "") return;
    const before = headers[name];
    headers[name] = before === undefined ? value : `${before}, ${value}`;
  });
  return headers;
}
