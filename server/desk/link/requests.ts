/** Requests of the desk to its relay: numbered, bounded, each with a deadline. */

import { type Frame, type FrameToClient, failureFromWire, limits, SottoError } from "@sotto/protocol";
import type { Clock } from "../../ports.js";

/** Which frame answers which. */
const answers = {
  putRealm: "done",
  fetchStampKeys: "stampKeys",
  fetchReports: "reports",
  acknowledgeReports: "done",
  enforce: "done",
  notify: "done",
} as const;

/** What the desk can ask of its relay. */
export type RequestName = keyof typeof answers;
/** What a request holds, without its number. */
export type FieldsOf<Name extends RequestName> = Omit<Frame<Name>, "type" | "id">;
/** What answers a request. */
export type AnswerOf<Name extends RequestName> = Frame<(typeof answers)[Name]>;

const MAX_IN_FLIGHT = limits.requestsInFlight.value - 1;
/** Requests that may wait for a free place. */
const MAX_WAITING = 4_096;
const DEADLINE_MS = 20_000;

interface Asked {
  readonly frame: Frame<RequestName>;
  resolve(answer: FrameToClient): void;
  reject(error: SottoError): void;
}

/** What the table needs, and whom it tells. */
export interface RequestsParts {
  readonly clock: Clock;
  send(frame: Frame<RequestName>): void;
  /** The relay did not answer in time. */
  overdue(): void;
}

/** The requests of one connection. */
export class Requests {
  readonly #parts: RequestsParts;
  readonly #waiting: Asked[] = [];
  readonly #sent = new Map<number, Asked & { readonly deadline: { cancel(): void } }>();
  #lastId = 0;

  constructor(parts: RequestsParts) {
    this.#parts = parts;
  }

  /** Asks; rejects with what the relay answered if it failed, and with tooManyRequests if too many wait. */
  ask<Name extends RequestName>(type: Name, fields: FieldsOf<Name>): Promise<AnswerOf<Name>> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length >= MAX_WAITING) {
        throw new SottoError("tooManyRequests", { detail: "too many requests of the desk wait for the relay" });
      }
      this.#lastId = this.#lastId === 0xffff_ffff ? 1 : this.#lastId + 1;
      const frame = { type, ...fields, id: this.#lastId } as unknown as Frame<RequestName>;
      this.#waiting.push({ frame, resolve: (answer) => resolve(answer as unknown as AnswerOf<Name>), reject });
      this.#pump();
    });
  }

  /** Takes an answer. Returns what is wrong with it, if it answers nothing that was asked. */
  answer(frame: Extract<FrameToClient, { readonly id: number }>): string | undefined {
    const asked = this.#sent.get(frame.id);
    if (asked === undefined) return "an answer to no request";
    if (frame.type !== "failed" && frame.type !== answers[asked.frame.type]) return "an answer to another request";
    this.#sent.delete(frame.id);
    asked.deadline.cancel();
    if (frame.type === "failed") asked.reject(new SottoError(failureFromWire(frame.failure) ?? "badRelay"));
    else asked.resolve(frame);
    this.#pump();
    return undefined;
  }

  /** The connection is lost: rejects everything. */
  end(cause: SottoError): void {
    for (const { deadline } of this.#sent.values()) deadline.cancel();
    const lost = [...this.#sent.values(), ...this.#waiting];
    this.#sent.clear();
    this.#waiting.length = 0;
    for (const { reject } of lost) reject(new SottoError("offline", { detail: "lost before the answer", cause }));
  }

  #pump(): void {
    while (this.#sent.size < MAX_IN_FLIGHT) {
      const asked = this.#waiting.shift();
      if (asked === undefined) return;
      const deadline = this.#parts.clock.after(DEADLINE_MS, () => this.#parts.overdue());
      this.#sent.set(asked.frame.id, { ...asked, deadline });
      try {
        this.#parts.send(asked.frame);
      } catch (cause) {
        deadline.cancel();
        this.#sent.delete(asked.frame.id);
        asked.reject(cause instanceof SottoError ? cause : new SottoError("internal", { cause }));
      }
    }
  }
}
