/** Plain HTTP at a relay under test, without a transport. */

import { randomBytes } from "node:crypto";
import { blobIdOf, fromHex, toHex } from "@sotto/protocol";
import { memoryBlobs } from "../../../../server/blobs/index.js";
import type { Blobs, HttpBody, HttpRequest, HttpResponse } from "../../../../server/ports.js";
import type { Client } from "./client.js";
import type { TestRelay } from "./test-relay.js";

/** An answer whose body was taken to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: HttpResponse["headers"];
  readonly body: Uint8Array;
}

/** What a test says of a request; from one address and without anything else unless said. */
export type Asked = Partial<Omit<HttpRequest, "body">> & { readonly body?: Uint8Array | HttpBody | undefined };

/** Asks and takes the answer. */
export async function ask({ relay }: TestRelay, asked: Asked): Promise<Answer> {
  const { body, ...rest } = asked;
  const answer = await relay.request({
    method: "GET",
    path: "/",
    remoteAddress: "192.0.2.7",
    headers: {},
    body: body instanceof Uint8Array ? bodyOf([body]) : body,
    ...rest,
  });
  if (answer === undefined) throw new Error("no path of attachments");
  return { ...answer, body: await bytesOf(answer.body) };
}

/** Open blobs in memory that hold so much. */
export async function roomFor(maxBytes: number): Promise<Blobs> {
  const blobs = memoryBlobs({ maxBytes });
  await blobs.open();
  return blobs;
}

/** A body of these pieces. */
export function bodyOf(pieces: readonly Uint8Array[]): HttpBody {
  const lengthBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return {
    lengthBytes,
    async *[Symbol.asyncIterator]() {
      yield* pieces;
    },
  };
}

/** A body that announces more than it brings: its peer goes. */
export function cutBody(lengthBytes: number, pieces: readonly Uint8Array[]): HttpBody {
  return {
    lengthBytes,
    async *[Symbol.asyncIterator]() {
      yield* pieces;
      throw new Error("the peer went");
    },
  };
}

/** A body whose last piece comes only once it is released. */
export function heldBody(pieces: readonly Uint8Array[]): { readonly body: HttpBody; readonly release: () => void } {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { lengthBytes } = bodyOf(pieces);
  const body = {
    lengthBytes,
    async *[Symbol.asyncIterator]() {
      yield* pieces.slice(0, -1);
      await released;
      yield* pieces.slice(-1);
    },
  };
  return { body, release: () => release() };
}

async function bytesOf(body: HttpResponse["body"]): Promise<Uint8Array> {
  if (typeof body === "string") return new TextEncoder().encode(body);
  if (body instanceof Uint8Array) return body;
  const pieces: Uint8Array[] = [];
  for await (const piece of body.pieces) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}

/** A token for so many bytes, in hex. */
export async function granted(client: Client, bytes: number): Promise<string> {
  client.say({ type: "requestUpload", id: client.id(), bytes });
  return toHex((await client.next("uploadGranted")).token);
}

/** The headers of tus, with these. */
export function tus(headers: HttpRequest["headers"] = {}): HttpRequest["headers"] {
  return { "tus-resumable": "1.0.0", ...headers };
}

/** Asks to begin an upload. */
export function begin(relay: TestRelay, token: string, bytes: number): Promise<Answer> {
  const headers = tus({ authorization: `Bearer ${token}`, "upload-length": String(bytes) });
  return ask(relay, { method: "POST", path: "/v1/uploads", headers });
}

/** Sends a part. */
export function patch(relay: TestRelay, path: string, offset: number, body: Asked["body"]): Promise<Answer> {
  const headers = tus({ "content-type": "application/offset+octet-stream", "upload-offset": String(offset) });
  return ask(relay, { method: "PATCH", path, headers, body });
}

/** Asks how far an upload is. */
export function look(relay: TestRelay, path: string): Promise<Answer> {
  return ask(relay, { method: "HEAD", path, headers: tus() });
}

/** A begun upload: its path, and the path its blob will have. */
export async function begun(relay: TestRelay, client: Client, bytes: number) {
  const answer = await begin(relay, await granted(client, bytes), bytes);
  const { location = "" } = answer.headers;
  return { upload: location, blob: blobPath(location) };
}

/** Where the blob of an upload is. */
export function blobPath(upload: string): string {
  return `/v1/blobs/${toHex(blobIdOf(fromHex(upload.slice(-32))))}`;
}

/** A whole upload of random bytes. */
export async function uploaded(relay: TestRelay, client: Client, bytes: number) {
  const content = new Uint8Array(randomBytes(bytes));
  const paths = await begun(relay, client, bytes);
  await patch(relay, paths.upload, 0, content);
  return { ...paths, content };
}
