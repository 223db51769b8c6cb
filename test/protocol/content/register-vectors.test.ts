import { readFileSync } from "node:fs";
import {
  compareRegisters,
  decodeRegisters,
  decodeRegisterValue,
  encodeRegisters,
  encodeRegisterValue,
  isFitRegister,
  type Register,
  type RegisterKind,
  registerKinds,
} from "@sotto/protocol";
import { expect, test } from "vitest";
import { parsed } from "../../../scripts/vectors/json.js";
import { refusal } from "../refusal.js";
import { hex, unhex } from "../spelling.js";

interface Vectors {
  readonly accepted: { name: string; hex: string; registers: unknown }[];
  readonly refused: { name: string; hex: string; refused: string }[];
  readonly values: { name: string; kind: RegisterKind; hex: string; value: unknown }[];
  readonly unfit: { name: string; hex: string }[];
  readonly rising: string[];
}
const file = new URL("../../../protocol/vectors/registers.json", import.meta.url);
const { accepted, refused, values, unfit, rising } = JSON.parse(readFileSync(file, "utf8")) as Vectors;

test.each(accepted)("$name", ({ hex: bytes, registers }) => {
  expect(decodeRegisters(unhex(bytes))).toEqual(parsed(registers));
  expect(hex(encodeRegisters(parsed(registers) as Register[]))).toBe(bytes);
});

test.each(refused)("refused: $name", ({ hex: bytes, refused }) => {
  expect(refusal(() => decodeRegisters(unhex(bytes)))).toBe(refused);
});

test.each(values)("$name", ({ kind, hex: bytes, value }) => {
  expect(decodeRegisterValue(kind, unhex(bytes))).toEqual(parsed(value));
  expect(hex(encodeRegisterValue(kind, parsed(value) as never))).toBe(bytes);
});

test.each(unfit)("not taken: $name", ({ hex: bytes }) => {
  expect(decodeRegisters(unhex(bytes)).map(isFitRegister)).toEqual([false]);
});

test("of two words the later counts", () => {
  const words = rising.flatMap((bytes) => decodeRegisters(unhex(bytes)));
  for (const [at, word] of words.entries()) {
    for (const earlier of words.slice(0, at)) expect(compareRegisters(word, earlier)).toBeGreaterThan(0);
  }
});

test("cover every kind", () => {
  expect(new Set(values.map(({ kind }) => kind))).toEqual(new Set(registerKinds));
});
