/** The relay's document of a log: epochs, and whose they were. */

import { describe, expect, it } from "vitest";
import {
  decodeGroup,
  encodeGroup,
  endsOfEpochs,
  epochOf,
  newGroup,
  sameKeys,
  withNextEpoch,
} from "../../../server/relay/group-keys.js";

const keys = (epoch: number) => ({
  accessKey: new Uint8Array(32).fill(epoch),
  adminKey: new Uint8Array(32).fill(epoch + 128),
});

/** A group whose epoch number n was ended by entry 10 n. */
function groupAfter(epochs: number) {
  let group = newGroup(keys(0));
  for (let epoch = 1; epoch <= epochs; epoch++) group = withNextEpoch(group, keys(epoch), 10 * epoch);
  return group;
}

describe("the document of a group", () => {
  it("survives its encoding, at its largest too", () => {
    for (const epochs of [0, 1, 100]) {
      expect(decodeGroup(encodeGroup(groupAfter(epochs)))).toMatchObject(groupAfter(epochs));
    }
    expect(encodeGroup(groupAfter(100)).length).toBeLessThan(5_000);
  });

  it("forgets the oldest epochs, so that sixty-four can be read, the present one included", () => {
    const group = groupAfter(100);
    expect(endsOfEpochs(group)).toHaveLength(63);
    expect(endsOfEpochs(group)[0]).toBe(380);
    expect(endsOfEpochs(group).at(-1)).toBe(1_000);
  });

  it("that we did not write is our bug", () => {
    expect(() => decodeGroup(new Uint8Array([1, 2, 3]))).toThrow(expect.objectContaining({ code: "internal" }));
  });
});

describe("the epoch of an entry", () => {
  it("is the one it was appended in, with the next keys where it ended one", () => {
    const group = groupAfter(2);
    const expected: readonly (readonly [number, number, number | undefined])[] = [
      [1, 0, undefined],
      [9, 0, undefined],
      [10, 0, 1],
      [11, 1, undefined],
      [20, 1, 2],
      [21, 2, undefined],
      [99, 2, undefined],
    ];
    for (const [seq, epoch, next] of expected) {
      const found = epochOf(group, seq);
      expect(sameKeys(found.keys, keys(epoch)), `entry ${seq}`).toBe(true);
      expect(sameKeys(found.next, next === undefined ? undefined : keys(next)), `after entry ${seq}`).toBe(true);
    }
  });

  it("is the same as another only if both keys are", () => {
    expect(sameKeys(keys(1), { ...keys(1), adminKey: keys(2).adminKey })).toBe(false);
    expect(sameKeys(keys(1), { ...keys(1), accessKey: keys(2).accessKey })).toBe(false);
    expect(sameKeys(keys(1), undefined)).toBe(false);
    expect(sameKeys(undefined, undefined)).toBe(true);
  });
});
