/** The answers that the routes of attachments have in common. */

import type { HttpResponse } from "../../ports.js";

type Headers = Readonly<Record<string, string>>;

/** What every answer carries but a blob itself: nothing is kept by caches, nothing is taken for a page. */
const NO_STORE = { "cache-control": "no-store", "x-content-type-options": "nosniff" } as const;

/** An answer without a body. */
export function empty(status: number, headers: Headers = {}): HttpResponse {
  return { status, headers: { ...NO_STORE, ...headers }, body: "" };
}

/** An answer of one line, for people; programs go by the status. */
export function said(status: number, line: string, headers: Headers = {}): HttpResponse {
  return {
    status,
    headers: { ...NO_STORE, "content-type": "text/plain; charset=utf-8", ...headers },
    body: `${line}\n`,
  };
}

/** 404, for what is not there, not whole, expired, deleted, or no name at all: nobody is told which. */
export function notFound(): HttpResponse {
  return said(404, "There is nothing here.");
}

/** 405 with the methods there are. */
export function onlyMethods(allow: string): HttpResponse {
  return said(405, `Only ${allow}.`, { allow });
}

/** 429, with the time a limiter said. */
export function tooMany(retryAfterMs: number): HttpResponse {
  return said(429, "Too many requests.", { "retry-after": String(Math.ceil(retryAfterMs / 1_000)) });
}

/** 503: not now. */
export function notNow(): HttpResponse {
  return said(503, "Not now; try again soon.", { "retry-after": "5" });
}

/** 507 (RFC 4918 §11.5): the disk, or the room the operator gave to attachments, is full. */
export function noRoom(headers: Headers = {}): HttpResponse {
  return said(507, "There is no room.", headers);
}
