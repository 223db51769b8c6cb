/** Which pages may read the relay's answers, and what they may ask with. */

import { requestHeaders } from "../ports.js";

/** Header lines of an answer, by lower-case name. */
export type Headers = Readonly<Record<string, string>>;

/** What a page reads besides the headers every page may: those of tus, of ranges and of refusals. */
const EXPOSED = [
  "accept-ranges",
  "content-range",
  "etag",
  "location",
  "retry-after",
  "tus-extension",
  "tus-max-size",
  "tus-resumable",
  "tus-version",
  "upload-expires",
  "upload-length",
  "upload-metadata",
  "upload-offset",
].join(", ");

/** Whether a page of this origin may ask. No `Origin` is no browser: those always send one with an upgrade. */
export function isAllowedOrigin(origin: string, allowed: readonly string[]): boolean {
  return origin === "" || allowed.includes("*") || allowed.includes(origin);
}

/** What goes with every answer to a request from this origin. */
export function corsHeaders(origin: string, allowed: readonly string[]): Headers {
  const exposed = { "access-control-expose-headers": EXPOSED };
  if (allowed.includes("*")) return { "access-control-allow-origin": "*", ...exposed };
  if (origin === "" || !allowed.includes(origin)) return { vary: "Origin" };
  return { "access-control-allow-origin": origin, vary: "Origin", ...exposed };
}

/** The answer to an allowed page that asks what it may send. */
export function preflightAnswer(cors: Headers, takes: "questions" | "uploads") {
  const headers = {
    ...cors,
    "access-control-allow-methods": takes === "uploads" ? "GET, HEAD, POST, PATCH, DELETE" : "GET, HEAD",
    "access-control-allow-headers": requestHeaders.join(", "),
    "access-control-max-age": "86400",
  };
  return { status: 204, headers, body: "" } as const;
}
