/** Hands on sealed attachments from the relay, so that a console reaches nobody but its desk. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { limits, sealedAttachmentSize } from "@sotto/protocol";
import { DeskError } from "../api.js";
import { plainHeaders } from "./headers.js";

/** No blob is larger; a relay that sends more is cut off. */
const MAX_BYTES = sealedAttachmentSize(limits.attachmentBytes.value);
const HEADERS_MS = 10_000;
/** Downloads at once, over all consoles. */
const MAX_AT_ONCE = 32;
const RANGE = /^bytes=\d{1,15}-\d{0,15}$/;

/** Downloads from one relay. */
export class BlobProxy {
  readonly #addressOf: (id: string) => string;
  #running = 0;

  constructor(addressOf: (id: string) => string) {
    this.#addressOf = addressOf;
  }

  /** Streams a blob, or one range of it, into an answer. @throws DeskError before anything was sent. */
  async send(id: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#running >= MAX_AT_ONCE) throw new DeskError("tooMany", "Too many files are being fetched; try again.");
    this.#running += 1;
    const abort = new AbortController();
    const gone = () => abort.abort();
    response.once("close", gone);
    try {
      await this.#hand(id, { request, response, abort });
    } finally {
      response.off("close", gone);
      abort.abort();
      this.#running -= 1;
    }
  }

  async #hand(
    id: string,
    { request, response, abort }: { request: IncomingMessage; response: ServerResponse; abort: AbortController },
  ): Promise<void> {
    const { range } = request.headers;
    const deadline = setTimeout(() => abort.abort(), HEADERS_MS);
    const asked = range !== undefined && RANGE.test(range) ? { range } : {};
    const answer = await fetch(this.#addressOf(id), { headers: asked, redirect: "error", signal: abort.signal })
      .catch((cause: unknown) => {
        throw Object.assign(new DeskError("unavailable", "The relay is away."), { cause });
      })
      .finally(() => clearTimeout(deadline));
    if (answer.status === 404) throw new DeskError("notFound", "The file is not there any more.");
    const lengthBytes = Number(answer.headers.get("content-length") ?? Number.NaN);
    const isGood = answer.status === 200 || answer.status === 206;
    if (!isGood || answer.body === null || !(lengthBytes <= MAX_BYTES)) {
      throw new DeskError("unavailable", "The relay did not hand out the file.");
    }
    const contentRange = answer.headers.get("content-range");
    response.writeHead(answer.status, {
      ...plainHeaders,
      "content-type": "application/octet-stream",
      "content-disposition": "attachment",
      "content-length": lengthBytes,
      ...(answer.status === 206 && contentRange !== null ? { "content-range": contentRange } : {}),
    });
    await pipeline(Readable.fromWeb(answer.body as ReadableStream), atMost(lengthBytes), response);
  }
}

/** Breaks off behind so many bytes. */
function atMost(mostBytes: number): Transform {
  let seen = 0;
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      seen += chunk.length;
      if (seen > mostBytes) done(new Error("more than was announced"));
      else done(null, chunk);
    },
  });
}
