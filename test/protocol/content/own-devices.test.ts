import { decodeOwnBody, encodeOwnBody, limits, MAX_EVIDENCE_BYTES, ownBodies } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refusal } from "../refusal.js";
import { edgesOfFields, plain, wireOf } from "../shapes.js";
import { join, spell, type Wire } from "../spelling.js";

const types = Object.keys(ownBodies) as (keyof typeof ownBodies)[];

function fieldsOf(type: (typeof types)[number]) {
  const { shape } = ownBodies[type];
  if (shape.kind !== "record") throw new Error("a body is a record");
  return shape.fields;
}

describe.each(types)("the body of %s", (type) => {
  test("survives decoding and encoding, in one spelling only", () => {
    fc.assert(
      fc.property(wireOf(ownBodies[type].shape), (wire) => {
        const bytes = spell(wire);
        expect(Buffer.compare(encodeOwnBody(type, decodeOwnBody(type, bytes) as never), bytes)).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  test("accepts every bound and refuses what lies beyond it", () => {
    const { accepted, beyond, misfits } = edgesOfFields(fieldsOf(type));
    for (const { why, wire } of accepted) {
      expect(
        refusal(() => decodeOwnBody(type, spell(wire))),
        why,
      ).toBeUndefined();
    }
    for (const { why, wire } of [...beyond, ...misfits]) {
      expect(
        refusal(() => decodeOwnBody(type, spell(wire))),
        why,
      ).toBe("badFrame");
    }
  });

  test("is refused with a byte behind it, and at every earlier end", () => {
    const bytes = spell(Object.values(fieldsOf(type)).map(plain) as Wire[]);
    expect(refusal(() => decodeOwnBody(type, bytes))).toBeUndefined();
    expect(refusal(() => decodeOwnBody(type, join([bytes, Uint8Array.of(0)])))).toBe("badFrame");
    for (let end = 0; end < bytes.length; end++) {
      expect(refusal(() => decodeOwnBody(type, bytes.subarray(0, end)))).toBe("badFrame");
    }
  });
});

test("the longest text with its longest edit fits one archive body", () => {
  const id = new Uint8Array(16).fill(1);
  const header = 300;
  const evidence = new Uint8Array(MAX_EVIDENCE_BYTES);
  const longest = new Uint8Array(limits.textBytes.value + header);
  const entry = [
    id,
    id,
    id,
    longest,
    new Uint8Array(32),
    1_800_000_000_000,
    2 ** 40,
    3,
    longest,
    evidence,
    evidence,
    null,
    [],
  ];
  const bytes = spell([id, 1, 0, 1, 1, [entry]]);
  expect(decodeOwnBody("archive", bytes).entries).toHaveLength(1);
  expect(bytes.length).toBeLessThanOrEqual(limits.ownBodyBytes.value);
});
