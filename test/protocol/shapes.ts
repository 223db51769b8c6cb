/** Values of every shape a field can have: random ones for property tests, and every value at and beyond a bound. */

import type { field } from "@sotto/protocol";
import fc from "fast-check";
import { raw, type Wire } from "./spelling.js";

type Shape = field.Shape;

/** Where the msgpack spellings of lengths and integers change. */
const STEPS = [0x1f, 0x20, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000];

/** A random value of a shape, with a liking for bounds and for the places where spellings change. */
export function wireOf(shape: Shape): fc.Arbitrary<Wire> {
  switch (shape.kind) {
    case "uint":
      return numberIn(shape.min, shape.max);
    case "choice":
      return fc.integer({ min: 0, max: shape.names.length - 1 });
    case "bytes":
      return fc
        .tuple(sizeIn(shape.min, shape.max), fc.uint8Array({ minLength: 1, maxLength: 40 }))
        .map(([size, pattern]) => Uint8Array.from({ length: size }, (_, at) => pattern[at % pattern.length] as number));
    case "text":
      return fc
        .tuple(sizeIn(shape.min, shape.max), fc.string({ unit: "binary", minLength: 1, maxLength: 40 }))
        .map(([size, pattern]) => textOf(size, pattern));
    case "optional":
      return fc.oneof(fc.constant(null), wireOf(shape.of));
    case "list":
      return listOf(shape);
    case "record":
      return fc.tuple(...Object.values(shape.fields).map(wireOf));
  }
}

function numberIn(min: number, max: number): fc.Arbitrary<number> {
  const edges = [min, max, ...STEPS].filter((value) => value >= min && value <= max);
  return fc.oneof(fc.constantFrom(...edges), fc.integer({ min, max }));
}

/** Mostly short lists of random items; rarely one around the 16 items where the spelling changes, of plain ones. */
function listOf({ of, min, max }: Extract<Shape, { kind: "list" }>): fc.Arbitrary<Wire> {
  const short = fc.array(wireOf(of), { minLength: min, maxLength: Math.max(min, Math.min(max, 3)) });
  const lengths = [15, 16, 17, max].filter((length) => length >= min && length <= max);
  const long = fc.constantFrom(...lengths).map((length) => Array.from({ length }, () => plain(of)));
  return fc.oneof({ weight: 9, arbitrary: short }, { weight: 1, arbitrary: long });
}

/** Mostly short lengths; the long ones are rare, because thousands of runs use them. */
function sizeIn(min: number, max: number): fc.Arbitrary<number> {
  if (min === max) return fc.constant(min);
  const edges = [min, max, ...STEPS].filter((value) => value >= min && value <= max);
  return fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min, max: Math.min(max, min + 300) }) },
    { weight: 1, arbitrary: fc.constantFrom(...edges) },
  );
}

/** Well-formed text of exactly so many UTF-8 bytes, made of a pattern as far as whole characters fit. */
function textOf(sizeBytes: number, pattern: string): string {
  const characters = [...pattern].map((character) => ({ character, size: Buffer.byteLength(character) }));
  const parts: string[] = [];
  let left = sizeBytes;
  for (let at = 0; left > 0; at++) {
    const next = characters[at % characters.length];
    if (next === undefined || next.size > left) break;
    parts.push(next.character);
    left -= next.size;
  }
  return parts.join("") + "x".repeat(left);
}

/** A small valid value. */
export function plain(shape: Shape): Wire {
  switch (shape.kind) {
    case "uint":
      return shape.min;
    case "choice":
      return 0;
    case "bytes":
      return new Uint8Array(shape.min).fill(7);
    case "text":
      return "x".repeat(shape.min);
    case "optional":
      return null;
    case "list":
      return Array.from({ length: shape.min }, () => plain(shape.of));
    case "record":
      return Object.values(shape.fields).map(plain);
  }
}

/** A value with the reason why it belongs to a shape, or does not. */
interface Edge {
  readonly why: string;
  readonly wire: Wire;
}

/** What a shape accepts at its bounds, and what it refuses beyond them; `misfits` are of another kind altogether. */
export interface Edges {
  readonly accepted: readonly Edge[];
  readonly beyond: readonly Edge[];
  readonly misfits: readonly Edge[];
}

const OTHERS: Readonly<Record<string, Wire>> = {
  nil: null,
  true: raw("c3"),
  "an integer": 5,
  text: "five",
  bytes: Uint8Array.of(5, 5, 5),
  "an array": [5],
  "a map": raw("81 05 05"),
  "a float of 32 bits": raw("ca 40a00000"),
  "a float of 64 bits": raw("cb 4014000000000000"),
  "an extension": raw("d4 01 05"),
  "a timestamp": raw("d6 ff 5f5e1000"),
  "the unused byte c1": raw("c1"),
  "a negative integer": raw("ff"),
  "an unsigned integer of 64 bits": raw("cf 0000000000000005"),
};
const MISFITS: Readonly<Record<Shape["kind"], readonly string[]>> = {
  uint: ["an integer"],
  choice: ["an integer"],
  bytes: ["bytes"],
  text: ["text"],
  list: ["an array"],
  record: ["an array"],
  optional: ["nil"],
};

/** Everything at and around the bounds of a shape, nested ones included. */
export function edgesOf(shape: Shape): Edges {
  const misfits = Object.entries(OTHERS)
    .filter(([name]) => !fits(shape, name))
    .map(([name, wire]) => ({ why: `is ${name}`, wire }));
  switch (shape.kind) {
    case "uint": {
      const { min, max } = shape;
      const accepted = [min, max].map((wire) => ({ why: `${wire}`, wire }));
      return { accepted, beyond: [min - 1, max + 1].map((wire) => ({ why: `${wire}`, wire })), misfits };
    }
    case "choice": {
      const accepted = shape.names.map((name, wire) => ({ why: name, wire }));
      return { accepted, beyond: [{ why: "no such choice", wire: shape.names.length }], misfits };
    }
    case "bytes":
      return { ...sizes(shape, (size) => new Uint8Array(size).fill(1)), misfits };
    case "text":
      return { ...sizes(shape, (size) => textOf(size, "é")), misfits };
    case "optional": {
      const inner = edgesOf(shape.of);
      return { accepted: [{ why: "nil", wire: null }, ...inner.accepted], beyond: inner.beyond, misfits };
    }
    case "list": {
      const of = (length: number): Edge => ({
        why: `${length} items`,
        wire: Array.from({ length }, () => plain(shape.of)),
      });
      const inner = edgesOf(shape.of);
      const alone = ({ why, wire }: Edge): Edge => ({
        why: `item ${why}`,
        wire: [wire, ...Array.from({ length: Math.max(0, shape.min - 1) }, () => plain(shape.of))],
      });
      return {
        accepted: [of(shape.min), of(shape.max), ...inner.accepted.map(alone)],
        beyond: [...(shape.min > 0 ? [of(shape.min - 1)] : []), of(shape.max + 1), ...inner.beyond.map(alone)],
        misfits: [...misfits, ...inner.misfits.map(alone)],
      };
    }
    case "record":
      return { ...edgesOfFields(shape.fields), misfits: [...misfits, ...edgesOfFields(shape.fields).misfits] };
  }
}

/** The edges of a list of fields, one changed at a time, the others plain. */
export function edgesOfFields(fields: Readonly<Record<string, Shape>>): Edges {
  const names = Object.keys(fields);
  const base = Object.values(fields).map(plain);
  const at = (place: number, edges: readonly Edge[]): Edge[] =>
    edges.map(({ why, wire }) => ({ why: `${names[place]}: ${why}`, wire: base.with(place, wire) }));
  const all = Object.values(fields).map(edgesOf);
  return {
    accepted: all.flatMap((edges, place) => at(place, edges.accepted)),
    beyond: all.flatMap((edges, place) => at(place, edges.beyond)),
    misfits: [
      ...all.flatMap((edges, place) => at(place, edges.misfits)),
      { why: "a missing field", wire: base.slice(0, -1) },
      { why: "an additional field", wire: [...base, 1] },
    ].filter(({ wire }) => names.length > 0 || (wire as readonly Wire[]).length > 0),
  };
}

function sizes({ min, max }: { min: number; max: number }, of: (size: number) => Wire) {
  const edge = (size: number): Edge => ({ why: `${size} bytes`, wire: of(size) });
  return { accepted: [edge(min), edge(max)], beyond: [...(min > 0 ? [edge(min - 1)] : []), edge(max + 1)] };
}

function fits(shape: Shape, name: string): boolean {
  return MISFITS[shape.kind].includes(name) || (shape.kind === "optional" && fits(shape.of, name));
}
