/** What is transferred, and who dies when: all of it decided by a seed. */

import type { SeededRandom } from "../crash/seeded-random.js";

/** How an app hands a content over. `spooled` is a stream of unknown length, `sized` one of a known. */
export type SourceKind = "path" | "bytes" | "spooled" | "sized";

/** One content to upload by one client and download by the other. */
export interface PlannedFile {
  readonly sizeBytes: number;
  readonly source: SourceKind;
}

/** Who dies. Clients are numbered from 0. */
export type Victim = "relay" | number;

/** A death, once this part of all bytes was moved, and after some more signs of life. */
export interface PlannedDeath {
  readonly victim: Victim;
  readonly atShare: number;
  readonly signsLater: number;
}

const CHUNK_BYTES = 65_536;
/** Chunks of the first parts of an upload end here, and those behind them double. */
const PART_ENDS = [16, 32, 64, 128, 256, 384, 512];
const BOUNDARIES = [1, 2, 3, 15, 17, 31, 33, ...PART_ENDS].map((chunks) => chunks * CHUNK_BYTES);
const NEAR = [-1, 0, 1];
/** Bytes that an app has in memory as a whole. */
const MOST_IN_MEMORY = 262_144;
/** Signs of life by which a death may come later, so that it does not always follow progress. */
const MOST_SIGNS = 12;

/** Files of sizes that are worth it: none, one byte, the largest; around boundaries; and any. */
export function plannedFiles(random: SeededRandom, count: number, largestBytes: number): readonly PlannedFile[] {
  const fixed = [0, 1, largestBytes, 4_096, 4_097, largestBytes - 1];
  const boundaries = BOUNDARIES.flatMap((boundary) => NEAR.map((near) => boundary + near)).filter(
    (sizeBytes) => sizeBytes <= largestBytes,
  );
  return Array.from({ length: count }, (_, index) => {
    const sizeBytes = fixed[index] ?? anySize(random, boundaries, largestBytes);
    return { sizeBytes, source: sourceOf(random, sizeBytes) };
  });
}

/** Two of five at a boundary, two of five of any order of magnitude, one of any size. */
function anySize(random: SeededRandom, boundaries: readonly number[], largestBytes: number): number {
  switch (random.below(5)) {
    case 0:
    case 1:
      return boundaries[random.below(boundaries.length)] ?? 1;
    case 2:
    case 3:
      return random.below(2 ** (1 + random.below(Math.floor(Math.log2(largestBytes)))));
    default:
      return random.below(largestBytes + 1);
  }
}

function sourceOf(random: SeededRandom, sizeBytes: number): SourceKind {
  const kinds: readonly SourceKind[] = ["path", "path", "path", "spooled", "sized"];
  if (sizeBytes <= MOST_IN_MEMORY && random.below(3) === 0) return "bytes";
  return kinds[random.below(kinds.length)] ?? "path";
}

/** So many deaths of each victim, spread over the run, in the order in which they come. */
export function plannedDeaths(random: SeededRandom, counts: ReadonlyMap<Victim, number>): readonly PlannedDeath[] {
  const deaths = [...counts].flatMap(([victim, count]) =>
    Array.from({ length: count }, (_, index) => {
      const atShare = (0.02 + index + 0.9 * (random.below(1_000) / 1_000)) / (count + 0.1);
      return { victim, atShare, signsLater: random.below(MOST_SIGNS) };
    }),
  );
  return deaths.sort((one, other) => one.atShare - other.atShare);
}
