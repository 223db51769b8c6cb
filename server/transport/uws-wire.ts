/** One request on uWebSockets.js. */

import { STATUS_CODES } from "node:http";
import type { WholeAnswer } from "./ask.js";
import type { UwsResponse } from "./uws-api.js";
import { type AnswerHead, lastAnswerBytes, PeerGone, type PeerSignal, type Wire } from "./wire.js";

/**
 * uWebSockets.js ends a socket that sent no byte of a body, or took none of an answer, for ten seconds; paused ones it
 * leaves alone. To pause and resume a socket starts the ten seconds anew: how long a peer may take is not for the library
 * to say.
 */
const AWAKE_MS = 5_000;

/** What `writeStatus` puts in front by itself. */
const STATUS_PREFIX_BYTES = "HTTP/1.1 ".length;

interface Unsent {
  piece: Uint8Array;
  resolve(): void;
  reject(cause: Error): void;
}

/**
 * The way back of one request. The native response throws on any use after it is ended or aborted, so it is let go of
 * first: `response` is set exactly while it may be used.
 */
export class UwsWire implements Wire {
  private response: UwsResponse | undefined;
  private readonly ending = new AbortController();
  readonly gone: PeerSignal = this.ending.signal;
  private awake: NodeJS.Timeout | undefined;
  private isPaused = false;
  /** Whether the end of the body has come. */
  private isRead = false;
  private onBody: ((piece: ArrayBuffer, isLast: boolean) => void) | undefined;
  private head: AnswerHead | undefined;
  private lengthBytes = 0;
  private unsent: Unsent | undefined;

  constructor(
    response: UwsResponse,
    readonly method: string,
  ) {
    this.response = response;
    response.onAborted(() => this.lose());
  }

  /** Hands over the body's pieces, of which each is only valid now. To be called before the request handler returns. */
  readBody(onBody: (piece: ArrayBuffer, isLast: boolean) => void): void {
    this.onBody = onBody;
    this.response?.onData((piece, isLast) => {
      this.isRead ||= isLast;
      this.onBody?.(piece, isLast);
    });
    this.stayAwake();
  }

  /** Reads no more for now. Idempotent. */
  pause(): void {
    if (!this.isPaused) this.response?.pause();
    this.isPaused = true;
  }

  /** Reads on. Idempotent. */
  resume(): void {
    if (this.isPaused) this.response?.resume();
    this.isPaused = false;
  }

  answer({ status, headers, body }: WholeAnswer): void {
    this.finish((response) => {
      writeHead(response, { status, headers });
      if (this.method !== "HEAD") {
        response.end(body, false);
      } else {
        response.writeHeader("content-length", String(Buffer.byteLength(body)));
        response.endWithoutBody();
      }
    });
  }

  answerHead(head: AnswerHead, lengthBytes: number): void {
    this.finish((response) => {
      writeHead(response, head);
      response.writeHeader("content-length", String(lengthBytes));
      response.endWithoutBody();
    });
  }

  begin(head: AnswerHead, lengthBytes: number): void {
    this.head = head;
    this.lengthBytes = lengthBytes;
    this.response?.onWritable(() => {
      if (this.unsent !== undefined) this.sendOn(this.unsent);
      return true;
    });
    this.stayAwake();
  }

  write(piece: Uint8Array): Promise<void> {
    if (this.response === undefined) return Promise.reject(new PeerGone());
    return new Promise((resolve, reject) => {
      this.unsent = { piece, resolve, reject };
      this.sendOn(this.unsent);
    });
  }

  answerLast(answer: WholeAnswer): void {
    // To `end` would close the socket over what it has not read. So the whole answer goes out as a status line, and the
    // library still waits for its end; the empty line that comes last is behind the length, where nobody reads.
    const bytes = lastAnswerBytes(answer, this.method).subarray(STATUS_PREFIX_BYTES);
    this.response?.cork(() => this.response?.writeStatus(bytes));
  }

  readOut(forMs: number): Promise<void> {
    if (this.response === undefined || this.isRead) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(done, forMs);
      this.onBody = (_piece, isLast) => {
        if (isLast) done();
      };
      this.gone.addEventListener("abort", done);
      this.resume();
    });
  }

  hangUp(): void {
    // What is written while the library reads waits in its cork until it has read, and would be lost with the socket.
    setImmediate(() => this.cut());
  }

  cut(): void {
    const { response } = this;
    if (response === undefined) return;
    this.lose();
    response.close();
  }

  private sendOn(unsent: Unsent): void {
    const { response, head, lengthBytes } = this;
    if (response === undefined) return;
    let isTaken = false;
    response.cork(() => {
      if (head !== undefined) writeHead(response, head);
      this.head = undefined;
      const before = response.getWriteOffset();
      const [isFree, isAll] = response.tryEnd(unsent.piece, lengthBytes);
      if (isAll) this.letGo();
      else if (!isFree) unsent.piece = unsent.piece.subarray(response.getWriteOffset() - before);
      isTaken = isAll || isFree;
    });
    if (!isTaken) return;
    this.unsent = undefined;
    unsent.resolve();
  }

  private finish(end: (response: UwsResponse) => void): void {
    const { response } = this;
    if (response === undefined) return;
    // The library goes on reading for a while after it was paused: a body may be whole by then, and the next request waits.
    this.resume();
    this.letGo();
    response.cork(() => end(response));
  }

  /** The socket is gone. */
  private lose(): void {
    this.letGo();
    this.ending.abort();
    this.unsent?.reject(new PeerGone());
    this.unsent = undefined;
  }

  private letGo(): void {
    this.response = undefined;
    this.onBody = undefined;
    clearInterval(this.awake);
  }

  private stayAwake(): void {
    this.awake ??= setInterval(() => {
      if (this.isPaused) return;
      // To resume what was not paused would end the wait for the peer to take more.
      this.response?.pause();
      this.response?.resume();
    }, AWAKE_MS);
  }
}

/** Writes status and headers, to be followed by `end` or `tryEnd`. */
export function writeHead(response: UwsResponse, { status, headers }: AnswerHead): void {
  response.writeStatus(`${status} ${STATUS_CODES[status] ?? ""}`);
  for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
}
