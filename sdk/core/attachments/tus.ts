/**
 * The relay's uploads by HTTP: the tus 1.0 core protocol with creation, expiration and termination
 * (https://tus.io/protocols/resumable-upload). What an answer means is told, not what to do about it.
 */

import { fromHex, SottoError, toHex } from "@sotto/protocol";
import type { AbortSignalLike, Http, HttpAnswer, HttpAsk } from "../ports.js";

const VERSION = "1.0.0";
const LOCATION = /^\/v1\/uploads\/([0-9a-f]{32})$/;
/** A whole number as tus spells it. Sixteen digits are more than any blob has bytes. */
const COUNT = /^(?:0|[1-9]\d{0,15})$/;
/** Longer than any date of HTTP (RFC 9110 §5.6.7). */
const MAX_DATE_LENGTH = 64;

/** What the relay says. `wrong` breaks the protocol. */
export type TusAnswer =
  /** The upload begins under this id. */
  | { readonly kind: "created"; readonly uploadId: Uint8Array; readonly expiresMs: number | undefined }
  /** So many bytes are durable there. */
  | { readonly kind: "at"; readonly offset: number; readonly expiresMs: number | undefined }
  /** There is no such upload any more; after `remove` it is as it should be. */
  | { readonly kind: "gone" }
  /** It goes on elsewhere than was said, or somebody else writes right now. */
  | { readonly kind: "moved" }
  /** Not now, or nobody heard the question: it may have taken effect. */
  | { readonly kind: "later"; readonly error: SottoError }
  /** The token is none, was used or expired. */
  | { readonly kind: "denied" }
  | { readonly kind: "tooLarge" }
  | { readonly kind: "wrong"; readonly detail: string };

/** What these requests need. `base` is the relay's `httpAddress`. */
export interface TusParts {
  readonly http: Http;
  readonly base: string;
}

/** One relay's uploads. Every call rejects with `aborted` when its signal aborts, and with nothing else. */
export class Tus {
  constructor(private readonly parts: TusParts) {}

  /** Creates an upload with a token that the relay granted for exactly so many bytes. */
  async create(token: Uint8Array, lengthBytes: number, signal: AbortSignalLike): Promise<TusAnswer> {
    const headers = { authorization: `Bearer ${toHex(token)}`, "upload-length": `${lengthBytes}` };
    return this.ask({ method: "POST", url: `${this.parts.base}/uploads`, headers, signal }, (answer) => {
      if (answer.status !== 201) return undefined;
      const uploadId = this.uploadIdOf(answer.header("location"));
      if (uploadId === undefined) return { kind: "wrong", detail: "an upload at no address of the relay's" };
      return { kind: "created", uploadId, expiresMs: expiryOf(answer) };
    });
  }

  /** How much of an upload is durable. */
  async look(uploadId: Uint8Array, lengthBytes: number, signal: AbortSignalLike): Promise<TusAnswer> {
    return this.ask({ method: "HEAD", url: this.url(uploadId), headers: {}, signal }, (answer) => {
      if (answer.status !== 200 && answer.status !== 204) return undefined;
      if (countOf(answer.header("upload-length")) !== lengthBytes)
        return { kind: "wrong", detail: "an upload of another length than was asked for" };
      return atOf(answer);
    });
  }

  /** Appends bytes behind an offset. */
  async append(uploadId: Uint8Array, offset: number, body: Uint8Array, signal: AbortSignalLike): Promise<TusAnswer> {
    const headers = { "upload-offset": `${offset}`, "content-type": "application/offset+octet-stream" };
    return this.ask({ method: "PATCH", url: this.url(uploadId), headers, body, signal }, (answer) =>
      answer.status === 204 ? atOf(answer) : undefined,
    );
  }

  /** Deletes an upload, finished or not. */
  async remove(uploadId: Uint8Array, signal: AbortSignalLike): Promise<TusAnswer> {
    return this.ask({ method: "DELETE", url: this.url(uploadId), headers: {}, signal }, (answer) =>
      answer.status === 204 ? { kind: "gone" } : undefined,
    );
  }

  private async ask(ask: HttpAsk, read: (answer: HttpAnswer) => TusAnswer | undefined): Promise<TusAnswer> {
    let answer: HttpAnswer;
    try {
      answer = await this.parts.http({ ...ask, headers: { ...ask.headers, "tus-resumable": VERSION } });
    } catch (cause) {
      if (ask.signal?.aborted === true) throw new SottoError("aborted");
      return { kind: "later", error: cause instanceof SottoError ? cause : new SottoError("offline", { cause }) };
    }
    // No answer's body says anything that its head does not.
    answer.cancel();
    return read(answer) ?? judge(answer);
  }

  private url(uploadId: Uint8Array): string {
    return `${this.parts.base}/uploads/${toHex(uploadId)}`;
  }

  /** Only an id is taken from where the relay says an upload is: never another host, scheme or path. */
  private uploadIdOf(location: string | undefined): Uint8Array | undefined {
    if (location === undefined) return undefined;
    const origin = this.parts.base.slice(0, this.parts.base.lastIndexOf("/"));
    const path = location.startsWith(`${origin}/`) ? location.slice(origin.length) : location;
    const id = LOCATION.exec(path)?.[1];
    return id === undefined ? undefined : fromHex(id);
  }
}

/** What every answer means that is not the one that was hoped for. */
function judge(answer: HttpAnswer): TusAnswer {
  const { status } = answer;
  switch (status) {
    case 401:
    case 403:
      return { kind: "denied" };
    case 404:
    case 410:
      return { kind: "gone" };
    case 409:
    case 423:
      return { kind: "moved" };
    case 413:
      return { kind: "tooLarge" };
  }
  if (status === 408 || status === 429 || status >= 500)
    return { kind: "later", error: new SottoError("busy", waitOf(answer)) };
  return { kind: "wrong", detail: `an upload was answered with status ${status}` };
}

function atOf(answer: HttpAnswer): TusAnswer {
  const offset = countOf(answer.header("upload-offset"));
  if (offset === undefined) return { kind: "wrong", detail: "an upload without an offset" };
  return { kind: "at", offset, expiresMs: expiryOf(answer) };
}

function countOf(written: string | undefined): number | undefined {
  return written !== undefined && COUNT.test(written) ? Number(written) : undefined;
}

function expiryOf(answer: HttpAnswer): number | undefined {
  const written = answer.header("upload-expires");
  if (written === undefined || written.length > MAX_DATE_LENGTH) return undefined;
  const ms = Date.parse(written);
  return Number.isSafeInteger(ms) && ms >= 0 ? ms : undefined;
}

/** `Retry-After` in seconds; the other spelling, a date, is for people. */
function waitOf(answer: HttpAnswer): { readonly retryAfterMs?: number } {
  const seconds = countOf(answer.header("retry-after"));
  return seconds === undefined ? {} : { retryAfterMs: seconds * 1_000 };
}
