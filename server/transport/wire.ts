/** What an exchange needs of a transport: one request's way back to its peer. */

import { STATUS_CODES } from "node:http";
import type { HttpResponse } from "../ports.js";
import type { WholeAnswer } from "./ask.js";

/** Status and headers of an answer. */
export type AnswerHead = Pick<HttpResponse, "status" | "headers">;

/** The part of `AbortSignal` that is used here. */
export type PeerSignal = Pick<AbortSignal, "aborted" | "addEventListener" | "removeEventListener">;

/** One request's socket, until it is answered. Every method is safe after `gone`, and then does nothing. */
export interface Wire {
  readonly method: string;
  /** Aborted when the peer went before its answer was complete. */
  readonly gone: PeerSignal;
  /** Answers; the connection goes on. */
  answer(answer: WholeAnswer): void;
  /** Answers HEAD as if with a body of so many bytes. */
  answerHead(head: AnswerHead, lengthBytes: number): void;
  /** Begins an answer of so many bytes, more than 0, which are then written. */
  begin(head: AnswerHead, lengthBytes: number): void;
  /** Hands the next bytes of an answer to the peer; the last ones complete it. Resolves when more may come. Rejects when the peer is gone. */
  write(piece: Uint8Array): Promise<void>;
  /** Answers as the last thing on this connection, which is read on until it is cut. */
  answerLast(answer: WholeAnswer): void;
  /** Throws away what the peer still sends of its body; resolves at the body's end, when the peer goes, or after so long. */
  readOut(forMs: number): Promise<void>;
  /** Ends the connection, behind what was written of an answer that is the last. */
  hangUp(): void;
  /** Ends the connection at once. */
  cut(): void;
}

/** The bytes of an answer behind which the connection ends. */
export function lastAnswerBytes({ status, headers, body }: WholeAnswer, method: string): Buffer {
  const bytes = Buffer.from(body);
  const all = {
    ...headers,
    date: new Date().toUTCString(),
    "content-length": String(bytes.length),
    connection: "close",
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n`, "latin1");
  return method === "HEAD" ? head : Buffer.concat([head, bytes]);
}

/** Why `Wire.write` rejects. */
export class PeerGone extends Error {
  override readonly name = "PeerGone";
}
