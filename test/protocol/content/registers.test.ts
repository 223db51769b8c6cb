import {
  compareRegisters,
  decodeRegisters,
  decodeRegisterValue,
  encodeRegisters,
  encodeRegisterValue,
  type field,
  isFitRegister,
  limits,
  MAX_REGISTER_MS,
  parseDeviceId,
  type Register,
  registerKinds,
  registerScope,
  registersBody,
  registerTable,
} from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refusal } from "../refusal.js";
import { edgesOfFields, plain, wireOf } from "../shapes.js";
import { join, spell, type Wire } from "../spelling.js";

const id = "0123456789abcdef".repeat(2);
const draft: Register = {
  ...{ kind: "draft", key: id, atMs: 5, device: parseDeviceId(1) },
  value: encodeRegisterValue("draft", { text: "hi" }),
};

function fieldsOf(shape: field.Shape) {
  if (shape.kind !== "record") throw new Error("a record is asked for");
  return shape.fields;
}

describe("the body of registers", () => {
  test("survives decoding and encoding, in one spelling only", () => {
    fc.assert(
      fc.property(wireOf(registersBody.shape), (wire) => {
        const bytes = spell(wire);
        expect(Buffer.compare(encodeRegisters(decodeRegisters(bytes)), bytes)).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test("accepts every bound and refuses what lies beyond it", () => {
    const list = fieldsOf(registersBody.shape).registers;
    if (list?.kind !== "list") throw new Error("a body is a list");
    const { accepted, beyond, misfits } = edgesOfFields(fieldsOf(list.of));
    const reading = (wire: Wire) => refusal(() => decodeRegisters(spell([[wire]])));
    for (const { why, wire } of accepted) expect(reading(wire), why).toBeUndefined();
    for (const { why, wire } of [...beyond, ...misfits]) expect(reading(wire), why).toBe("badFrame");
  });

  test("is refused with a byte behind it, and at every earlier end", () => {
    const bytes = encodeRegisters([draft]);
    expect(refusal(() => decodeRegisters(join([bytes, Uint8Array.of(0)])))).toBe("badFrame");
    for (let end = 0; end < bytes.length; end++) {
      expect(refusal(() => decodeRegisters(bytes.subarray(0, end)))).toBe("badFrame");
    }
  });
});

describe.each([...registerKinds])("a value of %s", (kind) => {
  const { value } = registerTable[kind];
  test("survives decoding and encoding, in one spelling only", () => {
    fc.assert(
      fc.property(wireOf(value.shape), (wire) => {
        const bytes = spell(wire);
        expect(Buffer.compare(encodeRegisterValue(kind, decodeRegisterValue(kind, bytes) as never), bytes)).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test("accepts every bound and refuses what lies beyond it, and fits into a register", () => {
    const { accepted, beyond, misfits } = edgesOfFields(fieldsOf(value.shape));
    for (const { why, wire } of accepted) {
      expect(
        refusal(() => decodeRegisterValue(kind, spell(wire))),
        why,
      ).toBeUndefined();
      expect(spell(wire).length).toBeLessThanOrEqual(limits.registerBytes.value);
    }
    for (const { why, wire } of [...beyond, ...misfits]) {
      expect(
        refusal(() => decodeRegisterValue(kind, spell(wire))),
        why,
      ).toBe("badFrame");
    }
  });
});

describe("a register", () => {
  test("is fit if its key and its value are in the form of its kind, and with no value", () => {
    const pair = `${id}/${id}`;
    const keys = { quickReply: id, draft: id, pin: pair, label: id, labelled: pair, assignee: id };
    for (const kind of registerKinds) {
      const value = spell(plain(registerTable[kind].value.shape) as Wire);
      const good: Register = { ...draft, kind, key: keys[kind], value };
      expect(isFitRegister(good), kind).toBe(true);
      expect(isFitRegister({ ...good, value: undefined }), kind).toBe(true);
      expect(isFitRegister({ ...good, value: join([value, Uint8Array.of(0)]) }), kind).toBe(false);
      for (const key of [id.toUpperCase(), `${id}0`, id.slice(1), keys[kind] === id ? pair : id, `${pair}/${id}`]) {
        expect(isFitRegister({ ...good, key }), `${kind} ${key}`).toBe(false);
      }
    }
  });

  test("counts with the others of its conversation, or of the account", () => {
    const other = "f".repeat(32);
    expect(registerScope({ kind: "pin", key: `${id}/${other}` })).toBe(id);
    expect(registerScope({ kind: "draft", key: id })).toBe(id);
    expect(registerScope({ kind: "label", key: id })).toBe("");
  });

  test("cannot bear a time beyond its bound", () => {
    expect(refusal(() => encodeRegisters([{ ...draft, atMs: MAX_REGISTER_MS }]))).toBeUndefined();
    expect(refusal(() => encodeRegisters([{ ...draft, atMs: MAX_REGISTER_MS + 1 }]))).toBe("invalidArgument");
  });

  const word = fc.record({
    atMs: fc.nat(2),
    device: fc.integer({ min: 1, max: 2 }).map(parseDeviceId),
    value: fc.option(fc.uint8Array({ maxLength: 2 }), { nil: undefined }),
  });
  const asRegister = (part: Pick<Register, "atMs" | "device" | "value">): Register => ({ ...draft, ...part });

  test("is ordered with every other word, the same way round for all who compare", () => {
    fc.assert(
      fc.property(word, word, word, (...parts) => {
        const [one, two, three] = parts.map(asRegister) as [Register, Register, Register];
        expect(Math.sign(compareRegisters(one, two))).toBe(-Math.sign(compareRegisters(two, one)) || 0);
        if (compareRegisters(one, two) > 0 && compareRegisters(two, three) > 0) {
          expect(compareRegisters(one, three)).toBeGreaterThan(0);
        }
        const isSame = Buffer.compare(encodeRegisters([one]), encodeRegisters([two])) === 0;
        expect(compareRegisters(one, two) === 0).toBe(isSame);
      }),
    );
  });

  test("counts by time, then by device, then by its bytes, emptied ones first", () => {
    const at = (atMs: number, device: number, ...value: number[]): Register =>
      asRegister({ atMs, device: parseDeviceId(device), value: Uint8Array.from(value) });
    const rising = [
      asRegister({ atMs: 1, device: parseDeviceId(1), value: undefined }),
      at(1, 1),
      at(1, 1, 0),
      at(1, 1, 0, 9),
      at(1, 1, 200),
      at(1, 2),
      at(2, 1),
    ];
    expect([...rising].reverse().sort(compareRegisters)).toEqual(rising);
  });
});
