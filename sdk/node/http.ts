/** HTTP to the relay by Node's own client: kept-alive connections, no redirects, no cookies, no proxy, no name of a program. */

import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { SottoError } from "@sotto/protocol";
import type { Http, HttpAnswer, HttpAsk } from "../core/ports.js";

/** A connection over which nothing moves either way for so long, before the answer began, is given up. */
const STALL_MS = 30_000;
/** An idle connection is kept for the next request; less than servers keep theirs. */
const IDLE_MS = 4_000;
/** A body that nobody wants is read to its end up to this size, which keeps the connection; else the connection goes. */
const MAX_UNWANTED_BYTES = 16_384;

const keeping = { keepAlive: true, timeout: IDLE_MS, scheduling: "lifo" } as const;
const plain = new HttpAgent(keeping);
const encrypted = new HttpsAgent(keeping);

/**
 * Asks the relay. Headers larger than 16 KiB are an error, by Node's default.
 *
 * @throws offline for what the network does; timeout; aborted.
 */
export const http: Http = (ask) =>
  new Promise((resolve, reject) => {
    const { signal } = ask;
    if (signal?.aborted === true) {
      reject(new SottoError("aborted"));
      return;
    }
    const request = begin(ask);
    let answered: IncomingMessage | undefined;
    // Behind a whole answer the connection is its next request's.
    const abort = () => void (answered?.complete === true || request.destroy(new SottoError("aborted")));
    signal?.addEventListener("abort", abort, { once: true });
    request.setTimeout(STALL_MS, () => void request.destroy(new SottoError("timeout")));
    request.once("close", () => signal?.removeEventListener("abort", abort));
    request.on("error", (cause) => reject(cause instanceof SottoError ? cause : new SottoError("offline", { cause })));
    request.once("response", (response) => {
      // How long a body may take is its reader's to say: it may be slow on purpose.
      request.setTimeout(0);
      answered = response;
      resolve(answerOf(request, response));
    });
    request.end(ask.body);
  });

function begin({ method, url, headers, body }: HttpAsk): ClientRequest {
  const length = body === undefined ? (method === "POST" || method === "PATCH" ? 0 : undefined) : body.length;
  const sent = length === undefined ? headers : { ...headers, "content-length": `${length}` };
  return url.startsWith("https:")
    ? httpsRequest(url, { method, headers: sent, agent: encrypted })
    : httpRequest(url, { method, headers: sent, agent: plain });
}

function answerOf(request: ClientRequest, response: IncomingMessage): HttpAnswer {
  const { statusCode = 0, headers } = response;
  // Whoever cancels hears no error any more.
  response.on("error", () => undefined);
  return {
    status: statusCode,
    header(name) {
      const value = headers[name];
      return Array.isArray(value) ? value.join(", ") : value;
    },
    body: response,
    cancel() {
      const isSmall = Number(headers["content-length"] ?? Number.POSITIVE_INFINITY) <= MAX_UNWANTED_BYTES;
      const isEmpty = statusCode === 204 || statusCode === 304 || request.method === "HEAD";
      // An answer before the whole request was read: what is left of it must not go over a connection that is kept.
      if (request.writableFinished && (isSmall || isEmpty)) response.resume();
      else request.destroy();
    },
  };
}
