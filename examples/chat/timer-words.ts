/** Timers in words. */

import { spanWords } from "./figures.js";

/** What somebody did who set how long messages are kept; `undefined`: for ever. */
export function timerWords(durationMs: number | undefined): string {
  return durationMs === undefined
    ? "has messages stay"
    : `has messages from here on vanish ${spanWords(durationMs)} after they were read`;
}
