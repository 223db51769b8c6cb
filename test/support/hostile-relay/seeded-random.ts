/** Chance that repeats: the same seed, the same sequence. */

/** A source of repeatable chance. */
export interface SeededRandom {
  /** A number in [0, 1). */
  next(): number;
  /** An integer in [0, below). */
  below(below: number): number;
  bytes(size: number): Uint8Array<ArrayBuffer>;
}

/** Chance from a seed (mulberry32: fine for tests, useless for keys). */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return { next, below, bytes: (size) => Uint8Array.from({ length: size }, () => below(256)) };
}
