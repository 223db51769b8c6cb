/** Answers requests of the desk's interface: limits, who asks, the body, the service, and what went wrong in words. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { SottoError } from "@sotto/protocol";
import type { Log } from "../../ports.js";
import { DeskError, type DeskService, type Moderator } from "../api.js";
import type { BlobProxy } from "./blob-proxy.js";
import { BodyTooLarge, readJson } from "./body.js";
import type { CallerLimit, Callers } from "./callers.js";
import { plainHeaders } from "./headers.js";
import { type Answer, type Route, routeOf, type ServedDesk } from "./routes.js";

const statuses: Readonly<Record<DeskError["code"], number>> = {
  badRequest: 400,
  notSignedIn: 401,
  notAllowed: 403,
  notFound: 404,
  conflict: 409,
  tooMany: 429,
  unavailable: 503,
};

/** What the interface is made of. */
export interface InterfaceParts {
  readonly service: ServedDesk;
  readonly callers: Callers;
  readonly blobs: BlobProxy;
  readonly log: Log;
}

/** One request with its parsed address. */
export interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly address: string;
}

/** A refusal with the time to wait. */
class TooMany extends DeskError {
  constructor(readonly waitMs: number) {
    super("tooMany", "Too many requests; wait a little.");
  }
}

/** Answers one request. Never rejects. */
export async function answerInterface(parts: InterfaceParts, asked: Asked): Promise<void> {
  const { response } = asked;
  try {
    const answer = await answerTo(parts, asked);
    if (answer.kind === "blob") await parts.blobs.send(answer.id, asked.request, response);
    else send(response, answer);
  } catch (cause) {
    refuse(parts, asked, cause);
  }
}

async function answerTo({ service, callers }: InterfaceParts, asked: Asked): Promise<Answer> {
  const { request, url, address } = asked;
  const found = routeOf(request.method ?? "", url.pathname);
  if (found === undefined || found === "otherMethod") throw new DeskError("notFound", "There is nothing here.");
  const { route, ids } = found;
  if (route.access === "anybody" && route.method === "POST") spend(callers, "strangers", address);
  const token = tokenOf(request);
  const by = await whoAsks(service, route, token);
  if (by !== undefined) spend(callers, "session", by.id);
  if (by !== undefined && route.path[2] === "blobs") spend(callers, "blobs", by.id);
  const body = route.method === "POST" ? await readJson(request, route.maxBytes) : undefined;
  return route.answer({ service, by: by ?? NOBODY, ids, query: url.searchParams, body, token });
}

/** Stands for who is not signed in; no row that lets anybody in looks at it. */
const NOBODY: Moderator = { id: "", name: "", role: "auditor", teams: [], box: "", holds: [], left: true };

async function whoAsks(service: DeskService, route: Route, token: string): Promise<Moderator | undefined> {
  if (route.access === "anybody") return undefined;
  if (token === "") throw new DeskError("notSignedIn", "Sign in first.");
  return service.signedIn(token);
}

function spend(callers: Callers, limit: CallerLimit, key: string): void {
  const waitMs = callers.take(limit, key);
  if (waitMs > 0) throw new TooMany(waitMs);
}

/** The bearer token; empty if there is none that could be one. */
function tokenOf(request: IncomingMessage): string {
  return /^Bearer ([A-Za-z0-9_=+/.~-]{16,256})$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
}

function send(response: ServerResponse, answer: Exclude<Answer, { kind: "blob" }>): void {
  switch (answer.kind) {
    case "done":
      response.writeHead(204, plainHeaders).end();
      break;
    case "json":
      sendJson(response, 200, answer.value ?? null);
      break;
    case "file":
      response
        .writeHead(200, {
          ...plainHeaders,
          "content-type": "application/octet-stream",
          "content-disposition": `attachment; filename="${answer.name}"`,
          "content-length": answer.bytes.length,
        })
        .end(answer.bytes);
      break;
    default:
      answer satisfies never;
  }
}

function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  more: Readonly<Record<string, string>> = {},
) {
  const text = JSON.stringify(value);
  const headers = { ...plainHeaders, "content-type": "application/json; charset=utf-8", ...more };
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(text) }).end(text);
}

/** Says no in words, and what went wrong with us in the log only. */
export function refuse({ log }: Pick<InterfaceParts, "log">, { request, response }: Asked, cause: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  if (cause instanceof BodyTooLarge) {
    const error = { code: "badRequest", message: "The body is too large." };
    // What is still on its way is not read.
    sendJson(response, 413, { error }, { connection: "close" });
    return;
  }
  const refusal = refusalOf(cause);
  if (refusal === undefined) {
    log.error("consoleRequestFailed", cause);
    sendJson(response, 500, { error: { code: "unavailable", message: "The desk failed; its log says why." } });
    return;
  }
  const more = {
    ...(refusal instanceof TooMany ? { "retry-after": String(Math.ceil(refusal.waitMs / 1_000)) } : {}),
    ...(refusal.code === "notSignedIn" ? { "www-authenticate": "Bearer" } : {}),
    ...(request.complete ? {} : { connection: "close" }),
  };
  sendJson(response, statuses[refusal.code], { error: { code: refusal.code, message: refusal.message } }, more);
}

function refusalOf(cause: unknown): DeskError | undefined {
  if (cause instanceof DeskError) return cause;
  if (!(cause instanceof SottoError)) return undefined;
  switch (cause.code) {
    case "offline":
    case "busy":
    case "timeout":
      return new DeskError("unavailable", "The relay is away; try again.");
    case "badFrame":
    case "invalidArgument":
      return new DeskError("badRequest", "Something in the request does not fit.");
    default:
      return undefined;
  }
}
