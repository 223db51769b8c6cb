/** One request for bytes of a blob, and its answer: given up when the relay falls silent, freed when nobody wants it. */

import { SottoError } from "@sotto/protocol";
import { Cancellation } from "../cancellation.js";
import type { AbortSignalLike, Clock, Http, HttpAnswer } from "../ports.js";
import { corrupt } from "./verify.js";

/** A relay that says nothing for so long, while it is waited for, is given up, and asked anew over another connection. */
const STALL_MS = 30_000;

/** What an attempt works with. */
export interface AttemptParts {
  readonly http: Http;
  readonly clock: Clock;
}

/** One request. Whoever makes it calls `close`. */
export class DownloadAttempt {
  private readonly ended = new Cancellation();
  private state: "asking" | "answered" | "closed" = "asking";
  /** Set while its body is not read to the end. */
  private answer: HttpAnswer | undefined;
  private pieces: AsyncIterator<Uint8Array> | undefined;
  private giveUp: ((error: SottoError) => void) | undefined;

  constructor(
    private readonly parts: AttemptParts,
    private readonly signal: AbortSignalLike,
  ) {
    if (signal.aborted) throw new SottoError("aborted");
    signal.addEventListener("abort", this.abort);
  }

  /**
   * Asks, and answers whether the relay sends what was asked for or, as it may, the blob from its beginning.
   *
   * @throws attachmentGone, attachmentCorrupt if the blob ends before; tooManyRequests, busy, badRelay by the status;
   *   timeout; aborted; what the network threw.
   */
  async ask(url: string, range: string | undefined): Promise<"asked" | "fromBeginning"> {
    const headers = { "accept-encoding": "identity", ...(range === undefined ? {} : { range }) };
    const asking = this.parts.http({ method: "GET", url, headers, signal: this.ended });
    const answer = await this.waited(
      asking.then((answered) => this.take(answered)),
      STALL_MS,
    );
    this.pieces = answer.body[Symbol.asyncIterator]();
    if (answer.status === 206) return "asked";
    if (answer.status === 200) return range === undefined ? "asked" : "fromBeginning";
    throw refusal(answer);
  }

  /** The next piece, if it comes by then; `undefined` at the end. @throws timeout, aborted, what the network threw. */
  async piece(untilMs: number): Promise<Uint8Array | undefined> {
    if (this.pieces === undefined) return undefined;
    const { value, done } = await this.waited(this.pieces.next(), untilMs - this.parts.clock.now());
    if (done !== true) return value;
    this.answer = undefined;
    return undefined;
  }

  /** Frees the connection, whatever came of it. Idempotent. */
  close(): void {
    this.signal.removeEventListener("abort", this.abort);
    const { answer } = this;
    this.answer = undefined;
    if (this.state === "asking") this.ended.abort();
    this.state = "closed";
    answer?.cancel();
  }

  /** Keeps an answer as it comes, so that none slips through that comes when nobody waits any more. */
  private take(answer: HttpAnswer): HttpAnswer {
    if (this.state === "closed") {
      answer.cancel();
      throw new SottoError("aborted");
    }
    this.state = "answered";
    this.answer = answer;
    return answer;
  }

  private readonly abort = () => {
    this.giveUp?.(new SottoError("aborted"));
    this.close();
  };

  /** Not `Promise.race`: what outlives the race would hold on to every piece that ever came. */
  private waited<T>(promise: Promise<T>, mostMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const settled = () => {
        timer.cancel();
        this.giveUp = undefined;
      };
      const giveUp = (error: unknown) => {
        settled();
        reject(error);
      };
      const delayMs = Math.max(0, Math.min(STALL_MS, mostMs));
      const timer = this.parts.clock.after(delayMs, () => giveUp(new SottoError("timeout")));
      this.giveUp = giveUp;
      promise.then((value) => {
        settled();
        resolve(value);
      }, giveUp);
    });
  }
}

/** What a status says that brings no bytes. */
function refusal(answer: HttpAnswer): SottoError {
  const { status } = answer;
  const detail = `the relay answered ${status}`;
  const seconds = /^\d{1,6}$/.exec(answer.header("retry-after") ?? "")?.[0];
  const retryAfterMs = seconds === undefined ? undefined : Number(seconds) * 1_000;
  const asked = retryAfterMs === undefined ? { detail } : { detail, retryAfterMs };
  if (status === 404 || status === 410) return new SottoError("attachmentGone");
  if (status === 416) return corrupt("the blob ends before its last chunk");
  if (status === 429) return new SottoError("tooManyRequests", asked);
  return new SottoError(status >= 500 ? "busy" : "badRelay", asked);
}
