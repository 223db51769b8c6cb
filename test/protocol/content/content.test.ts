import { isDeepStrictEqual } from "node:util";
import {
  type Content,
  type ContentKind,
  contentFields,
  contentKinds,
  decodeContent,
  encodeContent,
  type field,
  limits,
} from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refusal } from "../refusal.js";
import { edgesOf, edgesOfFields, plain, wireOf } from "../shapes.js";
import { join, raw, spell, type Wire } from "../spelling.js";

const kinds = Object.keys(contentKinds) as ContentKind[];
const known = new Set<number>(kinds.map((kind) => contentKinds[kind].number));
const { version: _version, kindNumber: _kind, body: _body, ...headerFields } = contentFields;
const header: Record<string, field.Shape> = Object.fromEntries(
  Object.entries(headerFields).map(([name, { shape }]) => [name, shape]),
);
const plainHeader = Object.values(header).map(plain);

function spellContent(kind: number, values: readonly Wire[], body: Wire): Uint8Array {
  return spell([1, kind, ...values, spell(body)]);
}

const headers = fc.tuple(...Object.values(header).map(wireOf));

describe.each(kinds)("a content of kind %s", (kind) => {
  const { number, body } = contentKinds[kind];

  test("survives encoding and decoding, in one spelling only", () => {
    fc.assert(
      fc.property(headers, wireOf(body.shape), (values, fields) => {
        const bytes = spellContent(number, values, fields);
        const content = decodeContent(bytes);
        expect(content.kind).toBe(kind);
        const again = encodeContent(content);
        expect(Buffer.compare(again, bytes)).toBe(0);
        expect(isDeepStrictEqual(decodeContent(again), content)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("accepts every bound of its body and refuses what lies beyond it", () => {
    const { accepted, beyond, misfits } = edgesOf(body.shape);
    for (const { why, wire } of accepted) {
      expect(
        refusal(() => decodeContent(spellContent(number, plainHeader, wire))),
        why,
      ).toBeUndefined();
    }
    for (const { why, wire } of [...beyond, ...misfits]) {
      expect(
        refusal(() => decodeContent(spellContent(number, plainHeader, wire))),
        why,
      ).toBe("badFrame");
    }
  });

  test("with bytes behind its body, a second spelling of it, or another kind's body is refused", () => {
    const good = spell(plain(body.shape));
    for (const wrong of [join([good, Uint8Array.of(0)]), good.subarray(1), new Uint8Array(0), raw("dc0000").bytes]) {
      expect(refusal(() => decodeContent(spell([1, number, ...plainHeader, wrong])))).toBe("badFrame");
    }
  });
});

describe("the header of a content", () => {
  test("accepts every bound and refuses what lies beyond it", () => {
    const fields = spell(plain(contentKinds.delete.body.shape));
    const { accepted, beyond, misfits } = edgesOfFields(header);
    const of = (wire: Wire) => spell([1, contentKinds.delete.number, ...(wire as Wire[]), fields]);
    for (const { why, wire } of accepted)
      expect(
        refusal(() => decodeContent(of(wire))),
        why,
      ).toBeUndefined();
    for (const { why, wire } of [...beyond, ...misfits]) {
      expect(
        refusal(() => decodeContent(of(wire))),
        why,
      ).toBe("badFrame");
    }
  });

  test("of another version is refused, and so is kind 0", () => {
    const body = spell(plain(contentKinds.delete.body.shape));
    for (const version of [0, 2, 300]) {
      expect(refusal(() => decodeContent(spell([version, 5, ...plainHeader, body])))).toBe("badFrame");
    }
    for (const kind of [0, 0x1_0000]) {
      expect(refusal(() => decodeContent(spell([1, kind, ...plainHeader, body])))).toBe("badFrame");
    }
  });

  test("shares no field name with a body, so that one never hides the other", () => {
    const taken = new Set([...Object.keys(contentFields), "kind"]);
    for (const kind of kinds) {
      const { shape } = contentKinds[kind].body as field.Field<unknown>;
      if (shape.kind !== "record") throw new Error("a body is a record");
      for (const name of Object.keys(shape.fields)) expect(taken.has(name), `${kind}.${name}`).toBe(false);
    }
  });
});

describe("a content of an unknown kind", () => {
  const numbers = fc.integer({ min: 1, max: 0xffff }).filter((number) => !known.has(number));

  test("is a typed fallback that keeps header and body, and encodes to the same bytes", () => {
    fc.assert(
      fc.property(numbers, headers, fc.uint8Array({ maxLength: 300 }), (number, values, body) => {
        const bytes = spell([1, number, ...values, body]);
        const content = decodeContent(bytes);
        expect(content).toMatchObject({ kind: "unsupported", kindNumber: number });
        expect(Buffer.compare(encodeContent(content), bytes)).toBe(0);
      }),
      { numRuns: 2_000 },
    );
  });

  test("is not written under the number of a known kind", () => {
    const content = decodeContent(spell([1, 999, ...plainHeader, new Uint8Array(3)]));
    expect(refusal(() => encodeContent({ ...content, kindNumber: 1 } as Content))).toBe("invalidArgument");
  });
});

test("kind numbers are unique and above zero", () => {
  expect(known.size).toBe(kinds.length);
  for (const number of known) expect(number).toBeGreaterThan(0);
});

test("the largest text, custom content and receipt fit, and a content above the limit does not", () => {
  const base = decodeContent(spellContent(5, plainHeader, plain(contentKinds.delete.body.shape)));
  const { kind: _delete, ...rest } = base;
  const seen = Array.from({ length: 8 }, () => new Uint8Array(32));
  const large = { ...rest, seen, counter: Number.MAX_SAFE_INTEGER, timerMs: Number.MAX_SAFE_INTEGER };
  const text = "世".repeat(Math.floor(limits.textBytes.value / 3));
  const schema = "s".repeat(limits.schemaIdBytes.value);
  const data = new Uint8Array(limits.customBytes.value);
  for (const body of [
    { kind: "text", text },
    { kind: "custom", schema, data },
  ] as const) {
    const bytes = encodeContent({ ...large, ...body } as Content);
    expect(bytes.length).toBeLessThanOrEqual(limits.contentBytes.value);
    expect(decodeContent(bytes).kind).toBe(body.kind);
  }
  const unsupported = { ...large, kind: "unsupported", kindNumber: 900 } as const;
  const room = limits.contentBytes.value - encodeContent({ ...unsupported, body: new Uint8Array(60_000) }).length;
  const full = { ...unsupported, body: new Uint8Array(60_000 + room) } as Content;
  expect(encodeContent(full).length).toBe(limits.contentBytes.value);
  const over = { ...unsupported, body: new Uint8Array(60_001 + room) } as Content;
  expect(refusal(() => encodeContent(over))).toBe("tooLarge");
  expect(refusal(() => decodeContent(new Uint8Array(limits.contentBytes.value + 1)))).toBe("badFrame");
});

test("hostile bytes are a content in its one spelling, or badFrame", () => {
  const bodies = fc
    .constantFrom(...kinds)
    .chain((kind) =>
      fc
        .tuple(headers, wireOf(contentKinds[kind].body.shape))
        .map(([values, fields]) => spellContent(contentKinds[kind].number, values, fields)),
    );
  fc.assert(
    fc.property(bodies, fc.nat(), fc.nat(255), fc.boolean(), (bytes, at, value, cut) => {
      const place = at % bytes.length;
      const damaged = cut ? bytes.slice(0, place) : bytes.map((byte, index) => (index === place ? value : byte));
      try {
        expect(Buffer.compare(encodeContent(decodeContent(damaged)), damaged)).toBe(0);
      } catch (error) {
        expect(error).toMatchObject({ code: "badFrame" });
      }
    }),
    { numRuns: 5_000 },
  );
});
