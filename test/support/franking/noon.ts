/**
 * For tests in which no day may end: tokens and stamps are of a day's epoch, and a relay notes on which day a device came.
 */

import { EPOCH_MS } from "@sotto/protocol";

/** Sets the clock of this process to noon, from where it goes on. Answers what sets it back. */
export function setToNoon(): () => void {
  const { now } = Date;
  const offsetMs = EPOCH_MS / 2 - (now() % EPOCH_MS);
  Date.now = () => now() + offsetMs;
  return () => {
    Date.now = now;
  };
}
