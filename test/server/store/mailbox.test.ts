import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Mailbox } from "../../../server/store/ordered/mailbox.js";

/** More than are deleted before a mailbox lets go of the memory of what it held. */
const MANY = 2_500;

describe("a mailbox in memory", () => {
  it("knows the shared end of everything it holds, and of nothing else, whatever was deleted before", () => {
    const step = fc.record({
      adds: fc.array(fc.option(fc.integer({ min: 1, max: 2 ** 48 - 1 }), { nil: undefined }), { maxLength: 400 }),
      removes: fc.array(fc.integer({ min: 1, max: MANY }), { maxLength: 20 }),
      deletesUpTo: fc.integer({ min: 0, max: MANY }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 4, maxLength: 12 }), (steps) => {
        const mailbox = new Mailbox(1, { floor: 0, last: 0 }, []);
        const held = new Map<number, number | undefined>();
        for (const { adds, removes, deletesUpTo } of steps) {
          for (const end of adds) held.set(mailbox.add(100, end), end);
          const upTo = Math.min(deletesUpTo, mailbox.last);
          for (const cursor of [...Array.from({ length: upTo }, (_, index) => index + 1), ...removes]) {
            expect(mailbox.remove(cursor) !== undefined).toBe(held.delete(cursor));
          }
          for (let cursor = 1; cursor <= mailbox.last; cursor++) {
            expect(mailbox.sharedEndOf(cursor)).toBe(held.get(cursor));
          }
          expect(mailbox.hasSharedEnds).toBe([...held.values()].some((end) => end !== undefined));
          expect(mailbox.count).toBe(held.size);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("knows them still after it let go of thousands that were deleted", () => {
    const mailbox = new Mailbox(1, { floor: 0, last: 0 }, []);
    for (let cursor = 1; cursor <= MANY; cursor++) mailbox.add(100, cursor % 3 === 0 ? cursor * 10 : undefined);
    for (let cursor = 1; cursor < MANY; cursor++) {
      mailbox.remove(cursor);
      for (const other of [cursor, cursor + 1, MANY - 1, MANY]) {
        const isHeld = other > cursor;
        expect(mailbox.sharedEndOf(other)).toBe(isHeld && other % 3 === 0 ? other * 10 : undefined);
      }
    }
    expect(mailbox.floor).toBe(MANY - 1);
  });
});
