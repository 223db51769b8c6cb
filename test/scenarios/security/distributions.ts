/** Whether two samples of times can be told apart: the two-sample Kolmogorov–Smirnov test, and medians for people. */

/** The largest distance between the two empirical distribution functions, 0 to 1. */
export function ksDistance(one: readonly number[], other: readonly number[]): number {
  const [first, second] = [sorted(one), sorted(other)];
  let distance = 0;
  for (let at = 0, to = 0; at < first.length && to < second.length; ) {
    const value = Math.min(first[at] as number, second[to] as number);
    while (at < first.length && (first[at] as number) <= value) at += 1;
    while (to < second.length && (second[to] as number) <= value) to += 1;
    distance = Math.max(distance, Math.abs(at / first.length - to / second.length));
  }
  return distance;
}

/** The distance above which samples of these sizes are called different with error probability `alpha` (asymptotic form). */
export function ksThreshold(one: number, other: number, alpha: number): number {
  return Math.sqrt((-Math.log(alpha / 2) / 2) * ((one + other) / (one * other)));
}

/** Whether the test calls two samples different. Two of one distribution are, with probability `alpha`. */
export function isToldApart(one: readonly number[], other: readonly number[], alpha: number): boolean {
  return ksDistance(one, other) > ksThreshold(one.length, other.length, alpha);
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return sorted(values)[values.length >> 1] ?? Number.NaN;
}

function sorted(values: readonly number[]): readonly number[] {
  return [...values].sort((one, other) => one - other);
}
