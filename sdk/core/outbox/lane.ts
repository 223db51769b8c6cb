/** The order of what goes to one destination: several on their way at once, completed in order, gone back to on a failure. */

import { SottoError } from "@sotto/protocol";
import { Cancellation } from "../cancellation.js";
import type { Clock } from "../ports.js";

/** Sends on their way to one destination at once. */
const WINDOW = 16;
/** Back-off between failed tries of a lane. */
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 60_000;

/** What became of one try. */
export type Attempted =
  | { readonly kind: "done" }
  /** Try the same again: at once (something was repaired), or later. */
  | { readonly kind: "again"; readonly afterMs: number | undefined };

/**
 * Sends that are on their way together. Aborts when one of them has to be made again: what did not leave yet must not overtake
 * it.
 */
export class SendWindow extends Cancellation {
  private first: string | undefined;
  private isMixed = false;

  /**
   * Whether a send may leave before those ahead of it are answered; asked in their order. `basis` is what the relay decides it
   * by. Of one that rests on the same as all ahead of it the relay says what it says of them; another may be taken where they
   * are refused, and they go again behind it.
   */
  isAlike(basis: string): boolean {
    this.first ??= basis;
    this.isMixed ||= basis !== this.first;
    return !this.isMixed;
  }
}

/** What the sends of one window share. */
export interface Passage<Access> {
  readonly access: Access;
  /** Resolves when all earlier sends of the window are over, however that ended. */
  readonly before: Promise<void>;
  readonly window: SendWindow;
}

/** What a lane works with. `begin` encrypts, in order; the promise it answers settles when the relay answered. */
export interface LaneParts<Access> {
  readonly clock: Clock;
  /** How to write there now. One answer holds for a window, so that its sends share a connection and its order. */
  access(): Promise<Access>;
  begin(order: number, passage: Passage<Access>): Promise<{ readonly attempted: Promise<Attempted> }>;
  /** How often in a row something that was repaired is tried again without a delay. */
  readonly repairsAtOnce: number;
  failed(error: unknown): void;
}

/**
 * One destination's queue of outbox rows, by their order number.
 *
 *   idle ──add──▶ sending ──all done──▶ idle
 *                   └──again──▶ waiting ──delay or wake──▶ sending
 *
 * A row that comes while the lane waits waits with the others. After a failure the window begins with one row and doubles
 * with each success, so that a relay which lets through one of many gets them in order.
 */
export class Lane<Access> {
  private readonly queue: number[] = [];
  private isSending = false;
  private isWoken = false;
  private isClosed = false;
  private tries = 0;
  private window = WINDOW;
  private timer: { cancel(): void } | undefined;

  constructor(private readonly parts: LaneParts<Access>) {}

  /** How many rows wait or are on their way. */
  get length(): number {
    return this.queue.length;
  }

  /** Adds a row behind the others. */
  add(order: number): void {
    this.queue.push(order);
    if (this.timer === undefined) this.start();
  }

  /** Takes a row out; false if it is not waiting. The caller asks only for rows that are not on their way. */
  remove(order: number): boolean {
    const at = this.queue.indexOf(order);
    if (at < 0) return false;
    this.queue.splice(at, 1);
    if (this.queue.length === 0) this.stopWaiting();
    return true;
  }

  /** Goes on now instead of after the delay, because the relay was reached. */
  wake(): void {
    this.tries = 0;
    this.isWoken = this.isSending;
    this.start();
  }

  /** Stops after what is on its way. */
  close(): void {
    this.isClosed = true;
    this.stopWaiting();
  }

  private stopWaiting(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private start(): void {
    if (this.isSending || this.isClosed || this.queue.length === 0) return;
    this.stopWaiting();
    this.isSending = true;
    this.send().catch((error) => this.parts.failed(error));
  }

  private async send(): Promise<void> {
    let delayMs: number | undefined;
    while (this.queue.length > 0 && !this.isClosed && delayMs === undefined) {
      delayMs = await this.sendWindow();
      // What failed may have failed before the relay was reached.
      if (this.isWoken) delayMs = undefined;
      this.isWoken = false;
    }
    this.isSending = false;
    if (this.isClosed || delayMs === undefined || this.queue.length === 0) return;
    this.timer = this.parts.clock.after(delayMs, () => {
      this.timer = undefined;
      this.start();
    });
  }

  /** Sends up to a window in order. Answers how long to wait if not all went through. */
  private async sendWindow(): Promise<number | undefined> {
    const access = await this.parts.access();
    const window = new SendWindow();
    const onTheirWay: { readonly order: number; readonly attempted: Promise<Attempted> }[] = [];
    let before = Promise.resolve();
    for (const order of this.queue.slice(0, this.window)) {
      if (window.aborted) break;
      if (!this.queue.includes(order)) continue; // taken back meanwhile
      const { attempted } = await this.parts.begin(order, { access, before, window });
      const over = attempted.then(
        ({ kind }) => {
          if (kind === "again") window.abort();
        },
        () => window.abort(), // awaited below
      );
      before = Promise.all([before, over]).then(() => undefined);
      onTheirWay.push({ order, attempted });
    }
    let again: Extract<Attempted, { kind: "again" }> | undefined;
    for (const { order, attempted } of onTheirWay) {
      const outcome = await attempted;
      if (outcome.kind === "done") this.remove(order);
      else again ??= outcome;
    }
    if (again === undefined) {
      this.tries = 0;
      this.window = Math.min(this.window * 2, WINDOW);
      return undefined;
    }
    this.window = 1;
    this.tries += 1;
    // Something was repaired: at once, and if that does not help, with care.
    if (again.afterMs === 0 && this.tries <= this.parts.repairsAtOnce) return undefined;
    return Math.max(again.afterMs ?? 0, Math.min(FIRST_DELAY_MS * 2 ** (this.tries - 1), MAX_DELAY_MS));
  }
}

/** How long an error of the relay asks to wait; `undefined` if it is not one that passes. */
export function waitFor(error: unknown): number | undefined {
  if (!(error instanceof SottoError) || !error.retryable) return undefined;
  return error.retryAfterMs ?? FIRST_DELAY_MS;
}
