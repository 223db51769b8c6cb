/** Waits until nothing moves any more on the wire, in outboxes and in mailboxes. */

import { pause } from "./patience.js";

/** Nothing moved for this long, and nobody has anything to do: then it is quiet. */
const SILENCE_MS = 400;
const LOOK_MS = 50;

/** Somebody who may still have something to do: in words what, nothing at rest. */
interface Restless {
  unrest(): Promise<string | undefined>;
}

/** When something moved last. */
export class Movement {
  private lastMs = Date.now();

  readonly moved = (): void => {
    this.lastMs = Date.now();
  };

  get silentMs(): number {
    return Date.now() - this.lastMs;
  }
}

/** Resolves with nothing once it is quiet; after `limitMs`, with what still moves. */
export async function untilQuiet(
  devices: readonly Restless[],
  movement: Pick<Movement, "silentMs">,
  limitMs: number,
): Promise<readonly string[] | undefined> {
  const startedMs = Date.now();
  for (;;) {
    const moving: string[] = [];
    if (movement.silentMs < SILENCE_MS) moving.push(`frames still pass, the last ${movement.silentMs} ms ago`);
    for (const device of devices) {
      const unrest = await device.unrest();
      if (unrest !== undefined) moving.push(unrest);
    }
    if (moving.length === 0) return undefined;
    if (Date.now() - startedMs > limitMs) return moving;
    await pause(LOOK_MS);
  }
}
