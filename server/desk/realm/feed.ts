/**
 * The revocation feed: names of the tokens that count no more, padded with made-up ones. A name stays as long as mail of its epoch may
 * still wait for somebody who was away, whatever became of the account meanwhile: what was said past a mute is not shown later either.
 * A made-up name stays as long as a real one does, so that two feeds laid side by side do not tell them apart. Pure.
 */

import { EPOCH_MS, FEED_STEP, isInEpoch, MAX_FEED_NAMES, toHex } from "@sotto/protocol";

/** A name, and the epoch of its token. */
export interface FeedName {
  readonly epoch: number;
  readonly name: Uint8Array;
}

/** How long after its epoch a name is listed: mail waits for 30 days, clocks differ. */
const LISTED_MS = 31 * 24 * 3_600_000;
/** How late tokens of an epoch that is over may still be used, at a relay whose clock is behind. */
const LATE_MS = 5 * 60_000;

/** Whether tokens of an epoch may still be used, and so have to be named once their account may not speak. */
export function isUsable(epoch: number, nowMs: number): boolean {
  return nowMs < epoch * EPOCH_MS || isInEpoch(epoch, nowMs - LATE_MS);
}

/** The names that are listed on, each once: those whose time is over go, and of more than a feed holds those of the oldest epochs. */
export function listedNames(names: readonly FeedName[], nowMs: number): ReadonlyMap<string, FeedName> {
  const inTime = new Map(
    names
      .filter(({ epoch }) => nowMs < (epoch + 1) * EPOCH_MS + LISTED_MS)
      .map((one) => [`${one.epoch}/${toHex(one.name)}`, one]),
  );
  if (inTime.size <= MAX_FEED_NAMES) return inTime;
  // Within an epoch the order is that of the names, which says nothing of which are made up.
  const newestFirst = [...inTime].sort(
    ([one, { epoch }], [other, { epoch: otherEpoch }]) => otherEpoch - epoch || (one < other ? -1 : 1),
  );
  return new Map(newestFirst.slice(0, MAX_FEED_NAMES));
}

/** How many made-up names are missing until a feed is full: never none in all, always a multiple of the step. */
export function missingDecoys(held: number): number {
  const wanted = Math.max(1, Math.ceil(held / FEED_STEP)) * FEED_STEP;
  return wanted - held;
}

/** The names as a feed lists them: ascending, each once, 8 bytes each. */
export function feedNames(names: Iterable<FeedName>): Uint8Array {
  const sorted = [...new Map([...names].map(({ name }) => [toHex(name), name]))].sort(([one], [other]) =>
    one < other ? -1 : 1,
  );
  const bytes = new Uint8Array(sorted.length * 8);
  for (const [index, [, name]] of sorted.entries()) bytes.set(name, index * 8);
  return bytes;
}
