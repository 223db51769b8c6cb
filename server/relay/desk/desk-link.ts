/** The connection of the desk, while there is one, and what devices ask over it. */

import type { AccountId, CloseReason, DeviceId, FrameToClient } from "@sotto/protocol";
import type { Clock, Metrics } from "../../ports.js";

/** The desk's connection. */
export interface DeskConnection {
  answer(frame: FrameToClient): void;
  close(reason: CloseReason): void;
}

/** What a device asks. */
export interface Ask {
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly body: Uint8Array;
}

/** What the link is made of. */
export interface DeskLinkParts {
  readonly clock: Pick<Clock, "after">;
  readonly metrics: Metrics;
}

/** How long the desk may take for an answer. */
const ANSWER_MS = 15_000;
/** Asks under way, of 16 KiB each at most; no account has more of them than its limiter allows. */
const MAX_ASKS = 512;
const U32 = 0xffff_ffff;

type Settle = (answer: Uint8Array | undefined) => void;

/** One desk at a time: a newer connection displaces the older, and what was asked over that one is not answered any more. */
export class DeskLink {
  private present: DeskConnection | undefined;
  private readonly asks = new Map<number, Settle>();
  private lastAsk = 0;

  constructor(
    private readonly parts: DeskLinkParts,
    private readonly maxAsks = MAX_ASKS,
  ) {}

  /** Whether the desk is there. */
  get isThere(): boolean {
    return this.present !== undefined;
  }

  /** The desk came. */
  attach(connection: DeskConnection): void {
    const former = this.present;
    this.present = connection;
    this.releaseAll();
    former?.close("displaced");
  }

  /** A connection of the desk went. */
  detach(connection: DeskConnection): void {
    if (this.present !== connection) return;
    this.present = undefined;
    this.releaseAll();
  }

  /** Hands an ask on. Resolves with the answer, or with nothing: the desk is away, has too much to do, or does not answer. */
  ask({ account, device, body }: Ask): Promise<Uint8Array | undefined> {
    const { present } = this;
    if (present === undefined || this.asks.size >= this.maxAsks) {
      this.parts.metrics.count("deskAsks", present === undefined ? "away" : "crowded");
      return Promise.resolve(undefined);
    }
    const ask = this.nextAsk();
    return new Promise((resolve) => {
      const timer = this.parts.clock.after(ANSWER_MS, () => this.asks.get(ask)?.(undefined));
      this.asks.set(ask, (answer) => {
        this.asks.delete(ask);
        timer.cancel();
        this.parts.metrics.count("deskAsks", answer === undefined ? "unanswered" : "answered");
        resolve(answer);
      });
      present.answer({ type: "deskAsked", ask, account, device, body });
    });
  }

  /** The desk answers. What nobody waits for any more is let go. */
  answered(connection: DeskConnection, ask: number, body: Uint8Array): void {
    if (connection === this.present) this.asks.get(ask)?.(body);
  }

  /** Tells the desk, if it is there. */
  tell(frame: FrameToClient): void {
    this.present?.answer(frame);
  }

  /** Lets everything go that is asked: nobody will answer it. */
  releaseAll(): void {
    for (const settle of [...this.asks.values()]) settle(undefined);
  }

  private nextAsk(): number {
    do this.lastAsk = this.lastAsk === U32 ? 1 : this.lastAsk + 1;
    while (this.asks.has(this.lastAsk));
    return this.lastAsk;
  }
}
