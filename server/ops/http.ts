/** What the relay answers over plain HTTP: whether it lives, whether it takes connections, and its metrics. */

import { createHash, timingSafeEqual } from "node:crypto";
import type { HttpRequest, HttpResponse } from "../ports.js";
import type { ExposedMetrics } from "./metrics.js";

/** Where a relay is in its life. `ready` is the only state in which it takes connections. */
export type RelayState = "starting" | "ready" | "draining" | "failed";

/** What the routes read. */
export interface HttpParts {
  state(): RelayState;
  readonly metrics: Pick<ExposedMetrics, "page">;
  /** The bearer token of /metrics; where there is none, only this machine is answered. */
  readonly metricsToken: string | undefined;
  readonly rootFingerprint: string;
  readonly version: string;
}

const NO_STORE = { "cache-control": "no-store", "x-content-type-options": "nosniff" } as const;

/** Answers one request. Knows GET and HEAD of `/`, `/health`, `/ready` and `/metrics`; anything else is 404 or 405. */
export function answerHttp(parts: HttpParts): (request: HttpRequest) => Promise<HttpResponse> {
  return async (request) => {
    const route = routes.get(request.path);
    if (route === undefined) return text(404, "Not found. This relay answers /, /health, /ready and /metrics.\n");
    if (request.method !== "GET" && request.method !== "HEAD") {
      const refusal = text(405, "Only GET.\n");
      return { ...refusal, headers: { ...refusal.headers, allow: "GET, HEAD" } };
    }
    const response = await route(parts, request);
    return request.method === "HEAD" ? { ...response, body: "" } : response;
  };
}

type Route = (parts: HttpParts, request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

const TEXT = "text/plain; charset=utf-8";

const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  [
    "/",
    ({ version, rootFingerprint }) =>
      text(
        200,
        `Sotto relay ${version}\nStores and forwards end-to-end encrypted envelopes; it cannot read them.\n` +
          `Root: ${rootFingerprint}\nClients connect to the WebSocket at /v1. Health: /health\n`,
      ),
  ],
  // Also 200 while draining, so that nothing kills a relay that is finishing its work.
  ["/health", (parts) => stateAnswer(parts, ["ready", "draining"])],
  ["/ready", (parts) => stateAnswer(parts, ["ready"])],
  ["/metrics", metricsAnswer],
]);

async function metricsAnswer({ metrics, metricsToken }: HttpParts, request: HttpRequest): Promise<HttpResponse> {
  if (!mayReadMetrics(metricsToken, request)) {
    const refusal = text(401, "Metrics need the bearer token, or a caller on this machine.\n");
    return { ...refusal, headers: { ...refusal.headers, "www-authenticate": "Bearer" } };
  }
  const { contentType, body } = await metrics.page();
  return { status: 200, headers: { ...NO_STORE, "content-type": contentType }, body };
}

function text(status: number, body: string): HttpResponse {
  return { status, headers: { ...NO_STORE, "content-type": TEXT }, body };
}

function stateAnswer({ state, version }: HttpParts, good: readonly RelayState[]): HttpResponse {
  const now = state();
  return {
    status: good.includes(now) ? 200 : 503,
    headers: { ...NO_STORE, "content-type": "application/json" },
    body: `${JSON.stringify({ status: now, version })}\n`,
  };
}

function mayReadMetrics(token: string | undefined, { headers, remoteAddress }: HttpRequest): boolean {
  if (token === undefined) return isLoopbackAddress(remoteAddress);
  const sha = (value: string) => createHash("sha256").update(value).digest();
  return timingSafeEqual(sha(headers.authorization ?? ""), sha(`Bearer ${token}`));
}

/** Whether an address is this machine's, in any of the forms sockets report it. */
export function isLoopbackAddress(address: string): boolean {
  const forms = [/^(::ffff:)?127\.\d+\.\d+\.\d+$/i, /^::1$/, /^(0+:){7}0*1$/, /^(0+:){5}ffff:7f[0-9a-f]{2}:/i];
  return forms.some((form) => form.test(address));
}
