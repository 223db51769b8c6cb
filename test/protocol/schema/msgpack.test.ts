import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pack, unpack } from "../../../protocol/schema/msgpack.js";
import { Walker } from "../../../protocol/schema/walker.js";
import { spell, type Wire } from "../spelling.js";

const LENGTHS = [0, 1, 15, 16, 30, 31, 32, 33, 47, 48, 49, 63, 64, 65, 127, 128, 255, 256, 257, 65_535, 65_536, 65_537];
/** One character of each UTF-8 size, and the mark that careless decoders drop. */
const CHARACTERS = ["a", "é", "世", "👋", "\ufeff"];
const INTEGERS = [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];

const max = Number.MAX_SAFE_INTEGER;

function expectOneSpelling(value: Wire, walk: (walker: Walker) => void): void {
  const packed = pack(value);
  expect(Buffer.compare(packed, spell(value))).toBe(0);
  const walker = new Walker(packed);
  walk(walker);
  walker.end();
  expect(unpack(packed)).toEqual(value);
}

describe("packing writes what the walker accepts, and reading gives it back", () => {
  test.each(LENGTHS)("texts around %i bytes and characters", (length) => {
    for (const character of CHARACTERS) {
      const size = Buffer.byteLength(character);
      for (const text of [character.repeat(length), character.repeat(Math.ceil(length / size))]) {
        expectOneSpelling(text, (walker) => walker.text(0, max));
        expectOneSpelling(`${text}a`, (walker) => walker.text(0, max));
      }
      expectOneSpelling(`${character}${"a".repeat(length)}`, (walker) => walker.text(0, max));
    }
  });

  test.each(LENGTHS)("binaries of %i bytes", (length) => {
    expectOneSpelling(new Uint8Array(length).fill(0xc1), (walker) => walker.binary(0, max));
  });

  test.each([0, 1, 15, 16, 17, 255, 256, 65_535])("arrays of %i items", (length) => {
    expectOneSpelling(
      Array.from({ length }, (_, at) => at % 300),
      (walker) => {
        expect(walker.array()).toBe(length);
        for (let at = 0; at < length; at++) expect(walker.uint()).toBe(at % 300);
      },
    );
  });

  test.each(INTEGERS)("the integer %i", (value) => {
    expectOneSpelling(value, (walker) => expect(walker.uint()).toBe(value));
  });

  test("nil", () => expectOneSpelling(null, (walker) => expect(walker.takeNil()).toBe(true)));

  test("any integer and any well-formed text", () => {
    fc.assert(fc.property(fc.maxSafeNat(), (value) => expectOneSpelling(value, (walker) => walker.uint())));
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400, size: "max" }), (value) =>
        expectOneSpelling(value, (walker) => walker.text(0, max)),
      ),
      { numRuns: 2_000 },
    );
  });
});

describe("buffers", () => {
  test("what was packed is not overwritten by later packing, however large", () => {
    const sizes = [1, 40, 900, 3_000, 9_000, 70_000, 1_000_000, 5, 60];
    const kept = Array.from({ length: 400 }, (_, at) => {
      const size = at % 40 === 0 ? (sizes[(at / 40) % sizes.length] as number) : (at * 37) % 1_500;
      const value = [at, new Uint8Array(size).fill(at)];
      return { packed: pack(value), expected: spell(value) };
    });
    for (const { packed, expected } of kept) expect(Buffer.compare(packed, expected)).toBe(0);
  });

  test("two results never share a byte, so that writing into one leaves the others alone", () => {
    const all = Array.from({ length: 50 }, (_, at) => pack([at, "text"]));
    const copies = all.map((packed) => Buffer.from(packed));
    for (let at = 0; at < all.length; at += 2) all[at]?.fill(0xff);
    for (let at = 1; at < all.length; at += 2) expect(copies[at]?.equals(all[at] as Uint8Array)).toBe(true);
  });

  test("a small result does not pin a large buffer after a large one was packed", () => {
    pack([new Uint8Array(2_000_000)]);
    for (let at = 0; at < 10; at++) expect(pack([at]).buffer.byteLength).toBeLessThanOrEqual(65_536);
  });

  test("results are plain byte arrays, also of a Buffer, so that `slice` copies", () => {
    const packed = pack([Uint8Array.of(1, 2, 3)]);
    expect(packed.constructor).toBe(Uint8Array);
    const [bytes] = unpack(Buffer.from(packed)) as [Uint8Array];
    expect(bytes.constructor).toBe(Uint8Array);
  });

  test("byte strings of the result are views of the input", () => {
    const packed = pack([Uint8Array.of(1, 2, 3)]);
    const [bytes] = unpack(packed) as [Uint8Array];
    expect(bytes.buffer).toBe(packed.buffer);
    packed.fill(9);
    expect([...bytes]).toEqual([9, 9, 9]);
  });

  test("bytes behind the view's end are not read", () => {
    const around = Buffer.concat([Buffer.from([1, 2]), spell(["abc", 7]), Buffer.from([3, 4])]);
    expect(unpack(around.subarray(2, -2))).toEqual(["abc", 7]);
  });
});
