/** Chance that can be had again: a campaign prints its seed, and the same seed plays the same moments. */

/** A source of numbers that a seed decides. */
export interface SeededRandom {
  /** An integer from 0 up to, but not including, `bound`. */
  below(bound: number): number;
}

/** Mulberry32 (public domain, Tommy Ettinger): 32 bits of state, even enough to pick moments with. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return { below: (bound) => next() % bound };
}

/** A seed of no meaning. */
export function freshSeed(): number {
  return Math.floor(Math.random() * 0x1_0000_0000);
}
