import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KeptBytes } from "../../../server/transport/kept-bytes.js";

describe("kept bytes", () => {
  it("keep every copy as it was, whatever is copied later and whatever becomes of the source", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 6_000 }), { maxLength: 50 }), (messages) => {
        const kept = new KeptBytes();
        const copies = messages.map((message) => {
          const source = message.slice().buffer;
          const copy = kept.copy(source);
          new Uint8Array(source).fill(0xee);
          return copy;
        });
        expect(copies.map((copy) => [...copy])).toEqual(messages.map((message) => [...message]));
      }),
    );
  });

  it("do not overlap: writing to one changes no other", () => {
    const kept = new KeptBytes();
    const copies = Array.from({ length: 100 }, (_, at) => kept.copy(new Uint8Array(1_000).fill(at).buffer));
    for (const copy of copies.filter((_, at) => at % 2 === 0)) copy.fill(0xee);
    for (const [at, copy] of copies.entries()) {
      expect(copy.every((byte) => byte === (at % 2 === 0 ? 0xee : at))).toBe(true);
    }
  });
});
