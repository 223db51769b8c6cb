import {
  accountIdFromBytes,
  decodeGroupBody,
  decodeGroupEntry,
  decodeGroupState,
  encodeGroupBody,
  encodeGroupEntry,
  encodeGroupState,
  type field,
  type GroupChange,
  type GroupEntryKind,
  groupBodies,
  groupEntryFields,
  groupEntryKinds,
  groupStateFields,
  groupStateHash,
  limits,
  parseConversationId,
} from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refusal } from "../refusal.js";
import { edgesOfFields, plain, wireOf } from "../shapes.js";
import { join, spell, type Wire } from "../spelling.js";

type Shape = field.Shape;
type Shapes = Readonly<Record<string, Shape>>;

const kinds = Object.keys(groupEntryKinds) as GroupEntryKind[];
const types = Object.keys(groupBodies) as (keyof typeof groupBodies)[];
const SIGNATURE = new Uint8Array(64).fill(3);

const shapesOf = (fields: Readonly<Record<string, field.Field<unknown>>>): Shapes =>
  Object.fromEntries(Object.entries(fields).map(([name, { shape }]) => [name, shape]));

function fieldsOf(shape: Shape): Shapes {
  if (shape.kind !== "record") throw new Error("a body is a record");
  return shape.fields;
}

const { version: _version, kindNumber: _kind, body: _body, ...header } = shapesOf(groupEntryFields);
const anyHeader = fc.tuple(...Object.values(header).map(wireOf));
const plainHeader = Object.values(header).map(plain);

/** An entry spelt by hand. */
function entry(kind: GroupEntryKind, body: Wire, of: readonly Wire[] = plainHeader): Uint8Array {
  return spell([spell([1, ...of, groupEntryKinds[kind].number, spell(body)]), SIGNATURE]);
}

/** Every way to cut bytes short, and one to make them longer, is refused. */
function expectWhole(bytes: Uint8Array, decode: (bytes: Uint8Array) => unknown): void {
  expect(refusal(() => decode(bytes))).toBeUndefined();
  expect(refusal(() => decode(join([bytes, Uint8Array.of(0)])))).toBe("badFrame");
  for (let end = 0; end < bytes.length; end++) expect(refusal(() => decode(bytes.subarray(0, end)))).toBe("badFrame");
}

/** Every bound is accepted, and what lies beyond is not. */
function expectBounds(fields: Shapes, decode: (wire: Wire) => unknown): void {
  const { accepted, beyond, misfits } = edgesOfFields(fields);
  for (const { why, wire } of accepted)
    expect(
      refusal(() => decode(wire)),
      why,
    ).toBeUndefined();
  for (const { why, wire } of [...beyond, ...misfits])
    expect(
      refusal(() => decode(wire)),
      why,
    ).toBe("badFrame");
}

describe.each(kinds)("an entry of kind %s", (kind) => {
  const { shape } = groupEntryKinds[kind].body;

  test("survives decoding and encoding, in one spelling only", () => {
    fc.assert(
      fc.property(anyHeader, wireOf(shape), (of, body) => {
        const bytes = entry(kind, body, of);
        const read = decodeGroupEntry(bytes);
        expect(
          Buffer.compare(
            encodeGroupEntry(read, () => read.signature),
            bytes,
          ),
        ).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test("accepts every bound and refuses what lies beyond it", () => {
    expectBounds(fieldsOf(shape), (wire) => decodeGroupEntry(entry(kind, wire)));
  });

  test("is refused with a byte behind it, and at every earlier end", () => {
    expectWhole(entry(kind, plain(shape)), decodeGroupEntry);
  });
});

describe("an entry", () => {
  const change: GroupChange = { kind: "update", title: "walks" };
  const unsigned = {
    group: parseConversationId("ab".repeat(16)),
    previous: new Uint8Array(32).fill(1),
    author: accountIdFromBytes(new Uint8Array(16).fill(2)),
    atMs: 5,
    change,
  };

  test("has a header whose bounds are checked", () => {
    expectBounds(header, (wire) => decodeGroupEntry(entry("decline", [], wire as readonly Wire[])));
  });

  test("is signed over everything but its signature, and named by everything", () => {
    const seen: Uint8Array[] = [];
    const sign = (fill: number) => (text: Uint8Array) => {
      seen.push(text);
      return new Uint8Array(64).fill(fill);
    };
    const one = decodeGroupEntry(encodeGroupEntry(unsigned, sign(1)));
    const other = decodeGroupEntry(encodeGroupEntry(unsigned, sign(2)));
    expect(one.text).toEqual(seen[0]);
    expect(other.text).toEqual(one.text);
    expect(other.hash).not.toEqual(one.hash);
    const differing = [
      { ...unsigned, group: parseConversationId("cd".repeat(16)) },
      { ...unsigned, previous: new Uint8Array(32) },
      { ...unsigned, author: accountIdFromBytes(new Uint8Array(16)) },
      { ...unsigned, atMs: 6 },
      { ...unsigned, change: { kind: "update", title: "talks" } as const },
      { ...unsigned, change: { kind: "decline" } as const },
    ];
    for (const another of differing)
      expect(decodeGroupEntry(encodeGroupEntry(another, sign(1))).text).not.toEqual(one.text);
  });

  test("of the largest kinds fits the limit with what sealing adds", () => {
    const account = accountIdFromBytes(new Uint8Array(16).fill(9));
    const everybody = Array.from({ length: limits.groupAccounts.value }, () => account);
    const key = new Uint8Array(33);
    const rotation = {
      ephemeral: key,
      accessKey: new Uint8Array(32),
      adminKey: new Uint8Array(32),
      sealed: everybody.map((one) => ({ account: one, secret: new Uint8Array(48) })),
    };
    const largest: readonly GroupChange[] = [
      { kind: "remove", accounts: everybody, rotation },
      { kind: "role", account, role: "member", rotation, sealed: { ephemeral: key, secret: new Uint8Array(48) } },
      {
        ...{ kind: "create", maxAccounts: 1, identityKey: key, wrapKey: key, deliveryKeyHash: new Uint8Array(32) },
        ...{ timerMs: Number.MAX_SAFE_INTEGER, invite: "admins", write: "admins", edit: "admins", approval: "on" },
        title: "x".repeat(limits.groupTitleBytes.value),
        avatar: new Uint8Array(limits.groupAvatarBytes.value),
      },
    ];
    /** An epoch of 4, a nonce of 12 and a tag of 16 bytes. */
    const sealing = 32;
    for (const big of largest) {
      const bytes = encodeGroupEntry({ ...unsigned, atMs: Number.MAX_SAFE_INTEGER, change: big }, () => SIGNATURE);
      expect(bytes.length + sealing).toBeLessThanOrEqual(limits.groupEntryBytes.value);
    }
    const members: readonly GroupChange[] = [
      { kind: "remove", accounts: everybody },
      {
        ...{ kind: "update", timerMs: Number.MAX_SAFE_INTEGER, title: "x".repeat(limits.groupTitleBytes.value) },
        avatar: new Uint8Array(limits.groupAvatarBytes.value),
      },
    ];
    for (const big of members) {
      const bytes = encodeGroupEntry({ ...unsigned, atMs: Number.MAX_SAFE_INTEGER, change: big }, () => SIGNATURE);
      expect(bytes.length + sealing).toBeLessThanOrEqual(limits.groupMemberEntryBytes.value);
    }
  });

  test("out of bounds is not written", () => {
    const title = "x".repeat(limits.groupTitleBytes.value + 1);
    const bad: readonly GroupChange[] = [
      { kind: "update", title },
      { kind: "remove", accounts: [] },
    ];
    for (const one of bad)
      expect(refusal(() => encodeGroupEntry({ ...unsigned, change: one }, () => SIGNATURE))).toBe("invalidArgument");
    expect(refusal(() => encodeGroupEntry(unsigned, () => new Uint8Array(63)))).toBe("invalidArgument");
  });
});

describe("a group's state", () => {
  const fields = shapesOf(groupStateFields);

  test("survives decoding and encoding, in one spelling only, and its hash follows every change", () => {
    fc.assert(
      fc.property(fc.tuple(...Object.values(fields).map(wireOf)), (wire) => {
        const bytes = spell(wire);
        const state = decodeGroupState(bytes);
        expect(Buffer.compare(encodeGroupState(state), bytes)).toBe(0);
        const changed = { ...state, seq: state.seq === 0 ? 1 : state.seq - 1 };
        expect(groupStateHash(changed)).not.toEqual(groupStateHash(state));
      }),
      { numRuns: 100 },
    );
  });

  test("accepts every bound and refuses what lies beyond it", () => {
    expectBounds(fields, (wire) => decodeGroupState(spell(wire)));
  });

  test("is refused with a byte behind it, and at every earlier end", () => {
    expectWhole(spell(Object.values(fields).map(plain)), decodeGroupState);
  });
});

describe.each(types)("what is told with %s", (type) => {
  const { shape } = groupBodies[type];

  test("survives decoding and encoding, in one spelling only", () => {
    fc.assert(
      fc.property(wireOf(shape), (wire) => {
        const bytes = spell(wire);
        expect(Buffer.compare(encodeGroupBody(type, decodeGroupBody(type, bytes) as never), bytes)).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  test("accepts every bound and refuses what lies beyond it", () => {
    expectBounds(fieldsOf(shape), (wire) => decodeGroupBody(type, spell(wire)));
  });

  test("is refused with a byte behind it, and at every earlier end", () => {
    expectWhole(spell(plain(shape)), (bytes) => decodeGroupBody(type, bytes));
  });
});

test("sixteen groups in one body fit what own devices tell each other", () => {
  const item = groupBodies.groups.shape;
  const [list] = item.kind === "record" ? Object.values(item.fields) : [];
  if (list?.kind !== "list") throw new Error("groups are a list");
  const { of, max } = list;
  const largest = spell(greatest(of));
  expect(largest.length * max + 8).toBeLessThanOrEqual(limits.ownBodyBytes.value);
});

/** A value as long as its shape allows. */
function greatest(shape: Shape): Wire {
  switch (shape.kind) {
    case "uint":
      return shape.max;
    case "choice":
      return shape.names.length - 1;
    case "bytes":
      return new Uint8Array(shape.max);
    case "text":
      return "x".repeat(shape.max);
    case "optional":
      return greatest(shape.of);
    case "list":
      return Array.from({ length: shape.max }, () => greatest(shape.of));
    case "record":
      return Object.values(shape.fields).map(greatest);
  }
}
