/** One request on node:http. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { WholeAnswer } from "./ask.js";
import { type AnswerHead, lastAnswerBytes, PeerGone, type PeerSignal, type Wire } from "./wire.js";

/** Whether a socket had its last answer; what is still read from it is no request. */
export function isHungUp({ socket }: IncomingMessage): boolean {
  return socket.writableEnded;
}

/** The way back of one request. */
export class PortableWire implements Wire {
  private readonly ending = new AbortController();
  readonly gone: PeerSignal = this.ending.signal;
  private writtenBytes = 0;
  private lengthBytes = 0;

  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    readonly method: string,
  ) {
    response.on("close", () => {
      if (!response.writableFinished) this.ending.abort();
    });
    // A socket that fails is closed, which is what counts.
    response.on("error", () => {});
    request.on("error", () => {});
  }

  answer({ status, headers, body }: WholeAnswer): void {
    if (this.gone.aborted) return;
    this.response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
    this.response.end(this.method === "HEAD" ? undefined : body);
  }

  answerHead({ status, headers }: AnswerHead, lengthBytes: number): void {
    if (this.gone.aborted) return;
    this.response.writeHead(status, { ...headers, "content-length": lengthBytes });
    this.response.end();
  }

  begin({ status, headers }: AnswerHead, lengthBytes: number): void {
    if (this.gone.aborted) return;
    this.lengthBytes = lengthBytes;
    this.response.writeHead(status, { ...headers, "content-length": lengthBytes });
  }

  async write(piece: Uint8Array): Promise<void> {
    if (this.gone.aborted) throw new PeerGone();
    this.writtenBytes += piece.length;
    const isFree = this.response.write(piece);
    if (!isFree) await this.drained();
    if (this.writtenBytes >= this.lengthBytes) this.response.end();
  }

  answerLast(answer: WholeAnswer): void {
    // A pipelined request whose predecessor is unanswered has no socket yet, and would be answered out of turn.
    if (this.response.socket === null) this.cut();
    else this.response.socket.end(lastAnswerBytes(answer, this.method));
  }

  readOut(forMs: number): Promise<void> {
    const { request, gone } = this;
    if (request.readableEnded || gone.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(done, forMs);
      request.once("close", done);
      request.once("end", done);
      gone.addEventListener("abort", done);
      request.resume();
    });
  }

  hangUp(): void {
    this.request.socket.destroySoon();
  }

  cut(): void {
    if (!this.response.writableFinished) this.request.socket.destroy();
  }

  private drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      const { response, gone } = this;
      const onDrain = () => {
        gone.removeEventListener("abort", onGone);
        resolve();
      };
      const onGone = () => {
        response.off("drain", onDrain);
        reject(new PeerGone());
      };
      response.once("drain", onDrain);
      gone.addEventListener("abort", onGone, { once: true });
    });
  }
}
