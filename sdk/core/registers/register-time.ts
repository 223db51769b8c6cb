/** When a word on a register is said: a clock that never loses against a word this device has seen. */

import { MAX_REGISTER_MS, type Register } from "@sotto/protocol";

/**
 * Up to here a word is later than all others of its kind, so that it also is none of those that go where there are too many.
 * Behind it, it is later than the one it replaces only: a clock at the end of time on one register stops nobody on another.
 */
const MAX_LEAP_MS = MAX_REGISTER_MS / 2;

/**
 * The time of a word that replaces `held`, where `others` are there. By the relay's clock, unless a device with a clock that
 * runs ahead was here first; then just behind that.
 */
export function wordMs(nowMs: number, held: Register | undefined, others: readonly Register[]): number {
  const latestMs = others.reduce((latest, { atMs }) => Math.max(latest, atMs), 0);
  const leapMs = Math.min(latestMs + 1, MAX_LEAP_MS);
  return Math.min(Math.max(nowMs, leapMs, (held?.atMs ?? 0) + 1), MAX_REGISTER_MS);
}
