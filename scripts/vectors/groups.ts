/** Vectors of groups: three good entries of each kind, states, what people tell each other of groups, and what is none of them. */

import {
  decodeGroupBody,
  decodeGroupEntry,
  decodeGroupState,
  type field,
  type GroupEntryKind,
  groupBodies,
  groupEntryFields,
  groupEntryKinds,
  groupStateFields,
  groupStateHash,
} from "@sotto/protocol";
import { hex, join, raw, spell, type Wire } from "../../test/protocol/spelling.js";
import { printed } from "./json.js";
import { type Size, sample } from "./sample.js";

const sizes: readonly Size[] = ["least", "ordinary", "greatest"];
const kinds = Object.keys(groupEntryKinds) as GroupEntryKind[];
const types = Object.keys(groupBodies) as (keyof typeof groupBodies)[];
const SIGNATURE = new Uint8Array(64).fill(0x5a);

/** The good and the refused entries, states and bodies. */
export function groupVectors() {
  return { entries: entryVectors(), states: stateVectors(), bodies: bodyVectors() };
}

function sampled(fields: Readonly<Record<string, field.Field<unknown>>>, size: Size, place: string): Wire[] {
  return Object.entries(fields).map(([name, { shape }]) => sample(shape, size, `${place}.${name}`));
}

/** An entry: its signed part as a byte string, and the signature. */
function entryOf(kind: GroupEntryKind, size: Size): Wire[] {
  const { version: _version, kindNumber: _kind, body: _body, ...header } = groupEntryFields;
  const { number, body } = groupEntryKinds[kind];
  return [1, ...sampled(header, size, "entry"), number, spell(sample(body.shape, size, kind))];
}

function entryVectors() {
  const accepted = kinds.flatMap((kind) =>
    sizes.map((size) => {
      const bytes = spell([spell(entryOf(kind, size)), SIGNATURE]);
      return { name: `${kind}, ${size} values`, hex: hex(bytes), entry: printed(decodeGroupEntry(bytes)) };
    }),
  );
  const admit = entryOf("admit", "ordinary");
  const signed = spell(admit);
  const changed = (place: number, wire: Wire) => spell([spell(admit.with(place, wire)), SIGNATURE]);
  const KIND = 5;
  const BODY = 6;
  const bad: readonly (readonly [string, Uint8Array])[] = [
    ["no bytes", new Uint8Array(0)],
    ["a signature of 63 bytes", spell([signed, SIGNATURE.subarray(1)])],
    ["no signature", spell([signed])],
    ["a second signature", spell([signed, SIGNATURE, SIGNATURE])],
    ["a signed part that is an array, not bytes", spell([admit, SIGNATURE])],
    ["a signed part of no bytes", spell([new Uint8Array(0), SIGNATURE])],
    ["a byte behind the entry", join([spell([signed, SIGNATURE]), Uint8Array.of(0)])],
    ["a byte behind the signed part", spell([join([signed, Uint8Array.of(0)]), SIGNATURE])],
    ["version 2", changed(0, 2)],
    ["version 1 in a longer form", changed(0, raw("cc01"))],
    ["a group of 15 bytes", changed(1, new Uint8Array(15))],
    ["a hash of 31 bytes", changed(2, new Uint8Array(31))],
    ["kind 0", changed(KIND, 0)],
    ["a kind that does not exist", changed(KIND, 13)],
    ["a body of another kind", changed(KIND, groupEntryKinds.checkpoint.number)],
    ["a body with a field too many", changed(BODY, spell([new Uint8Array(16), 1]))],
    ["a body with a byte behind it", changed(BODY, join([spell([new Uint8Array(16)]), Uint8Array.of(0)]))],
    ["an empty body", changed(BODY, new Uint8Array(0))],
    ["a missing field", spell([spell(admit.slice(0, -1)), SIGNATURE])],
    ["an additional field", spell([spell([...admit, 1]), SIGNATURE])],
    [
      "a removal of nobody",
      spell([spell([...entryOf("remove", "ordinary").slice(0, -1), spell([[], null])]), SIGNATURE]),
    ],
  ];
  return { accepted, refused: bad.map(([name, bytes]) => ({ name, hex: hex(bytes), refused: "badFrame" })) };
}

function stateVectors() {
  const accepted = sizes.map((size) => {
    const bytes = spell(sampled(groupStateFields, size, "state"));
    const state = decodeGroupState(bytes);
    return { name: `${size} values`, hex: hex(bytes), state: printed(state), hash: printed(groupStateHash(state)) };
  });
  const good = sampled(groupStateFields, "ordinary", "state");
  const bad: readonly (readonly [string, Uint8Array])[] = [
    ["no bytes", new Uint8Array(0)],
    ["version 2", spell(good.with(0, 2))],
    ["a missing field", spell(good.slice(0, -1))],
    ["an additional field", spell([...good, 1])],
    ["a byte behind it", join([spell(good), Uint8Array.of(0)])],
  ];
  return { accepted, refused: bad.map(([name, bytes]) => ({ name, hex: hex(bytes), refused: "badFrame" })) };
}

function bodyVectors() {
  const accepted = types.flatMap((type) =>
    sizes.map((size) => {
      const bytes = spell(sample(groupBodies[type].shape, size, type));
      return { name: `${type}, ${size} values`, type, hex: hex(bytes), body: printed(decodeGroupBody(type, bytes)) };
    }),
  );
  const refused = types.flatMap((type) => {
    const bytes = spell(sample(groupBodies[type].shape, "ordinary", type));
    return [
      { name: `${type} with a byte behind it`, type, hex: hex(join([bytes, Uint8Array.of(0)])), refused: "badFrame" },
      { name: `${type} cut short`, type, hex: hex(bytes.subarray(0, -1)), refused: "badFrame" },
    ];
  });
  return { accepted, refused };
}
