/** Waiting in turns of the event loop instead of time. */

import { setImmediate as nextTurn } from "node:timers/promises";

/** Turns after which nothing in a relay on a memory store is still under way. */
const ENOUGH_TURNS = 40;

/** Lets everything that is under way come to rest. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < ENOUGH_TURNS; turn++) await nextTurn();
}

/** Far more than a relay takes, also one on a busy disk. */
const IN_VAIN_MS = 20_000;
const MANY_TURNS = 10_000;

/** Waits until a condition holds. @throws if it does not after seconds */
export async function until(holds: () => boolean, what: () => string): Promise<void> {
  const endMs = performance.now() + IN_VAIN_MS;
  // So many turns in any case: a process that was stopped for a while is told of nothing meanwhile.
  for (let turn = 0; turn < MANY_TURNS || performance.now() < endMs; turn++) {
    if (holds()) return;
    await nextTurn();
  }
  throw new Error(`waited in vain for ${what()}`);
}
