/** Hooks for the proxy: what a network, or somebody on it, may do to messages. All repeat for the same seed. */

import type { Passing, Rewrite } from "./proxy.js";
import { seededRandom } from "./seeded-random.js";

/** How often a hook strikes, and where. */
export interface Strikes {
  readonly seed: number;
  /** The share of messages it strikes, 0 to 1. */
  readonly share: number;
  /** Both directions unless named. */
  readonly direction?: Passing["direction"];
  /** Leaves the first messages of a connection alone in each direction, so that the greeting succeeds. */
  readonly sparing?: number;
}

/** Turns what is done to one message into a hook that does it now and then. */
function striking(
  strikes: Strikes,
  strike: (bytes: Uint8Array, below: (limit: number) => number) => readonly Uint8Array[],
) {
  const { seed, share, direction, sparing = 0 } = strikes;
  const random = seededRandom(seed);
  const rewrite: Rewrite = (passing) => {
    const isAimedAt = (direction ?? passing.direction) === passing.direction && passing.index >= sparing;
    return isAimedAt && random.next() < share ? strike(passing.bytes, random.below) : [passing.bytes];
  };
  return rewrite;
}

/** Loses messages. */
export function dropping(strikes: Strikes): Rewrite {
  return striking(strikes, () => []);
}

/** Says messages twice. */
export function duplicating(strikes: Strikes): Rewrite {
  return striking(strikes, (bytes) => [bytes, bytes]);
}

/** Flips one bit. */
export function flippingBits(strikes: Strikes): Rewrite {
  return striking(strikes, (bytes, below) => {
    const flipped = Uint8Array.from(bytes);
    const at = below(flipped.length);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << below(8));
    return [flipped];
  });
}

/** Cuts the end off messages. */
export function truncating(strikes: Strikes): Rewrite {
  return striking(strikes, (bytes, below) => [bytes.subarray(0, below(bytes.length))]);
}

/** Lets a struck message wait until the next one of its direction has gone. */
export function swappingNeighbours(strikes: Strikes): Rewrite {
  const held = new Map<string, Uint8Array>();
  const hold = striking(strikes, () => []);
  return async (passing) => {
    const lane = `${passing.connection} ${passing.direction}`;
    const waiting = held.get(lane);
    if (waiting !== undefined) {
      held.delete(lane);
      return [passing.bytes, waiting];
    }
    const passed = await hold(passing);
    if (passed.length === 0) held.set(lane, passing.bytes);
    return passed;
  };
}

/** Holds each struck message, and all behind it, for a while. */
export function delaying(strikes: Strikes & { readonly delayMs: number }): Rewrite {
  const hit = striking(strikes, () => []);
  return async (passing) => {
    const passed = await hit(passing);
    if (passed.length > 0) return passed;
    await new Promise((resolve) => setTimeout(resolve, strikes.delayMs));
    return [passing.bytes];
  };
}

/** Cuts the connection instead of passing a struck message on. */
export function cutting(strikes: Strikes): Rewrite {
  const hit = striking(strikes, () => []);
  return async (passing) => {
    const passed = await hit(passing);
    if (passed.length === 0) passing.cut();
    return passed;
  };
}
