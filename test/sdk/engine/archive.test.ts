import { describe, expect, test } from "vitest";
import { capArchived, MAX_ARCHIVED_STATES } from "../../../sdk/engine/libsignal/archive.js";

const CURRENT = 0x0a;
const ARCHIVED = 0x12;

/** A record as the library lays it out: states of 4,000 bytes, each filled with its number. */
function record(...tags: readonly number[]): Uint8Array {
  return Uint8Array.from(tags.flatMap((tag, index) => [tag, 0xa0, 0x1f, ...new Array<number>(4_000).fill(index)]));
}

const archivedStates = (count: number) => new Array<number>(count).fill(ARCHIVED);

describe("the cap on archived states", () => {
  test("keeps the current state and the newest archived ones, which come first", () => {
    const full = record(CURRENT, ...archivedStates(MAX_ARCHIVED_STATES));
    expect(capArchived(full)).toBe(full);
    expect(capArchived(record(CURRENT, ...archivedStates(40)))).toEqual(full);
  });

  test("holds for a record that has no current state, and wherever the current one stands", () => {
    expect(capArchived(record(...archivedStates(40)))).toEqual(record(...archivedStates(MAX_ARCHIVED_STATES)));
    const last = capArchived(record(...archivedStates(10), CURRENT));
    expect(last.length).toBe(record(CURRENT, ...archivedStates(MAX_ARCHIVED_STATES)).length);
    expect(last.at(-1)).toBe(10);
  });

  test("leaves alone what is laid out in any other way", () => {
    const states = record(CURRENT, ...archivedStates(40));
    const others = [
      Uint8Array.from([...states, 0x18, 1]),
      states.subarray(0, -1),
      Uint8Array.from([...states, ARCHIVED]),
      Uint8Array.from([...states, ARCHIVED, 0xff, 0xff, 0xff, 0xff, 0xff]),
    ];
    for (const other of others) expect(capArchived(other)).toBe(other);
  });
});
