/** Calls into the rules that must not take a transport down with them. */

import { closeCodes } from "@sotto/protocol";
import type { Connection, HttpRequest, HttpResponse, Log, TransportHandlers } from "../ports.js";
import type { TransferBounds } from "./bounds.js";
import type { Headers } from "./cors.js";
import type { IncomingBody } from "./incoming-body.js";

/** An answer that is not a stream. */
export interface WholeAnswer extends HttpResponse {
  readonly body: string | Uint8Array;
}

/** What both transports may be given. */
export interface TransportOptions {
  /** Gets what the rules threw, which is a bug of ours; without a log it ends as an uncaught exception. */
  readonly log?: Log;
  /** `transferBounds` unless given; for tests. */
  readonly bounds?: TransferBounds;
}

/** Receives what a handler threw, with the name of the event that says where. */
export type Complain = (event: "connectionHandlerThrew" | "requestHandlerThrew", cause: unknown) => void;

/** Complaints go to the log, or where uncaught exceptions go. */
export function complainTo(log: Log | undefined): Complain {
  return (event, cause) => {
    if (log === undefined) {
      queueMicrotask(() => {
        throw cause;
      });
    } else {
      log.error(event, cause);
    }
  };
}

/** Runs a handler for one socket; if it throws, that socket is closed with 4500 and the others go on. */
export function guarded(connection: Connection, complain: Complain, work: () => void): void {
  try {
    work();
  } catch (cause) {
    complain("connectionHandlerThrew", cause);
    connection.close(closeCodes.internal, "internal");
  }
}

/**
 * The rules' answer to a request with the gate's headers added, or 500 if they failed. That they let a body's own failure
 * through is no bug: the peer is gone, or too slow.
 */
export async function ask(
  handlers: TransportHandlers,
  request: HttpRequest & { readonly body: IncomingBody | undefined },
  headers: Headers,
  complain: Complain,
): Promise<HttpResponse> {
  try {
    const response = await handlers.request(request);
    return { ...response, headers: { ...response.headers, ...headers } };
  } catch (cause) {
    if (cause === request.body?.failure && cause !== undefined)
      return plainAnswer(408, "The body did not come.", headers);
    complain("requestHandlerThrew", cause);
    return plainAnswer(500, "Internal error.", headers);
  }
}

/** An answer in a line of text. */
export function plainAnswer(status: number, text: string, headers: Headers): WholeAnswer {
  return { status, headers: { ...headers, "content-type": "text/plain" }, body: `${text}\n` };
}
