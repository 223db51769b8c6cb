import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Malformed, Walker } from "../../../protocol/schema/walker.js";
import { spell, unhex } from "../spelling.js";

const max = Number.MAX_SAFE_INTEGER;

function accepts(hex: string, walk: (walker: Walker) => void): boolean {
  const walker = new Walker(unhex(hex));
  try {
    walk(walker);
    walker.end();
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(Malformed);
    return false;
  }
}

describe("the walker refuses", () => {
  test.each([
    ["an integer below 128 in two bytes", "cc7f"],
    ["an integer below 256 in three bytes", "cd00ff"],
    ["an integer below 65,536 in five bytes", "ce0000ffff"],
    ["an integer below 2^32 in nine bytes", "d300000000ffffffff"],
    ["an unsigned integer of 64 bits", "cf0000000100000000"],
    ["2^53", "d30020000000000000"],
    ["the lowest integer of 64 bits", "d38000000000000000"],
    ["minus one in one byte", "ff"],
    ["minus one in two bytes", "d0ff"],
    ["a signed integer of 8 bits", "d005"],
    ["a signed integer of 16 bits", "d10100"],
    ["a signed integer of 32 bits", "d200010000"],
    ["a float of 32 bits", "ca3f800000"],
    ["a float of 64 bits", "cb3ff0000000000000"],
    ["nil", "c0"],
    ["false", "c2"],
    ["nothing", ""],
    ["an integer cut short", "ce0001"],
  ])("as an integer: %s", (_why, hex) => {
    expect(accepts(hex, (walker) => walker.uint())).toBe(false);
  });

  test.each([
    ["a short array in three bytes", "dc000100"],
    ["an array of 32-bit length", "dd0000000100"],
    ["an array of 2^32-1 items", "ddffffffff"],
    ["a map", "80"],
    ["a map of 16-bit length", "de0000"],
  ])("as an array: %s", (_why, hex) => {
    expect(accepts(hex, (walker) => void (walker.array() === 1 && walker.uint()))).toBe(false);
  });

  test.each([
    ["short bytes with a 16-bit length", "c5000101"],
    ["short bytes with a 32-bit length", "c60000000101"],
    ["text", "a161"],
    ["bytes cut short", "c40301"],
    ["bytes of 2^32-1", "c6ffffffff"],
    ["an extension", "d40101"],
    ["an extension of 8-bit length", "c70101ff"],
  ])("as bytes: %s", (_why, hex) => {
    expect(accepts(hex, (walker) => walker.binary(0, max))).toBe(false);
  });

  test.each([
    ["short text with an 8-bit length", "d90161"],
    ["short text with a 16-bit length", "da000161"],
    ["short text with a 32-bit length", "db0000000161"],
    ["bytes", "c40161"],
    ["text cut short", "a361"],
    ["a lone continuation byte", "a180"],
    ["an overlong slash of two bytes", "a2c0af"],
    ["an overlong form of three bytes", "a3e09fbf"],
    ["an overlong form of four bytes", "a4f08fbfbf"],
    ["a high surrogate", "a3eda080"],
    ["a low surrogate", "a3edbfbf"],
    ["a code point above U+10FFFF", "a4f4908080"],
    ["a lead byte no character has", "a4f5808080"],
    ["the byte ff", "a1ff"],
    ["a character cut by the text's end", "92a2e4b8a196".slice(2)],
    ["a character whose end is the next value", "a1c3"],
  ])("as text: %s", (_why, hex) => {
    expect(accepts(hex, (walker) => walker.text(0, max))).toBe(false);
  });
});

test("the walker accepts as text exactly what a strict decoder accepts", () => {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const isText = (bytes: Uint8Array) => {
    try {
      strict.decode(bytes);
      return true;
    } catch {
      return false;
    }
  };
  const byte = fc.oneof(
    fc.constantFrom(0x80, 0xbf, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xa0, 0x9f, 0x90, 0x8f),
    fc.nat(255),
  );
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 8 }), (values) => {
      const bytes = Uint8Array.from(values);
      const packed = Buffer.concat([Buffer.from([0xa0 + bytes.length]), bytes]);
      expect(accepts(packed.toString("hex"), (walker) => walker.text(0, max))).toBe(isText(bytes));
    }),
    { numRuns: 20_000 },
  );
});

test("the walker accepts every code point that text may hold, and no surrogate", () => {
  for (let point = 0; point <= 0x10ffff; point += point < 0x3000 ? 1 : 61) {
    if (point >= 0xd800 && point <= 0xdfff) continue;
    const walker = new Walker(spell(String.fromCodePoint(point)));
    walker.text(1, 4);
    walker.end();
  }
});

test("the walker holds lengths to the bounds it is given, both ends included", () => {
  for (const [length, fits] of [
    [1, false],
    [2, true],
    [3, true],
    [4, false],
  ] as const) {
    expect(accepts(Buffer.from(spell("x".repeat(length))).toString("hex"), (walker) => walker.text(2, 3))).toBe(fits);
    expect(accepts(Buffer.from(spell(new Uint8Array(length))).toString("hex"), (walker) => walker.binary(2, 3))).toBe(
      fits,
    );
  }
});
