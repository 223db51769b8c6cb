/** What holds of every record: one spelling, its bounds and nothing beyond them, no bytes behind it. */

import type { field } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refusal } from "../refusal.js";
import { edgesOfFields, plain, wireOf } from "../shapes.js";
import { join, spell, type Wire } from "../spelling.js";

type Fields = Readonly<Record<string, field.Field<unknown>>>;

/** A record and its codec. `wrap` spells a record that lies within another. */
export interface RecordUnderTest<T> {
  readonly fields: Fields;
  decode(bytes: Uint8Array): T;
  encode(value: T): Uint8Array;
  wrap?(record: Uint8Array): Uint8Array;
  /** Well-formed values that a rule beyond the fields refuses. */
  fits?(record: Uint8Array): boolean;
}

/** Runs the suite. */
export function describeRecord<T>(name: string, record: RecordUnderTest<T>): void {
  const { decode, encode, wrap = (bytes) => bytes, fits = () => true } = record;
  const shapes = Object.fromEntries(Object.entries(record.fields).map(([key, { shape }]) => [key, shape]));
  const shape: field.Shape = { kind: "record", fields: shapes };

  describe(name, () => {
    test("survives decoding and encoding, in one spelling only", () => {
      fc.assert(
        fc.property(
          wireOf(shape).map(spell).filter(fits),
          (bytes) => Buffer.compare(encode(decode(wrap(bytes))), wrap(bytes)) === 0,
        ),
        { numRuns: 100 },
      );
    });

    test("accepts every bound and refuses what lies beyond it", () => {
      const { accepted, beyond, misfits } = edgesOfFields(shapes);
      for (const { why, wire } of accepted) {
        const bytes = spell(wire);
        if (!fits(bytes)) continue;
        expect(
          refusal(() => decode(wrap(bytes))),
          why,
        ).toBeUndefined();
      }
      for (const { why, wire } of [...beyond, ...misfits]) {
        expect(
          refusal(() => decode(wrap(spell(wire)))),
          why,
        ).toBe("badFrame");
      }
    });

    test("is refused with a byte behind it, and at every earlier end", () => {
      const bytes = spell(Object.values(shapes).map(plain) as Wire[]);
      expect(refusal(() => decode(wrap(join([bytes, Uint8Array.of(0)]))))).toBe("badFrame");
      expect(refusal(() => decode(join([wrap(bytes), Uint8Array.of(0)])))).toBe("badFrame");
      const step = Math.max(1, Math.floor(bytes.length / 400));
      for (let end = 0; end < bytes.length; end += step)
        expect(refusal(() => decode(wrap(bytes.subarray(0, end))))).toBe("badFrame");
    });
  });
}
