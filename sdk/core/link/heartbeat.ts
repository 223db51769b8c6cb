/** Keeps a live connection heard on both sides, and notices when the other one is gone. */

import { limits } from "@sotto/protocol";
import type { Clock } from "../ports.js";

const TICK_MS = 5_000;
/** How long a connection under suspicion may stay silent after its ping. */
const PROBE_MS = 10_000;

/** What a heartbeat watches over. */
export interface HeartbeatParts {
  readonly clock: Clock;
  /** Sends a ping; called only while none is unanswered. */
  ping(): void;
  /** The connection is dead; called once. */
  dead(why: string): void;
}

/**
 * The heartbeat of one live connection.
 *
 * Counts its own ticks, so that a clock set anew neither kills a connection nor keeps a dead one. A tick that comes much
 * too late (sleep, a throttled page) makes the connection suspect. A suspect one is pinged and must say something soon.
 */
export class Heartbeat {
  readonly #parts: HeartbeatParts;
  #ticking: { cancel(): void };
  #probing: { cancel(): void } | undefined;
  #tickedMs: number;
  /** Whole ticks that ended since; the true time is up to one tick less, never more. */
  #sinceSentMs = 0;
  #sinceHeardMs = 0;
  #pingedMs: number | undefined;
  #isStopped = false;

  constructor(parts: HeartbeatParts) {
    this.#parts = parts;
    this.#tickedMs = parts.clock.now();
    this.#ticking = parts.clock.after(TICK_MS, () => this.#tick());
  }

  /** A frame went out. */
  sent(): void {
    this.#sinceSentMs = 0;
  }

  /** A frame came in. */
  heard(): void {
    this.#sinceHeardMs = 0;
    this.#probing?.cancel();
    this.#probing = undefined;
  }

  /** The ping was answered. Returns the local time midway between the two, or `undefined` if no ping is out. */
  answered(): number | undefined {
    if (this.#pingedMs === undefined) return undefined;
    const middleMs = (this.#pingedMs + this.#parts.clock.now()) / 2;
    this.#pingedMs = undefined;
    return middleMs;
  }

  /** Something took too long: pings, and gives the connection up unless it says something within `PROBE_MS`. */
  suspect(): void {
    if (this.#isStopped || this.#probing !== undefined) return;
    this.#probing = this.#parts.clock.after(PROBE_MS, () => this.#die("silent after a probe"));
    if (this.#pingedMs === undefined) this.#ping();
  }

  /** Ends the watch. Idempotent. */
  stop(): void {
    this.#isStopped = true;
    this.#ticking.cancel();
    this.#probing?.cancel();
  }

  #tick(): void {
    if (this.#isStopped) return;
    const nowMs = this.#parts.clock.now();
    const lateByMs = nowMs - this.#tickedMs - TICK_MS;
    this.#tickedMs = nowMs;
    this.#sinceSentMs += TICK_MS;
    this.#sinceHeardMs += TICK_MS;
    this.#ticking = this.#parts.clock.after(TICK_MS, () => this.#tick());
    if (this.#sinceHeardMs >= limits.silenceMs.value) this.#die("silent for too long");
    else if (lateByMs > TICK_MS) this.suspect();
    else if (this.#sinceSentMs >= limits.heartbeatMs.value) this.#beat();
  }

  #beat(): void {
    if (this.#pingedMs === undefined) this.#ping();
    else this.#die("a heartbeat without an answer");
  }

  #ping(): void {
    this.#pingedMs = this.#parts.clock.now();
    this.#parts.ping();
  }

  #die(why: string): void {
    if (this.#isStopped) return;
    this.stop();
    this.#parts.dead(why);
  }
}
