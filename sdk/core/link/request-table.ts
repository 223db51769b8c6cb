/** Requests that wait for the wire or for their answer: numbered, bounded, each with one deadline. */

import { encodeFrame, type Frame, limits, SottoError } from "@sotto/protocol";
import type { AbortSignalLike, Clock } from "../ports.js";
import { errorFromFrame } from "./loss.js";
import {
  type Answer,
  type AnswerOf,
  type Expectation,
  expectationOf,
  isExpected,
  numbered,
  type RequestName,
  type RequestOf,
  typedAnswer,
} from "./requests.js";

/** The number of the link's own heartbeat; requests count from 1. */
export const HEARTBEAT_ID = 0;
const MAX_ID = 0xffff_ffff;
/** One place of the shared limit is left to the heartbeat. */
export const MAX_IN_FLIGHT = limits.requestsInFlight.value - 1;
/** Requests that may wait for a connection or a free place: seconds of work, so that a caller notices. */
export const MAX_WAITING = 1_024;
/** Their bytes together. */
const MAX_WAITING_BYTES = 16 * 1_048_576;
/** With more unsent bytes than this the socket gets no further request until the relay says something. */
export const MAX_BUFFERED_BYTES = 4 * 1_048_576;

/** A connection that takes requests. */
export interface Wire {
  send(bytes: Uint8Array): void;
  readonly bufferedBytes: number;
}

/** What the table needs, and whom it tells. */
export interface RequestTableParts {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** A sent request passed its deadline; `overdue` of them are now unanswered. */
  stalled(overdue: number): void;
}

/** Two ways to take a request back. */
export interface TakingBack {
  /** Aborts when nobody waits for the answer any more: the request does not leave, or its outcome stays unknown. */
  readonly signal?: AbortSignalLike | undefined;
  /** Aborts when the request is not to leave any more. What has left is answered all the same: it may have taken effect. */
  readonly recall?: AbortSignalLike | undefined;
}

/** The promise somebody holds, until it is settled. */
interface Caller {
  resolve(answer: Answer): void;
  reject(error: SottoError): void;
  /** Stops listening to the caller's signals. */
  release(): void;
}

interface Waiting {
  readonly caller: Caller;
  readonly expectation: Expectation;
  readonly bytes: Uint8Array;
  readonly deadline: { cancel(): void };
}

/** A request on its way; the caller is gone once it has given up. */
interface Sent {
  caller: Caller | undefined;
  readonly expectation: Expectation;
  readonly deadline: { cancel(): void };
  isOverdue: boolean;
}

/**
 * The requests of one link.
 *
 *   waiting ──free place──▶ sent ──answer──▶ settled
 *      │                     ├──connection lost──▶ `offline`: outcome unknown
 *      └──deadline, abort────┴──deadline, abort──▶ settled; a sent number stays taken until its late answer or the loss
 */
export class RequestTable {
  readonly #parts: RequestTableParts;
  readonly #waiting = new Map<number, Waiting>();
  readonly #sent = new Map<number, Sent>();
  #waitingBytes = 0;
  #overdue = 0;
  #lastId = HEARTBEAT_ID;
  #wire: Wire | undefined;

  constructor(parts: RequestTableParts) {
    this.#parts = parts;
  }

  /**
   * Sends a request as soon as there is a connection and a free place; rejects with what the relay answered if it failed.
   *
   * @throws invalidArgument, tooLarge, tooManyRequests: nothing was sent. offline: no connection came in time (nothing
   *   was sent), or it was lost before the answer (outcome unknown). timeout: outcome unknown. aborted: taken back.
   */
  submit<N extends RequestName>(request: RequestOf<N>, { signal, recall }: TakingBack = {}): Promise<AnswerOf<N>> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted || recall?.aborted) throw new SottoError("aborted");
      const id = this.#freeId();
      const frame = numbered(request, id);
      const bytes = encodeFrame(frame);
      this.#assertRoom(bytes.length);
      const abort = () => this.#giveUp(id);
      const callBack = () => this.#callBack(id);
      signal?.addEventListener("abort", abort, { once: true });
      recall?.addEventListener("abort", callBack, { once: true });
      this.#waiting.set(id, {
        caller: {
          resolve: (answer) => resolve(typedAnswer(request, answer)),
          reject,
          release: () => {
            signal?.removeEventListener("abort", abort);
            recall?.removeEventListener("abort", callBack);
          },
        },
        expectation: expectationOf(frame),
        bytes,
        deadline: this.#parts.clock.after(this.#parts.timeoutMs, () => this.#expire(id)),
      });
      this.#waitingBytes += bytes.length;
      this.pump();
    });
  }

  /** Requests flow over this connection from now on. */
  attach(wire: Wire): void {
    this.#wire = wire;
    this.pump();
  }

  /** The connection is gone: what was sent rejects `offline`, what waits goes on waiting. */
  detach(cause: SottoError): void {
    this.#wire = undefined;
    this.#overdue = 0;
    const lost = [...this.#sent.values()];
    this.#sent.clear();
    for (const { caller, deadline } of lost) {
      deadline.cancel();
      caller?.release();
      caller?.reject(new SottoError("offline", { detail: "lost before the answer; it may have taken effect", cause }));
    }
  }

  /** Rejects everything that waits; for a link that has ended and is detached. */
  end(reason: SottoError): void {
    for (const [id, { caller }] of [...this.#waiting]) {
      this.#leaveQueue(id).deadline.cancel();
      caller.release();
      caller.reject(reason);
    }
  }

  /** Sends what waits, as far as free places and the socket's buffer allow. */
  pump(): void {
    for (const id of this.#waiting.keys()) {
      if (this.#wire === undefined || this.#sent.size >= MAX_IN_FLIGHT) return;
      if (this.#wire.bufferedBytes > MAX_BUFFERED_BYTES) return;
      const { caller, expectation, bytes, deadline } = this.#leaveQueue(id);
      this.#sent.set(id, { caller, expectation, deadline, isOverdue: false });
      this.#wire.send(bytes);
    }
  }

  /** Takes an answer and frees its place. Returns what is wrong with it if it answers nothing that was asked. */
  answer(frame: Answer | Frame<"failed">): string | undefined {
    const sent = this.#sent.get(frame.id);
    if (sent === undefined) return "an answer to no request";
    if (frame.type !== "failed" && !isExpected(sent.expectation, frame)) return "an answer to another request";
    this.#sent.delete(frame.id);
    sent.deadline.cancel();
    if (sent.isOverdue) this.#overdue -= 1;
    sent.caller?.release();
    if (frame.type === "failed") sent.caller?.reject(errorFromFrame(frame));
    else sent.caller?.resolve(frame);
    this.pump();
    return undefined;
  }

  #assertRoom(size: number): void {
    if (size > limits.frameBytes.value) throw new SottoError("tooLarge", { detail: "the request exceeds one frame" });
    if (this.#waiting.size >= MAX_WAITING || this.#waitingBytes + size > MAX_WAITING_BYTES) {
      throw new SottoError("tooManyRequests", { detail: "too many requests wait for the connection" });
    }
  }

  #freeId(): number {
    do {
      this.#lastId = this.#lastId === MAX_ID ? HEARTBEAT_ID + 1 : this.#lastId + 1;
    } while (this.#sent.has(this.#lastId) || this.#waiting.has(this.#lastId));
    return this.#lastId;
  }

  /** The caller's signal fired. The deadline of a sent request runs on: it still tells whether the relay answers. */
  #giveUp(id: number): void {
    this.#callBack(id);
    const sent = this.#sent.get(id);
    if (sent === undefined) return;
    sent.caller?.release();
    sent.caller?.reject(new SottoError("aborted"));
    sent.caller = undefined;
  }

  /** The request is not to leave any more, if it has not. */
  #callBack(id: number): void {
    if (!this.#waiting.has(id)) return;
    const { caller, deadline } = this.#leaveQueue(id);
    deadline.cancel();
    caller.release();
    caller.reject(new SottoError("aborted"));
  }

  #expire(id: number): void {
    const sent = this.#sent.get(id);
    if (sent === undefined) {
      const { caller } = this.#leaveQueue(id);
      caller.release();
      caller.reject(new SottoError(this.#wire === undefined ? "offline" : "timeout", { detail: "nothing was sent" }));
      return;
    }
    sent.isOverdue = true;
    this.#overdue += 1;
    sent.caller?.release();
    sent.caller?.reject(new SottoError("timeout"));
    sent.caller = undefined;
    this.#parts.stalled(this.#overdue);
  }

  #leaveQueue(id: number): Waiting {
    const entry = this.#waiting.get(id);
    if (entry === undefined) throw new Error(`request ${id} does not wait`);
    this.#waiting.delete(id);
    this.#waitingBytes -= entry.bytes.length;
    return entry;
  }
}
