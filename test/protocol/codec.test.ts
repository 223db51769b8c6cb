import { isDeepStrictEqual } from "node:util";
import {
  type Direction,
  decodeFrame,
  decodeRecord,
  encodeFrame,
  encodeRecord,
  type Frame,
  type FrameName,
  field,
  frames,
  limits,
  SottoError,
} from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refusal } from "./refusal.js";
import { edgesOfFields, plain, wireOf } from "./shapes.js";
import { join, raw, spell, type Wire } from "./spelling.js";

const RUNS = 300;
const names = Object.keys(frames) as FrameName[];
const directions: readonly Direction[] = ["toRelay", "toClient"];

function shapesOf(name: FrameName): Record<string, field.Shape> {
  return Object.fromEntries(
    Object.entries<field.Field<unknown>>(frames[name].fields).map(([key, { shape }]) => [key, shape]),
  );
}

function bytesOf(name: FrameName): fc.Arbitrary<Uint8Array> {
  const shapes = Object.values(shapesOf(name)).map(wireOf);
  return fc.tuple(...shapes).map((values) => spell([frames[name].tag, ...values]));
}

describe.each(names)("the frame %s", (name) => {
  const { tag, direction } = frames[name];
  const shapes = shapesOf(name);

  test("survives encoding and decoding, in one spelling only", () => {
    fc.assert(
      fc.property(bytesOf(name), (bytes) => {
        const frame = decodeFrame(bytes, direction);
        expect(frame.type).toBe(name);
        const again = encodeFrame(frame);
        expect(Buffer.compare(again, bytes)).toBe(0);
        expect(isDeepStrictEqual(decodeFrame(again, direction), frame)).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });

  test("accepts every bound and refuses what lies beyond it", () => {
    const { accepted, beyond, misfits } = edgesOfFields(shapes);
    for (const { why, wire } of accepted) {
      expect(
        refusal(() => decodeFrame(spell([tag, ...(wire as Wire[])]), direction)),
        why,
      ).toBeUndefined();
    }
    for (const { why, wire } of [...beyond, ...misfits]) {
      expect(
        refusal(() => decodeFrame(spell([tag, ...(wire as Wire[])]), direction)),
        why,
      ).toBe("badFrame");
    }
  });

  test("is not written with a value beyond a bound", () => {
    const keys = Object.keys(shapes);
    const fields = Object.values<field.Field<unknown>>(frames[name].fields);
    for (const { why, wire } of edgesOfFields(shapes).beyond) {
      const frame: Record<string, unknown> = { type: name };
      keys.forEach((key, at) => {
        const value = (wire as Wire[])[at];
        // A choice beyond the last reads as nothing, which in an optional field would be a good value.
        frame[key] = fields[at]?.read(value) ?? (value === null ? undefined : "no such name");
      });
      expect(
        refusal(() => encodeFrame(frame as unknown as Frame)),
        why,
      ).toBe("invalidArgument");
    }
  });

  test("is refused in the other direction", () => {
    const bytes = spell([tag, ...Object.values(shapes).map(plain)]);
    const [other] = directions.filter((each) => each !== direction) as [Direction];
    expect(refusal(() => decodeFrame(bytes, direction))).toBeUndefined();
    expect(refusal(() => decodeFrame(bytes, other))).toBe("badFrame");
  });

  test("is refused with a byte behind it, and at every earlier end", () => {
    const bytes = spell([tag, ...Object.values(shapes).map(plain)]);
    expect(refusal(() => decodeFrame(join([bytes, Uint8Array.of(0)]), direction))).toBe("badFrame");
    for (let end = 0; end < bytes.length; end++) {
      expect(refusal(() => decodeFrame(bytes.subarray(0, end), direction))).toBe("badFrame");
    }
  });
});

describe("the table of frames", () => {
  test("uses each tag once, above zero and in one byte", () => {
    const tags = names.map((name) => frames[name].tag);
    expect(new Set(tags).size).toBe(tags.length);
    for (const tag of tags) expect(tag >= 1 && tag <= 127, `tag ${tag}`).toBe(true);
  });

  test("names no field `type`, which is the frame's own name", () => {
    for (const name of names) expect(Object.keys(frames[name].fields)).not.toContain("type");
  });

  test("refuses every tag without a row", () => {
    const taken = new Set<number>(names.map((name) => frames[name].tag));
    for (const tag of [...Array(300).keys(), 65_536, Number.MAX_SAFE_INTEGER]) {
      if (taken.has(tag)) continue;
      for (const direction of directions) {
        expect(refusal(() => decodeFrame(spell([tag]), direction))).toBe("badFrame");
        expect(refusal(() => decodeFrame(spell([tag, 1, 2]), direction))).toBe("badFrame");
      }
    }
  });
});

describe("hostile bytes", () => {
  const anyFrame = fc.constantFrom(...names).chain((name) => bytesOf(name));
  const change = fc.record({
    kind: fc.constantFrom("flip", "cut", "insert", "remove", "head"),
    at: fc.nat(),
    value: fc.oneof(fc.constantFrom(0xc0, 0xc1, 0xc6, 0xcf, 0xd3, 0xdb, 0xdc, 0xdd, 0xdf, 0x9f), fc.nat(255)),
  });

  const survives = (bytes: Uint8Array) => {
    for (const direction of directions) {
      let frame: Frame;
      try {
        frame = decodeFrame(bytes, direction);
      } catch (error) {
        expect(error).toBeInstanceOf(SottoError);
        expect((error as SottoError).code).toBe("badFrame");
        continue;
      }
      expect(Buffer.compare(encodeFrame(frame), bytes)).toBe(0);
    }
  };

  test("are a frame in its one spelling, or badFrame: damaged frames", () => {
    fc.assert(
      fc.property(anyFrame, fc.array(change, { minLength: 1, maxLength: 4 }), (bytes, changes) => {
        survives(changes.reduce(damage, bytes));
      }),
      { numRuns: 5_000 },
    );
  });

  test("are a frame in its one spelling, or badFrame: random bytes behind a good tag", () => {
    const start = fc.constantFrom(...names).map((name) => {
      const { tag, fields } = frames[name];
      return Uint8Array.of(0x91 + Object.keys(fields).length, tag);
    });
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 60 }), (head, rest) => survives(join([head, rest]))),
      { numRuns: 5_000 },
    );
  });

  test("are a frame in its one spelling, or badFrame: random bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), survives), { numRuns: 5_000 });
  });

  test("that claim enormous lengths are refused without making room for them", () => {
    const claims = ["ddffffffff", "dcffff", "dbffffffff", "c6ffffffff", "dfffffffff", "c9ffffffff01"];
    const messages = claims.flatMap((claim) => [
      raw(claim).bytes,
      raw(`92 14 ${claim}`).bytes,
      raw(`93 14 01 ${claim}`).bytes,
      raw(`96 28 01 c41000000000000000000000000000000000 00 00 ${claim}`).bytes,
      raw(`93 2c 01 ${claim}`).bytes,
    ]);
    for (const message of messages) {
      const before = process.memoryUsage();
      expect(refusal(() => decodeFrame(message, "toRelay"))).toBe("badFrame");
      const after = process.memoryUsage();
      expect(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(1_000_000);
    }
  });

  test("above the size limit are refused before they are looked at", () => {
    expect(refusal(() => decodeFrame(new Uint8Array(limits.frameBytes.value + 1), "toRelay"))).toBe("badFrame");
  });
});

describe("records", () => {
  const pair = field.record({ name: field.text(10), size: field.optional(field.uint(300)) });

  test("are read in one spelling only and refuse what is no record", () => {
    const bytes = encodeRecord(pair, { name: "a", size: 300 });
    expect(Buffer.compare(bytes, spell(["a", 300]))).toBe(0);
    expect(decodeRecord(pair, bytes)).toEqual({ name: "a", size: 300 });
    expect(decodeRecord(pair, spell(["a", null]))).toEqual({ name: "a" });
    for (const bad of [["a"], ["a", 301], ["a", 1, 1], [1, 1], "a"]) {
      expect(refusal(() => decodeRecord(pair, spell(bad as Wire)))).toBe("badFrame");
    }
  });

  test("are not written with a value of another type", () => {
    for (const bad of [undefined, 5, { name: 5 }, { name: "\ud800" }, { name: "a", size: "1" }]) {
      expect(refusal(() => encodeRecord(pair, bad as unknown as { name: string }))).toBe("invalidArgument");
    }
    const packed = field.record({ data: field.bytes(2) });
    expect(refusal(() => encodeRecord(packed, { data: "ab" as unknown as Uint8Array }))).toBe("invalidArgument");
  });
});

function damage(bytes: Uint8Array, { kind, at, value }: { kind: string; at: number; value: number }): Uint8Array {
  const place = bytes.length === 0 ? 0 : at % bytes.length;
  const [before, behind] = [bytes.subarray(0, place), bytes.subarray(place)];
  switch (kind) {
    case "flip":
      return bytes.map((byte, index) => (index === place ? byte ^ (1 << (value & 7)) : byte));
    case "cut":
      return before;
    case "insert":
      return join([before, Uint8Array.of(value), behind]);
    case "remove":
      return join([before, behind.subarray(1)]);
    default:
      return bytes.map((byte, index) => (index === place ? value : byte));
  }
}
