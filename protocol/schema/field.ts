/**
 * The kinds of field a row can have. One definition is at once the TypeScript type, the check of raw bytes, the reading
 * of decoded values, the writing, and the words in PROTOCOL.md.
 */

import {
  type AccountId,
  accountIdFromBytes,
  accountIdToBytes,
  type ConversationId,
  type DeviceId,
  fromHex,
  MAX_DEVICE_ID,
  type MessageId,
  toHex,
} from "../ids.js";
import { malformed, type Walker } from "./walker.js";

/** One field: how it is checked in bytes, read from and written to a msgpack value, and described. */
export interface Field<T> {
  /** Consumes this field's bytes, or throws `Malformed`. Everything about the value is settled here. */
  check(walker: Walker): void;
  /** Turns the unpacked value, whose bytes passed `check`, into the type. Byte strings are views, not copies. */
  read(value: unknown): T;
  /** Turns the type into a msgpack value; throws `Malformed` if the value breaks the bounds. */
  write(value: T): unknown;
  /** The words of the tables: kind and bounds. */
  readonly doc: string;
  /** The form on the wire as data, for tables, vectors and property tests. */
  readonly shape: Shape;
}

/** What a field may look like on the wire: one msgpack value and its bounds. */
export type Shape =
  | { readonly kind: "uint" | "bytes" | "text"; readonly min: number; readonly max: number }
  | { readonly kind: "choice"; readonly names: readonly string[] }
  | { readonly kind: "optional"; readonly of: Shape }
  | { readonly kind: "list"; readonly of: Shape; readonly min: number; readonly max: number }
  | { readonly kind: "record"; readonly fields: Readonly<Record<string, Shape>> };

/** The type a field stands for. */
export type TypeOf<F> = F extends Field<infer T> ? T : never;

/** A set of named fields, in wire order. */
export type Fields = Readonly<Record<string, Field<unknown>>>;

/** The object type of a set of fields; optional ones may be left out or `undefined`. */
export type ObjectOf<F extends Fields> = {
  readonly [Name in keyof F as undefined extends TypeOf<F[Name]> ? never : Name]: TypeOf<F[Name]>;
} & {
  readonly [Name in keyof F as undefined extends TypeOf<F[Name]> ? Name : never]?: TypeOf<F[Name]>;
};

/** An unsigned integer in the bounds. Above 2^32-1 it travels as int64. */
export function uint(max: number, min = 0): Field<number> {
  const inBounds = (value: number): boolean => Number.isSafeInteger(value) && value >= min && value <= max;
  return {
    check(walker) {
      if (!inBounds(walker.uint())) malformed(`expected an integer from ${min} to ${max}`);
    },
    read: (value) => value as number,
    write: (value) => {
      if (!inBounds(value)) malformed(`expected an integer from ${min} to ${max}`);
      return value;
    },
    doc: `integer ${min}..${power(max)}`,
    shape: { kind: "uint", min, max },
  };
}

function power(max: number): string {
  return max === Number.MAX_SAFE_INTEGER ? "2^53-1" : max === 0xffff_ffff ? "2^32-1" : `${max}`;
}

/** Bytes of a fixed length, or of a length in the bounds. */
export function bytes(min: number, max = min): Field<Uint8Array> {
  return {
    check: (walker) => walker.binary(min, max),
    read: (value) => value as Uint8Array,
    write: (value) => {
      if (!(value instanceof Uint8Array)) malformed("expected bytes");
      if (value.length < min || value.length > max) malformed(`expected ${min} to ${max} bytes`);
      return value;
    },
    doc: min === max ? `bytes ${min}` : `bytes ${min}..${max}`,
    shape: { kind: "bytes", min, max },
  };
}

const encoder = new TextEncoder();

/** Text of valid UTF-8; the bounds count bytes. */
export function text(maxBytes: number, minBytes = 0): Field<string> {
  return {
    check: (walker) => walker.text(minBytes, maxBytes),
    read: (value) => value as string,
    write: (value) => {
      if (typeof value !== "string") malformed("expected text");
      if (!value.isWellFormed()) malformed("expected text without lone surrogates");
      const length = encoder.encode(value).length;
      if (length < minBytes || length > maxBytes) malformed(`expected text of ${minBytes} to ${maxBytes} bytes`);
      return value;
    },
    doc: `text ${minBytes}..${maxBytes} bytes`,
    shape: { kind: "text", min: minBytes, max: maxBytes },
  };
}

/** One of a few named choices; its place in the list, counted from 0, travels. New choices go to the end. */
export function choice<const Names extends readonly string[]>(...names: Names): Field<Names[number]> {
  return {
    check(walker) {
      if (walker.uint() >= names.length) malformed(`expected one of ${names.length} choices`);
    },
    read: (value) => names[value as number] as Names[number],
    write: (value) => {
      const index = names.indexOf(value);
      return index < 0 ? malformed(`expected one of ${names.join(", ")}`) : index;
    },
    doc: names.map((name, index) => `${index} ${name}`).join(", "),
    shape: { kind: "choice", names },
  };
}

/** A field that may be absent: nil on the wire, `undefined` in the type. */
export function optional<T>(field: Field<T>): Field<T | undefined> {
  return {
    check(walker) {
      if (!walker.takeNil()) field.check(walker);
    },
    read: (value) => (value === null ? undefined : field.read(value)),
    write: (value) => (value === undefined ? null : field.write(value)),
    doc: `${field.doc}, or nil`,
    shape: { kind: "optional", of: field.shape },
  };
}

/** A list with at most `max` items. */
export function list<T>(field: Field<T>, max: number, min = 0): Field<readonly T[]> {
  return {
    check(walker) {
      const length = walker.array();
      if (length < min || length > max) malformed(`expected ${min} to ${max} items`);
      for (let index = 0; index < length; index++) field.check(walker);
    },
    read: (value) => (value as unknown[]).map((item) => field.read(item)),
    write: (value) => {
      if (!Array.isArray(value)) malformed("expected a list");
      if (value.length < min || value.length > max) malformed(`expected ${min} to ${max} items`);
      return value.map((item) => field.write(item));
    },
    doc: `list ${min}..${max} of (${field.doc})`,
    shape: { kind: "list", of: field.shape, min, max },
  };
}

/** An object of named fields; an array in their order on the wire. */
export function record<const F extends Fields>(fields: F): Field<ObjectOf<F>> {
  const names = Object.keys(fields);
  const rows = Object.values(fields);
  return {
    check(walker) {
      if (walker.array() !== rows.length) malformed(`expected ${rows.length} fields`);
      for (const row of rows) row.check(walker);
    },
    read(value) {
      const values = value as unknown[];
      const object: Record<string, unknown> = {};
      for (let index = 0; index < names.length; index++) {
        const item = (rows[index] as Field<unknown>).read(values[index]);
        if (item !== undefined) object[names[index] as string] = item;
      }
      return object as ObjectOf<F>;
    },
    write(value) {
      if (typeof value !== "object" || value === null) malformed("expected an object");
      const object = value as Record<string, unknown>;
      return names.map((name, index) => (rows[index] as Field<unknown>).write(object[name]));
    },
    doc: `[${names.map((name, index) => `${name}: ${(rows[index] as Field<unknown>).doc}`).join("; ")}]`,
    shape: {
      kind: "record",
      fields: Object.fromEntries(names.map((name, index) => [name, (rows[index] as Field<unknown>).shape])),
    },
  };
}

/** A value with a check of its own after the base field's: converts between the wire's type and a narrower one. */
export function mapped<Base, T>(
  base: Field<Base>,
  { read, write, doc }: { read(value: Base): T; write(value: T): Base; doc: string },
): Field<T> {
  return {
    check: (walker) => base.check(walker),
    read: (value) => read(base.read(value)),
    write: (value) => base.write(write(value)),
    doc,
    shape: base.shape,
  };
}

/** An account id: its 16 bytes. */
export const accountId: Field<AccountId> = mapped(bytes(16), {
  read: accountIdFromBytes,
  write: accountIdToBytes,
  doc: "account id, bytes 16",
});

/** A device id: 1..127. */
export const deviceId: Field<DeviceId> = mapped(uint(MAX_DEVICE_ID, 1), {
  read: (value) => value as DeviceId,
  write: (value) => value,
  doc: `device id, integer 1..${MAX_DEVICE_ID}`,
});

/** A conversation id: its 16 bytes. */
export const conversationId: Field<ConversationId> = mapped(bytes(16), {
  read: (value) => toHex(value) as ConversationId,
  write: (value: ConversationId) => fromHex(value),
  doc: "conversation id, bytes 16",
});

/** A message id inside contents: its 16 bytes. */
export const messageId: Field<MessageId> = mapped(bytes(16), {
  read: (value) => toHex(value) as MessageId,
  write: (value: MessageId) => fromHex(value),
  doc: "message id, bytes 16",
});

/** Milliseconds since 1970 by the clock of whoever wrote it. */
export const timeMs: Field<number> = { ...uint(Number.MAX_SAFE_INTEGER), doc: "time in ms, integer 0..2^53-1" };
