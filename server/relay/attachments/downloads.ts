/**
 * Downloads: `GET` and `HEAD` of `/v1/blobs/<id>`, whole or one range of it. Who knows the id may read; there is nothing to
 * read before the blob is whole, and nothing in it that a browser would run.
 */

import { type BlobId, type HttpRequest, type HttpResponse, parseBlobId } from "../../ports.js";
import type { Rules } from "../rules.js";
import { notFound, notNow, onlyMethods, said, tooMany } from "./answers.js";
import { type ByteRange, readRange } from "./byte-range.js";
import { beginPieces } from "./download-pieces.js";

/** What blobs are below. */
export const BLOBS_PATH = "/v1/blobs/";

/** Whatever somebody uploaded, a browser that is sent here shows and runs nothing of it. */
const INERT = {
  "content-type": "application/octet-stream",
  "content-disposition": "attachment",
  "content-security-policy": "sandbox; default-src 'none'",
  "x-content-type-options": "nosniff",
} as const;

/** Answers a request for anything below `BLOBS_PATH`. */
export async function answerDownload(rules: Rules, request: HttpRequest): Promise<HttpResponse> {
  const { method, path, remoteAddress } = request;
  const waitMs = rules.limiters.take("downloadsPerAddress", remoteAddress);
  if (waitMs > 0) return tooMany(waitMs);
  if (method !== "GET" && method !== "HEAD") return onlyMethods("GET, HEAD");
  const id = parseBlobId(path.slice(BLOBS_PATH.length));
  if (id === undefined) return notFound();
  const ended = rules.isDraining ? undefined : rules.transfers.begin(remoteAddress);
  if (ended === undefined) return notNow();
  let isSent = false;
  try {
    const answer = await download(rules, id, request);
    if (!("range" in answer)) return answer;
    const { head, range } = answer;
    const lengthBytes = range.to - range.from;
    if (method === "HEAD") return { ...head, body: { lengthBytes, pieces: UNASKED } };
    // From here on the transfer is theirs to end.
    isSent = true;
    const pieces = await beginPieces(rules, { id, range, ended });
    return pieces === undefined ? notFound() : { ...head, body: { lengthBytes, pieces } };
  } finally {
    if (!isSent) ended();
  }
}

/** The transport answers HEAD with the length, and asks for no piece. */
const UNASKED: AsyncIterable<Uint8Array> = (async function* () {})();

/** What a request asks for. */
interface Download {
  readonly head: Pick<HttpResponse, "status" | "headers">;
  readonly range: ByteRange;
}

async function download(
  rules: Rules,
  id: BlobId,
  { headers, method, remoteAddress }: HttpRequest,
): Promise<Download | HttpResponse> {
  const { blobs, clock, limiters, metrics } = rules;
  const state = await blobs.find(id);
  const leftMs = state === undefined ? 0 : state.expiresMs - clock.now();
  if (state === undefined || state.offset < state.lengthBytes || leftMs <= 0) {
    metrics.count("downloads", "absent");
    return notFound();
  }

  const { lengthBytes } = state;
  const etag = `"${id}"`;
  // A range means nothing to HEAD (RFC 9110 §14.2), and nothing if the client has the beginning of something else (§13.1.5).
  const asked = method === "GET" && (headers["if-range"] ?? etag) === etag ? headers.range : undefined;
  const answer = readRange(asked, lengthBytes);
  if (answer.kind === "unsatisfiable") {
    return said(416, "The blob ends before that range.", { "content-range": `bytes */${lengthBytes}` });
  }
  const range = answer.kind === "part" ? answer.range : { from: 0, to: lengthBytes };
  const bytes = range.to - range.from;
  const costMs = method === "HEAD" ? 0 : limiters.take("downloadBytesPerAddress", remoteAddress, bytes);
  if (costMs > 0) return tooMany(costMs);
  const kept = {
    ...INERT,
    "accept-ranges": "bytes",
    etag,
    "cache-control": `private, max-age=${Math.floor(leftMs / 1_000)}, immutable`,
  };
  if (answer.kind === "whole") return { head: { status: 200, headers: kept }, range };
  const contentRange = `bytes ${range.from}-${range.to - 1}/${lengthBytes}`;
  return { head: { status: 206, headers: { ...kept, "content-range": contentRange } }, range };
}
