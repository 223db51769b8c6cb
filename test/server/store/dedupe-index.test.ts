/** The index of accepted sends agrees with a plain map, whatever is added and removed. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DedupeIndex } from "../../../server/store/ordered/dedupe-index.js";
import { messageId } from "../../contract/store/harness.js";

function rowsIn(index: DedupeIndex, message: number): Set<number> {
  const rows = new Set<number>();
  index.find(messageId(message), (row) => {
    rows.add(row);
    return undefined;
  });
  return rows;
}

describe("the index of accepted sends", () => {
  it("finds every row under which an id was added and not removed", () => {
    const change = fc.record({
      kind: fc.constantFrom("add", "remove"),
      message: fc.nat(3_000),
      row: fc.integer({ min: 1, max: 4 }),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 100, maxLength: 2_000 }), (changes) => {
        const index = new DedupeIndex();
        const model = new Map<number, Set<number>>();
        for (const { kind, message, row } of changes) {
          const rows = model.get(message) ?? new Set();
          model.set(message, rows);
          if (kind === "add" && !rows.has(row)) {
            rows.add(row);
            index.add(messageId(message), row);
          } else if (kind === "remove") {
            rows.delete(row);
            index.remove(messageId(message), row);
          }
        }
        for (const [message, rows] of model) for (const row of rows) expect(rowsIn(index, message)).toContain(row);
      }),
      { numRuns: 30 },
    );
  });

  it("holds a hundred thousand ids, and none of them after they were removed", () => {
    const index = new DedupeIndex();
    const COUNT = 100_000;
    for (let message = 0; message < COUNT; message++) index.add(messageId(message), 1 + (message >> 5));
    let missing = 0;
    for (let message = 0; message < COUNT; message++) {
      if (!rowsIn(index, message).has(1 + (message >> 5))) missing += 1;
    }
    expect(missing).toBe(0);
    for (let message = 0; message < COUNT; message += 2) index.remove(messageId(message), 1 + (message >> 5));
    let left = 0;
    for (let message = 0; message < COUNT; message++) if (rowsIn(index, message).has(1 + (message >> 5))) left += 1;
    // Only the other half; a collision of tags within one row could add a few.
    expect(left).toBeGreaterThanOrEqual(COUNT / 2);
    expect(left).toBeLessThan(COUNT / 2 + 10);
  });

  it("tells row numbers apart beyond 32 bits", () => {
    const index = new DedupeIndex();
    const base = 5 * 2 ** 32 - 2;
    index.add(messageId(1), base);
    index.add(messageId(2), base + 4);
    expect(rowsIn(index, 1)).toContain(base);
    expect(rowsIn(index, 2)).toContain(base + 4);
  });
});
