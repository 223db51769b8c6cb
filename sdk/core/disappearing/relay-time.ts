/**
 * What time it is at the relay, as messages end by it. It never goes back, over restarts either, and setting this device's clock
 * moves it as little as can be: while the relay is reached, time is what the relay says and what timers have counted since.
 * Without the relay a clock that was set forward looks like a device that slept, so an offline device believes its clock forward
 * (and may end messages early by as much as it is wrong), never back. What it believed offline is forgotten once the relay is
 * heard again; only what the relay said, and what timers counted from there, is kept on the disk.
 *
 * A relay that lies about the time makes messages end early or late. It could as well withhold them.
 */

import type { Clock, StoreChange } from "../ports.js";
import { decodeRow, encodeRow, keys } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** Time is counted in steps of at most this; a clock that is set between two steps moves time by no more. */
export const STEP_MS = 10_000;
/** The latest time that is believed: behind it, numbers leave room to count on for a century, and for every timer. */
const LATEST_MS = Number.MAX_SAFE_INTEGER - 2 ** 42;
/** The time on the disk is at most this old while messages run out. */
const KEEP_EVERY_MS = 10 * 60_000;

/** What the relay's time is made from. */
export interface RelayTimeParts {
  readonly store: SealedStore;
  readonly clock: Clock;
  /** Whether the relay is reached now. */
  isOnline(): boolean;
  /** The relay's clock minus this device's, as it was told last. */
  offsetMs(): number;
}

/** The time counted so far. */
export interface Counted {
  /** The latest time of the relay that is known to have passed. */
  readonly atMs: number;
  /** What this device's clock showed then. */
  readonly clockMs: number;
}

/** The time after a step of timers that took `stepMs`, whatever the clock shows. Pure. */
export function stepped({ atMs }: Counted, clockMs: number, stepMs: number): Counted {
  return { atMs: atMs + stepMs, clockMs };
}

/** The time once the relay said what it is; it may be behind what was counted. Pure. */
export function told({ atMs }: Counted, clockMs: number, relayMs: number): Counted {
  return { atMs: Math.max(atMs, Math.min(relayMs, LATEST_MS)), clockMs };
}

/** The time counted anew from this moment on, before a timer is set. Pure. */
export function countedAt({ atMs, clockMs }: Counted, nowMs: number): Counted {
  return { atMs: atMs + Math.min(Math.max(0, nowMs - clockMs), STEP_MS), clockMs: nowMs };
}

/** What time it is, by what was counted and the present clock. Pure. */
export function timeAt(
  counted: Counted,
  { nowMs, offsetMs, line }: { readonly nowMs: number; readonly offsetMs: number; readonly line: "online" | "offline" },
): number {
  const { atMs } = countedAt(counted, nowMs);
  return line === "online" ? atMs : Math.max(atMs, Math.min(nowMs + offsetMs, LATEST_MS));
}

/** The relay's time in one run. */
export class RelayTime {
  private counted: Counted;
  private keptMs = 0;
  /** The latest that was answered, so that nothing goes back while a run lasts and the relay was not heard. */
  private believedMs = 0;

  constructor(private readonly parts: RelayTimeParts) {
    this.counted = { atMs: 0, clockMs: parts.clock.now() };
  }

  /** Takes up the latest time that an earlier run knew to have passed. */
  async load(): Promise<void> {
    const stored = await this.parts.store.get(keys.relayTime);
    if (stored === undefined) return;
    const { atMs } = decodeRow("relayTime", stored);
    this.keptMs = atMs;
    this.counted = { atMs: Math.max(this.counted.atMs, atMs), clockMs: this.parts.clock.now() };
  }

  /** What time it is. */
  nowMs(): number {
    const { clock, isOnline, offsetMs } = this.parts;
    const line = isOnline() ? "online" : "offline";
    const nowMs = timeAt(this.counted, { nowMs: clock.now(), offsetMs: offsetMs(), line });
    if (line === "online") return nowMs;
    this.believedMs = Math.max(this.believedMs, nowMs);
    return this.believedMs;
  }

  /** A timer begins to run now. */
  begin(): void {
    this.counted = countedAt(this.counted, this.parts.clock.now());
  }

  /** A timer of at most `STEP_MS`, since whose beginning nothing else was counted, ran to its end. */
  step(stepMs: number): void {
    this.counted = stepped(this.counted, this.parts.clock.now(), stepMs);
  }

  /** The relay said what time it is. Answers whether that takes back what was believed without it. */
  told(relayMs: number): "on" | "back" {
    this.counted = told(this.counted, this.parts.clock.now(), relayMs);
    const isBack = this.believedMs > this.counted.atMs;
    this.believedMs = 0;
    return isBack ? "back" : "on";
  }

  /** The changes that keep what time it is; none if that was done lately. */
  keep(): readonly StoreChange[] {
    return this.counted.atMs - this.keptMs < KEEP_EVERY_MS ? [] : this.keepNow();
  }

  /** The change that keeps what time it is. */
  keepNow(): readonly StoreChange[] {
    const { atMs } = this.counted;
    if (atMs === 0) return [];
    this.keptMs = atMs;
    return [{ key: keys.relayTime, value: encodeRow("relayTime", { atMs }) }];
  }
}
