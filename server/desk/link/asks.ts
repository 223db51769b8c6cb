/** What devices ask the desk, some at a time: a bounded queue between the relay's socket and the desk's rules. */

import type { Frame } from "@sotto/protocol";
import type { Log } from "../../ports.js";
import type { RelayEvents } from "../ports.js";

/** Asks that are answered at once; most of the work is signatures, which one thread makes. */
const MAX_AT_ONCE = 16;
/** Asks that may wait: seconds of work. The relay tells who asks beyond them that the desk is busy. */
const MAX_WAITING = 1_024;

/** What the queue needs. */
export interface AskQueueParts {
  readonly asked: RelayEvents["asked"];
  readonly log: Log;
  /** Sends an answer. */
  answer(frame: Frame<"deskAnswered">): void;
}

/** The asks of one connection; dropped with it, for nobody waits for answers on another. */
export class AskQueue {
  readonly #parts: AskQueueParts;
  readonly #waiting: Frame<"deskAsked">[] = [];
  #running = 0;
  #isOver = false;
  #isFull = false;

  constructor(parts: AskQueueParts) {
    this.#parts = parts;
  }

  /** Takes an ask; one too many is dropped, and its device asks again after the relay's deadline. */
  take(ask: Frame<"deskAsked">): void {
    if (this.#waiting.length >= MAX_WAITING) {
      if (!this.#isFull) this.#parts.log.warn("deskAsksDropped", { reason: "more devices ask than can be answered" });
      this.#isFull = true;
      return;
    }
    this.#waiting.push(ask);
    this.#next();
  }

  /** Answers nothing any more. */
  end(): void {
    this.#isOver = true;
    this.#waiting.length = 0;
  }

  #next(): void {
    while (this.#running < MAX_AT_ONCE) {
      const ask = this.#waiting.shift();
      if (ask === undefined) {
        this.#isFull = false;
        return;
      }
      this.#running += 1;
      void this.#answer(ask).finally(() => {
        this.#running -= 1;
        this.#next();
      });
    }
  }

  async #answer({ ask, account, device, body }: Frame<"deskAsked">): Promise<void> {
    try {
      const answer = await this.#parts.asked(account, device, body);
      if (!this.#isOver) this.#parts.answer({ type: "deskAnswered", ask, body: answer });
    } catch (cause) {
      this.#parts.log.error("deskAskFailed", cause);
    }
  }
}
