/** Vectors of registers: bodies, the values of each kind, what is not in form, and which of two words counts. */

import {
  compareRegisters,
  decodeRegisters,
  decodeRegisterValue,
  encodeRegisters,
  encodeRegisterValue,
  isFitRegister,
  parseDeviceId,
  type Register,
  registerKinds,
  registersBody,
  registerTable,
} from "@sotto/protocol";
import { hex, join, spell } from "../../test/protocol/spelling.js";
import { printed } from "./json.js";
import { type Size, sample } from "./sample.js";

const sizes: readonly Size[] = ["least", "ordinary", "greatest"];
const id = "0123456789abcdef".repeat(2);
const draft: Register = {
  ...{ kind: "draft", key: id, atMs: 1_800_000_000_000, device: parseDeviceId(2) },
  value: encodeRegisterValue("draft", { text: "begun" }),
};

/** Words on one register, each of which counts before those in front of it. */
const rising: readonly Register[] = [
  { ...draft, value: undefined },
  draft,
  { ...draft, value: encodeRegisterValue("draft", { text: "other" }) },
  { ...draft, value: encodeRegisterValue("draft", { text: "begun!" }) },
  { ...draft, device: parseDeviceId(3), value: undefined },
  { ...draft, atMs: draft.atMs + 1, device: parseDeviceId(1) },
];

/** Registers that are not taken, though the body they come in is: key and value are in no form of their kind. */
const unfit: readonly (readonly [string, Register])[] = [
  ["a key in upper case", { ...draft, key: id.toUpperCase() }],
  ["a key with a message where there is none", { ...draft, key: `${id}/${id}` }],
  ["a key without a message", { ...draft, kind: "pin", value: encodeRegisterValue("pin", {}) }],
  ["the value of another kind", { ...draft, value: encodeRegisterValue("label", { name: "begun" }) }],
  ["a value with a byte behind it", { ...draft, value: join([draft.value ?? new Uint8Array(0), Uint8Array.of(0)]) }],
  ["an empty value", { ...draft, value: new Uint8Array(0) }],
];

/** The good and the refused. */
export function registerVectors() {
  const bodies = sizes.map((size) => ({ size, bytes: spell(sample(registersBody.shape, size, "registers")) }));
  const ordinary = encodeRegisters([draft]);
  return {
    accepted: bodies.map(({ size, bytes }) => {
      return { name: `registers, ${size} values`, hex: hex(bytes), registers: printed(decodeRegisters(bytes)) };
    }),
    refused: [
      { name: "a byte behind it", hex: hex(join([ordinary, Uint8Array.of(0)])), refused: "badFrame" },
      { name: "cut short", hex: hex(ordinary.subarray(0, -1)), refused: "badFrame" },
      { name: "a time of 2^48+1", hex: hex(spell([[[1, id, 2 ** 48 + 1, 2, null]]])), refused: "badFrame" },
      { name: "a kind there is not", hex: hex(spell([[[registerKinds.length, id, 1, 2, null]]])), refused: "badFrame" },
    ],
    values: registerKinds.flatMap((kind) =>
      sizes.map((size) => {
        const bytes = spell(sample(registerTable[kind].value.shape, size, kind));
        return {
          name: `${kind}, ${size} values`,
          kind,
          hex: hex(bytes),
          value: printed(decodeRegisterValue(kind, bytes)),
        };
      }),
    ),
    unfit: unfit.map(([name, register]) => {
      if (isFitRegister(register)) throw new Error(`${name} is in form`);
      return { name, hex: hex(encodeRegisters([register])) };
    }),
    rising: rising.map((register, at) => {
      const before = rising[at - 1];
      if (before !== undefined && compareRegisters(register, before) <= 0) throw new Error("they do not rise");
      return hex(encodeRegisters([register]));
    }),
  };
}
