/** The Range header, against RFC 9110 §14. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readRange } from "../../../../server/relay/attachments/byte-range.js";

const WHOLE = { kind: "whole" };
const UNSATISFIABLE = { kind: "unsatisfiable" };
const part = (from: number, to: number) => ({ kind: "part", range: { from, to } });

describe("a range", () => {
  it.each([
    ["bytes=0-0", part(0, 1)],
    ["bytes=0-499", part(0, 500)],
    ["bytes=9500-", part(9_500, 10_000)],
    ["bytes=-500", part(9_500, 10_000)],
    ["bytes=-20000", part(0, 10_000)],
    ["bytes=9999-99999999999999999999", part(9_999, 10_000)],
    ["BYTES=0-1", part(0, 2)],
    ["bytes= 0-1 ", part(0, 2)],
    ["bytes=10000-", UNSATISFIABLE],
    ["bytes=99999999999999999999-", UNSATISFIABLE],
    ["bytes=-0", UNSATISFIABLE],
    [undefined, WHOLE],
    ["", WHOLE],
    ["bytes=", WHOLE],
    ["bytes=-", WHOLE],
    ["bytes=5-4", WHOLE],
    ["bytes=0-1,3-4", WHOLE],
    ["bytes=0x1-2", WHOLE],
    ["bytes=1.5-2", WHOLE],
    ["bytes=--5", WHOLE],
    ["items=0-1", WHOLE],
  ])("%s of 10,000 bytes is read as the RFC says", (header, answer) => {
    expect(readRange(header, 10_000)).toEqual(answer);
  });

  it("is never outside of the blob, nor empty, whatever the header says", () => {
    const header = fc.oneof(
      fc.string(),
      fc.tuple(fc.bigInt({ min: 0n, max: 1n << 70n }), fc.nat()).map(([from, to]) => `bytes=${from}-${to}`),
      fc.nat().map((suffix) => `bytes=-${suffix}`),
    );
    fc.assert(
      fc.property(header, fc.integer({ min: 1, max: 2 ** 33 }), (text, length) => {
        const answer = readRange(text, length);
        if (answer.kind !== "part") return;
        const { from, to } = answer.range;
        expect(Number.isSafeInteger(from) && Number.isSafeInteger(to)).toBe(true);
        expect(from).toBeGreaterThanOrEqual(0);
        expect(to).toBeGreaterThan(from);
        expect(to).toBeLessThanOrEqual(length);
      }),
    );
  });
});
