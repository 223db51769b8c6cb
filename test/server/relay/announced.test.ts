/** Announced mail that waits. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { StoredEnvelope } from "../../../server/ports.js";
import { Announced } from "../../../server/relay/announced.js";

function envelope(cursor: number, sizeBytes = 1): StoredEnvelope {
  return { cursor, messageId: new Uint8Array(16), acceptedMs: 0, body: new Uint8Array(sizeBytes) };
}

describe("announced mail", () => {
  it("is answered only as the very next after a position, and only while every later one is known too", () => {
    const action = fc.oneof(
      fc.record({ kind: fc.constant("add" as const), cursor: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ kind: fc.constant("next" as const), position: fc.nat(40) }),
      fc.record({ kind: fc.constant("reaches" as const), cursor: fc.nat(40) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 100 }), (actions) => {
        const announced = new Announced();
        let highest = 0;
        for (const one of actions) {
          if (one.kind === "add") announced.add(envelope(one.cursor));
          if (one.kind === "reaches") announced.reaches(one.cursor);
          if (one.kind !== "next") highest = Math.max(highest, one.cursor);
          else expect([undefined, one.position + 1]).toContain(announced.next(one.position)?.cursor);
          expect(announced.head).toBe(highest);
        }
      }),
    );
  });

  it("that comes without a gap is all kept, in order", () => {
    const announced = new Announced();
    for (let cursor = 5; cursor <= 9; cursor++) announced.add(envelope(cursor));
    for (let position = 4; position < 9; position++) expect(announced.next(position)?.cursor).toBe(position + 1);
    expect(announced.next(9)).toBeUndefined();
  });

  it("starts anew behind a gap", () => {
    const announced = new Announced();
    announced.add(envelope(1));
    announced.add(envelope(3));
    expect(announced.next(0)).toBeUndefined();
    expect(announced.next(2)?.cursor).toBe(3);
  });

  it("holds on to a bounded number of bytes, the newest", () => {
    const announced = new Announced();
    for (let cursor = 1; cursor <= 100; cursor++) announced.add(envelope(cursor, 50_000));
    expect(announced.next(97)).toBeUndefined();
    expect(announced.next(98)?.cursor).toBe(99);
    announced.add(envelope(101, 1_000_000));
    expect(announced.next(99)).toBeUndefined();
    expect(announced.head).toBe(101);
  });
});
