/** One always-reconnecting connection to the relay, for one kind of greeting. */

import { encodeFrame, type Frame, frames, limits, SottoError } from "@sotto/protocol";
import { relayAddress } from "./address.js";
import { Connection, type LiveFrame } from "./connection.js";
import { DeliveryOrder } from "./delivery-order.js";
import { Heartbeat } from "./heartbeat.js";
import type { LinkParts, LinkState, Push } from "./link-parts.js";
import { verdictOn } from "./loss.js";
import { Redial } from "./redial.js";
import { HEARTBEAT_ID, RequestTable, type TakingBack } from "./request-table.js";
import type { AnswerOf, RequestName, RequestOf } from "./requests.js";

export type { CheckRoot } from "./greeting.js";
export type { LinkParts, LinkState, Push } from "./link-parts.js";

/** How long a request may take, if the app says nothing else. */
const REQUEST_TIMEOUT_MS = 15_000;
/** A relay that leaves so many requests unanswered past their deadline is given up even if it answers heartbeats. */
const MAX_OVERDUE = 64;
/** Frames a relay may send before the link is ready: a full window of mail, and news. */
const MAX_HELD = 2 * limits.inFlight.value;

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
  readonly #redial: Redial;
  #state: LinkState = "waiting";
  #isStarted = false;
  #connection: Connection | undefined;
  #heartbeat: Heartbeat | undefined;
  #order = new DeliveryOrder();
  /** What was heard since `welcome`, while the link gets ready. */
  #held: LiveFrame[] | undefined;
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
    this.#redial = new Redial({ clock: parts.clock, random: parts.random, dial: () => this.#dial() });
  }

  /** Where the link stands; `waiting` before `start()`. */
  get state(): LinkState {
    return this.#state;
  }

  /** Why the link ended for good; `undefined` while it has not. */
  get end(): SottoError | undefined {
    return this.#end;
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
  async request<N extends RequestName>(frame: RequestOf<N>, options: TakingBack = {}): Promise<AnswerOf<N>> {
    if (this.#end !== undefined) throw this.#end;
    const stages: readonly string[] = frames[frame.type].stages;
    if (!stages.includes(this.#parts.greeting.kind)) throw new SottoError("notAuthenticated");
    return this.#requests.submit(frame, options);
  }

  /** Asks what time it is at the relay, for this device's clock may have been set since it was told. @throws what `request` does. */
  async askTime(): Promise<void> {
    const { clock } = this.#parts;
    const askedMs = clock.now();
    const { serverTimeMs } = await this.request({ type: "ping" });
    this.#toldTime(serverTimeMs, (askedMs + clock.now()) / 2);
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

  /** Ends the link: what waits rejects `closed`, what was sent `offline`, since it may have taken effect. Idempotent. */
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
      ready: (welcome) => this.#welcomed(connection, welcome),
      frame: (frame) => this.#hear(connection, frame),
      lost: (error) => this.#lost(error),
    });
    this.#connection = connection;
    this.#enter("connecting");
    if (this.#connection === connection) connection.open();
  }

  #welcomed(connection: Connection, welcome: Frame<"welcome">): void {
    const { clock, beforeReady } = this.#parts;
    this.#redial.ready();
    this.#serverTimeOffsetMs = welcome.serverTimeMs - clock.now();
    this.#tell(() => this.#parts.onTime?.(welcome.serverTimeMs));
    if (beforeReady === undefined) {
      this.#ready(connection, welcome);
      return;
    }
    this.#held = [];
    beforeReady(welcome).then(
      () => {
        if (this.#connection !== connection) return;
        const held = this.#held ?? [];
        this.#held = undefined;
        this.#ready(connection, welcome);
        for (const frame of held) if (this.#connection === connection) this.#hear(connection, frame);
      },
      (cause: unknown) =>
        connection.drop(new SottoError("offline", { detail: "the state could not be restored", cause })),
    );
  }

  #ready(connection: Connection, welcome: Frame<"welcome">): void {
    const { clock } = this.#parts;
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
    if (this.#held !== undefined) {
      if (this.#held.push(frame) > MAX_HELD)
        connection.drop(new SottoError("badRelay", { detail: "too much at once" }));
      return;
    }
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
      case "devicesChanged":
      case "deviceLimit":
      case "deskNews":
        return this.#push(frame);
      case "pong":
      case "failed":
        return frame.id === HEARTBEAT_ID ? this.#beaten(frame) : this.#requests.answer(frame);
      default:
        return this.#requests.answer(frame);
    }
  }

  #push(frame: Push): undefined {
    this.#tell(() => this.#parts.onPush(frame));
  }

  /** The heartbeat was answered. A refused one (a busy relay, a limiter) shows as well that somebody is there. */
  #beaten(frame: Frame<"pong" | "failed">): string | undefined {
    const askedMs = this.#heartbeat?.answered();
    if (askedMs === undefined) return "an answer to no heartbeat";
    if (frame.type === "failed") return undefined;
    this.#toldTime(frame.serverTimeMs, askedMs);
    return undefined;
  }

  /** The relay said what time it is, midway between a question and its answer. */
  #toldTime(serverTimeMs: number, middleMs: number): void {
    this.#serverTimeOffsetMs = Math.round(serverTimeMs - middleMs);
    this.#tell(() => this.#parts.onTime?.(serverTimeMs));
  }

  #stalled(overdue: number): void {
    if (overdue < MAX_OVERDUE) this.#heartbeat?.suspect();
    else this.#connection?.drop(new SottoError("timeout", { detail: "too many requests without an answer" }));
  }

  #lost(error: SottoError): void {
    this.#abandon(error);
    if (error.code === "badRelay") this.#violations += 1;
    const verdict = verdictOn(error.code);
    if (verdict === "end") {
      this.#finish(error, error);
      return;
    }
    if (error.code === "badRelay" || verdict === "slow") this.#parts.log("warn", "link.lost", { code: error.code });
    this.#redial.plan(error, verdict);
    this.#enter("waiting", error);
  }

  #finish(end: SottoError, reason: SottoError | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#redial.cancel();
    this.#connection?.close();
    this.#abandon(end);
    this.#requests.end(end);
    this.#enter("ended", reason);
  }

  /** Lets go of the connection and of what was sent over it. */
  #abandon(error: SottoError): void {
    this.#connection = undefined;
    this.#held = undefined;
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
