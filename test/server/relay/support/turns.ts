/** Waiting in turns of the event loop instead of time. */

import { setImmediate as nextTurn } from "node:timers/promises";

/** Turns after which nothing in a relay on a memory store is still under way. */
const ENOUGH_TURNS = 40;

/** Lets everything that is under way come to rest. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < ENOUGH_TURNS; turn++) await nextTurn();
}

/** Waits until a condition holds. @throws if it does not after thousands of turns */
export async function until(holds: () => boolean, what: () => string): Promise<void> {
  for (let turn = 0; turn < 5_000; turn++) {
    if (holds()) return;
    await nextTurn();
  }
  throw new Error(`waited in vain for ${what()}`);
}
