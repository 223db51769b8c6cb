/**
 * Uploads by tus 1.0.0, core with creation, expiration and termination, so that ordinary clients can make them.
 *
 *   POST    /v1/uploads        begins an upload: spends a token, answers the id of the upload in `Location`
 *   HEAD    /v1/uploads/<id>   how far it is: what is on disk
 *   PATCH   /v1/uploads/<id>   the next part, behind that
 *   DELETE  /v1/uploads/<id>   ends an upload, or deletes what it became
 *   OPTIONS                    what is offered
 *
 * An upload that is not there, not any more, or never was, is 404. One part comes at a time: while one is under way others get
 * 423, also while its peer is gone and the transport has not noticed yet. A part in the wrong place gets 409, one that is too
 * long 413, both before a byte of it is read.
 *
 * Who holds the id of an upload may write and delete; the relay keeps only the id of its blob, which follows from it. Where
 * `Upload-Expires` is answered, it says when the relay deletes what there is: of a whole blob that is the end of its time.
 */

import { blobIdOf, fromHex, toHex } from "@sotto/protocol";
import { type BlobId, type BlobState, type HttpRequest, type HttpResponse, parseBlobId } from "../../ports.js";
import type { Rules } from "../rules.js";
import { empty, notFound, notNow, onlyMethods, said, tooMany } from "./answers.js";
import { receive } from "./receive.js";
import { largestBlob, spendGrant, unspendGrant } from "./upload-grants.js";
import { bearerToken, httpDate, isPartType, PART_TYPE, TUS, uploadLength, uploadOffset } from "./upload-headers.js";

/** Where uploads are begun; one that was is below it. */
export const UPLOADS_PATH = "/v1/uploads";
const UPLOAD_ID_BYTES = 16;

/** Answers a request for `UPLOADS_PATH` or anything below it. */
export async function answerUpload(rules: Rules, request: HttpRequest): Promise<HttpResponse> {
  const answer = await route(rules, request);
  return { ...answer, headers: { "tus-resumable": TUS.version, ...answer.headers } };
}

function route(rules: Rules, request: HttpRequest): HttpResponse | Promise<HttpResponse> {
  const { limiters } = rules;
  const isCreation = request.method === "POST" && request.path === UPLOADS_PATH;
  const waitMs = limiters.take(isCreation ? "uploadsPerAddress" : "uploadStepsPerAddress", request.remoteAddress);
  if (waitMs > 0) return tooMany(waitMs);
  if (request.method === "OPTIONS") return offered(rules);
  if (request.path === UPLOADS_PATH) {
    if (request.method !== "POST") return onlyMethods("OPTIONS, POST");
    return otherVersion(request) ?? create(rules, request);
  }
  const id = blobOf(request.path);
  if (id === undefined) return notFound();
  switch (request.method) {
    case "HEAD":
      return otherVersion(request) ?? look(rules, id);
    case "PATCH":
      return otherVersion(request) ?? append(rules, id, request);
    case "DELETE":
      return otherVersion(request) ?? end(rules, id);
    default:
      return onlyMethods("OPTIONS, HEAD, PATCH, DELETE");
  }
}

/** The blob of the upload that a path names; `undefined` for a path that names none, without a look at the disk. */
function blobOf(path: string): BlobId | undefined {
  const name = parseBlobId(path.slice(UPLOADS_PATH.length + 1));
  return name === undefined ? undefined : blobNamed(fromHex(name));
}

function blobNamed(uploadId: Uint8Array): BlobId {
  const id = parseBlobId(toHex(blobIdOf(uploadId)));
  if (id === undefined) throw new Error("the id of a blob is 16 bytes");
  return id;
}

function offered({ policy }: Rules): HttpResponse {
  const headers = { "tus-version": TUS.version, "tus-extension": TUS.extensions };
  return empty(204, { ...headers, "tus-max-size": String(largestBlob(policy)) });
}

function otherVersion({ headers }: HttpRequest): HttpResponse | undefined {
  if (headers["tus-resumable"] === TUS.version) return undefined;
  return said(412, `This relay speaks tus ${TUS.version}.`, { "tus-version": TUS.version });
}

async function create(rules: Rules, { headers, body }: HttpRequest): Promise<HttpResponse> {
  const { blobs, clock, metrics, policy } = rules;
  if (rules.isDraining) return notNow();
  if (headers["upload-defer-length"] !== undefined) return said(400, "The length must be known: Upload-Length.");
  if (body !== undefined && body.lengthBytes > 0)
    return said(400, "An upload is begun without a body; then comes PATCH.");
  const lengthBytes = uploadLength(headers);
  if (lengthBytes === undefined) return said(400, "Upload-Length must be a whole number from 1.");
  if (lengthBytes > largestBlob(policy)) return tooLong();
  const token = bearerToken(headers);
  const spent = token === undefined ? undefined : await spendGrant(rules, token, lengthBytes);
  if (token === undefined || spent === undefined || spent.kind === "unknown") return notGranted();
  if (spent.kind === "tooSmall") return tooLong();

  const uploadId = rules.random.bytes(UPLOAD_ID_BYTES);
  const nowMs = clock.now();
  const times = { expiresMs: nowMs + policy.attachmentTtlMs, unfinishedMs: nowMs + policy.uploadTtlMs };
  let created: Awaited<ReturnType<typeof blobs.create>>;
  try {
    created = await blobs.create(blobNamed(uploadId), { lengthBytes, ...times });
  } catch (cause) {
    await unspendGrant(rules, token, spent.grant);
    throw cause;
  }
  if (created === "exists") throw new Error("a fresh upload id was taken");
  metrics.count("uploads", "begun");
  rules.folderGauge.note();
  const location = `${UPLOADS_PATH}/${toHex(uploadId)}`;
  return empty(201, { location, "upload-expires": httpDate(Math.min(times.expiresMs, times.unfinishedMs)) });
}

function notGranted(): HttpResponse {
  const line = "An upload needs a token that was granted, was not used yet, and is not older than an hour.";
  return said(401, line, { "www-authenticate": "Bearer" });
}

function tooLong(): HttpResponse {
  return said(413, "That is longer than it may be.");
}

async function look(rules: Rules, id: BlobId): Promise<HttpResponse> {
  const state = await find(rules, id);
  if (state === undefined) return notFound();
  return empty(200, { ...progress(rules, state), "upload-length": String(state.lengthBytes) });
}

async function append(rules: Rules, id: BlobId, request: HttpRequest): Promise<HttpResponse> {
  const ended = rules.isDraining ? undefined : rules.transfers.begin(request.remoteAddress);
  if (ended === undefined) return notNow();
  try {
    return await appendPart(rules, id, request);
  } finally {
    ended();
  }
}

async function appendPart(rules: Rules, id: BlobId, { headers, body }: HttpRequest): Promise<HttpResponse> {
  const { blobs, metrics } = rules;
  if (!isPartType(headers)) return said(415, `A part has the type ${PART_TYPE}.`);
  const offset = uploadOffset(headers);
  if (offset === undefined) return said(400, "Upload-Offset must be a whole number.");
  const state = await find(rules, id);
  if (state === undefined) return notFound();
  if (offset !== state.offset) return elsewhere();
  if (offset + (body?.lengthBytes ?? 0) > state.lengthBytes) return tooLong();
  if (body === undefined || body.lengthBytes === 0) return empty(204, progress(rules, state));

  const received = await receive(blobs, id, offset, body);
  if (!("offset" in received)) return refused(received.kind);
  metrics.count("uploadedBytes", undefined, received.offset - offset);
  const now = { ...state, offset: received.offset };
  if (received.kind === "cut") return said(408, "The part ended early.", progress(rules, now));
  if (now.offset === now.lengthBytes) metrics.count("uploads", "completed");
  return empty(204, progress(rules, now));
}

function refused(kind: "moved" | "busy" | "gone"): HttpResponse {
  switch (kind) {
    case "moved":
      return elsewhere();
    case "busy":
      return said(423, "Another part of this upload is under way.", { "retry-after": "1" });
    case "gone":
      return notFound();
  }
}

function elsewhere(): HttpResponse {
  return said(409, "The upload is at another offset; ask for it by HEAD.");
}

async function end(rules: Rules, id: BlobId): Promise<HttpResponse> {
  if ((await find(rules, id)) === undefined) return notFound();
  await rules.blobs.delete(id);
  rules.metrics.count("uploads", "deleted");
  rules.folderGauge.note();
  return empty(204);
}

/** An upload that is there and not out of its time, also if nobody has swept it yet. */
async function find({ blobs, clock, policy }: Rules, id: BlobId): Promise<BlobState | undefined> {
  const state = await blobs.find(id);
  return state !== undefined && endOf(policy, state) > clock.now() ? state : undefined;
}

function progress({ policy }: Rules, state: BlobState) {
  return { "upload-offset": String(state.offset), "upload-expires": httpDate(endOf(policy, state)) };
}

/** When a blob is deleted as it stands: one that is not whole, sooner. */
function endOf(
  { attachmentTtlMs, uploadTtlMs }: Rules["policy"],
  { offset, lengthBytes, expiresMs }: BlobState,
): number {
  return offset === lengthBytes ? expiresMs : Math.min(expiresMs, expiresMs - attachmentTtlMs + uploadTtlMs);
}
