/** One always-reconnecting connection to the relay, for one kind of greeting. */

import { encodeFrame, type Frame, frames, limits, SottoError } from "@sotto/protocol";
import type { AbortSignalLike, Clock, Dial, Log, Random } from "../ports.js";
import { type Plaintext, relayAddress } from "./address.js";
import { nextDelayMs, STABLE_MS } from "./backoff.js";
import { Connection, type LiveFrame } from "./connection.js";
import { DeliveryOrder } from "./delivery-order.js";
import type { CheckRoot, Greeting } from "./greeting.js";
import { Heartbeat } from "./heartbeat.js";
import { verdictOn } from "./loss.js";
import { HEARTBEAT_ID, RequestTable } from "./request-table.js";
import type { AnswerOf, RequestName, RequestOf } from "./requests.js";

export type { CheckRoot, Greeting } from "./greeting.js";

/** How long a request may take, if the app says nothing else. */
export const REQUEST_TIMEOUT_MS = 15_000;
/** A relay that leaves so many requests unanswered past their deadline is given up even if it answers heartbeats. */
export const MAX_OVERDUE = 64;

/** Where a link stands: `waiting` between two dials, `ended` for good. */
export type LinkState = "connecting" | "ready" | "waiting" | "ended";

/** What a relay says unasked. */
export type Push = Frame<"deliver" | "queueEmpty" | "keysLow" | "mailboxFull">;

/** What a link is made of, and whom it tells. A callback may call the link, `close()` included; what one throws is logged. */
export interface LinkParts {
  /** `https://host[:port]`; see `relayAddress`. */
  readonly url: string;
  readonly plaintext?: Plaintext;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly greeting: Greeting;
  readonly checkRoot: CheckRoot;
  readonly requestTimeoutMs?: number;
  onReady(welcome: Frame<"welcome">): void;
  onPush(frame: Push): void;
  /** `reason` is why the link waits or ended; none after `close()`. */
  onState(state: LinkState, reason?: SottoError): void;
}

/**
 * A connection to the relay that comes back for ever.
 *
 *   waiting ──start, delay over──▶ connecting ──welcome──▶ ready
 *      ▲                               │                     │
 *      └──────────── loss ─────────────┴──────── loss ───────┤
 *                                      └─ loss for good ─────┴──▶ ended
 *
 * A relay that breaks the protocol (`badRelay`) is dropped, counted and tried again. What ends a link is in `verdictOn`.
 */
export class RelayLink {
  readonly #parts: LinkParts;
  readonly #address: string;
  readonly #requests: RequestTable;
  #state: LinkState = "waiting";
  #isStarted = false;
  #connection: Connection | undefined;
  #heartbeat: Heartbeat | undefined;
  #order = new DeliveryOrder();
  #redial: { cancel(): void } | undefined;
  #failures = 0;
  #readyMs: number | undefined;
  #violations = 0;
  #serverTimeOffsetMs = 0;
  #end: SottoError | undefined;

  /** @throws invalidArgument if the address is none; see `relayAddress`. */
  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#address = relayAddress(parts.url, parts.plaintext);
    this.#requests = new RequestTable({
      clock: parts.clock,
      timeoutMs: parts.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
      stalled: (overdue) => this.#stalled(overdue),
    });
  }

  /** Where the link stands; `waiting` before `start()`. */
  get state(): LinkState {
    return this.#state;
  }

  /** How often a relay broke the protocol on this link. */
  get violations(): number {
    return this.#violations;
  }

  /** The relay's clock minus ours, as far as the relay can be believed; 0 before the first `welcome`. */
  get serverTimeOffsetMs(): number {
    return this.#serverTimeOffsetMs;
  }

  /** Begins to connect. Idempotent; does nothing on a link that has ended. */
  start(): void {
    if (this.#isStarted || this.#end !== undefined) return;
    this.#isStarted = true;
    this.#dial();
  }

  /**
   * Sends a request and resolves with its typed answer; waits for a connection up to the timeout.
   *
   * @throws what the relay answered (`failed`); offline or timeout: it may have taken effect, so repeat it only if it is
   *   idempotent; aborted; tooManyRequests if too many wait; notAuthenticated for a request that this kind of connection
   *   does not carry; invalidArgument or tooLarge if it is no frame; closed, or the reason the link ended.
   */
  async request<N extends RequestName>(
    frame: RequestOf<N>,
    options: { readonly signal?: AbortSignalLike | undefined } = {},
  ): Promise<AnswerOf<N>> {
    if (this.#end !== undefined) throw this.#end;
    const stages: readonly string[] = frames[frame.type].stages;
    if (!stages.includes(this.#parts.greeting.kind)) throw new SottoError("notAuthenticated");
    return this.#requests.submit(frame, options.signal);
  }

  /**
   * Acknowledges everything up to a cursor and the listed cursors beyond it, after the device's own durable commit.
   * Dropped silently when not ready: the relay delivers again what it did not hear of.
   */
  acknowledge(upTo: number, also: readonly number[]): void {
    if (this.#state !== "ready") return;
    this.#order.acknowledged(upTo, also);
    const { value: most } = limits.acksPerFrame;
    for (let at = 0; at === 0 || at < also.length; at += most) {
      this.#send(encodeFrame({ type: "acknowledge", upTo, also: also.slice(at, at + most) }));
    }
  }

  /** Ends the link; what waits rejects `closed`. Idempotent. */
  close(): void {
    this.#finish(new SottoError("closed"), undefined);
  }

  #dial(): void {
    const connection = new Connection({
      address: this.#address,
      dial: this.#parts.dial,
      clock: this.#parts.clock,
      opening: this.#parts.greeting,
      checkRoot: this.#parts.checkRoot,
      ready: (welcome) => this.#ready(connection, welcome),
      frame: (frame) => this.#hear(connection, frame),
      lost: (error) => this.#lost(error),
    });
    this.#connection = connection;
    this.#enter("connecting");
    if (this.#connection === connection) connection.open();
  }

  #ready(connection: Connection, welcome: Frame<"welcome">): void {
    const { clock } = this.#parts;
    this.#readyMs = clock.now();
    this.#serverTimeOffsetMs = welcome.serverTimeMs - this.#readyMs;
    this.#order = new DeliveryOrder();
    this.#heartbeat = new Heartbeat({
      clock,
      ping: () => this.#send(encodeFrame({ type: "ping", id: HEARTBEAT_ID })),
      dead: (why) => connection.drop(new SottoError("timeout", { detail: why })),
    });
    this.#enter("ready");
    this.#tell(() => this.#parts.onReady(welcome));
    if (this.#connection !== connection) return;
    const send = (bytes: Uint8Array) => this.#send(bytes);
    this.#requests.attach({
      send,
      get bufferedBytes() {
        return connection.bufferedBytes;
      },
    });
  }

  #send(bytes: Uint8Array): void {
    this.#heartbeat?.sent();
    this.#connection?.send(bytes);
  }

  #hear(connection: Connection, frame: LiveFrame): void {
    this.#heartbeat?.heard();
    const violation = this.#take(frame);
    if (violation !== undefined) connection.drop(new SottoError("badRelay", { detail: violation }));
    else this.#requests.pump();
  }

  /** Passes a frame on. Returns what is wrong with it, if anything. */
  #take(frame: LiveFrame): string | undefined {
    switch (frame.type) {
      case "deliver":
        return this.#order.deliver(frame) ?? this.#push(frame);
      case "queueEmpty":
        return this.#order.queueEmpty() ?? this.#push(frame);
      case "keysLow":
      case "mailboxFull":
        return this.#push(frame);
      case "pong":
        return frame.id === HEARTBEAT_ID ? this.#pong(frame) : this.#requests.answer(frame);
      default:
        return this.#requests.answer(frame);
    }
  }

  #push(frame: Push): undefined {
    this.#tell(() => this.#parts.onPush(frame));
  }

  #pong({ serverTimeMs }: Frame<"pong">): string | undefined {
    const askedMs = this.#heartbeat?.answered();
    if (askedMs === undefined) return "a pong to no ping";
    this.#serverTimeOffsetMs = Math.round(serverTimeMs - askedMs);
    return undefined;
  }

  #stalled(overdue: number): void {
    if (overdue < MAX_OVERDUE) this.#heartbeat?.suspect();
    else this.#connection?.drop(new SottoError("timeout", { detail: "too many requests without an answer" }));
  }

  #lost(error: SottoError): void {
    this.#abandon(error);
    const { clock, random, log } = this.#parts;
    const wasStable = this.#readyMs !== undefined && clock.now() - this.#readyMs >= STABLE_MS;
    this.#readyMs = undefined;
    this.#failures = wasStable ? 1 : this.#failures + 1;
    if (error.code === "badRelay") this.#violations += 1;
    const verdict = verdictOn(error.code);
    if (verdict === "end") {
      this.#finish(error, error);
      return;
    }
    if (error.code === "badRelay" || verdict === "slow") log("warn", "link.lost", { code: error.code });
    const delayMs = nextDelayMs({
      failures: this.#failures,
      pace: verdict,
      retryAfterMs: error.retryAfterMs,
      chance: new DataView(random.bytes(4).buffer).getUint32(0) / 2 ** 32,
    });
    this.#redial = clock.after(delayMs, () => this.#dial());
    this.#enter("waiting", error);
  }

  #finish(end: SottoError, reason: SottoError | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#redial?.cancel();
    this.#connection?.close();
    this.#abandon(end);
    this.#requests.end(end);
    this.#enter("ended", reason);
  }

  /** Lets go of the connection and of what was sent over it. */
  #abandon(error: SottoError): void {
    this.#connection = undefined;
    this.#heartbeat?.stop();
    this.#heartbeat = undefined;
    this.#requests.detach(error);
  }

  #enter(state: LinkState, reason?: SottoError): void {
    this.#state = state;
    this.#tell(() => this.#parts.onState(state, reason));
  }

  /** A callback that throws is a bug of its owner; the connection does not pay for it. */
  #tell(callback: () => void): void {
    try {
      callback();
    } catch {
      this.#parts.log("error", "link.callbackThrew", { state: this.#state });
    }
  }
}
