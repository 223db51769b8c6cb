/** Frames to bytes and back. Decoding is validation: what it returns has passed its row. */

import { SottoError } from "./failures.js";
import { type Direction, type Frame, type FrameName, type FrameRow, frames } from "./frames.js";
import { limits } from "./limits.js";
import type { Field, Fields } from "./schema/field.js";
import { pack, unpack } from "./schema/msgpack.js";
import { Malformed, malformed, Walker } from "./schema/walker.js";

interface Row {
  readonly name: FrameName;
  readonly row: FrameRow;
  readonly names: readonly string[];
  readonly fields: readonly Field<unknown>[];
}

const rows: (Row | undefined)[] = [];
const byName = new Map<string, Row>();
for (const [name, row] of Object.entries(frames) as [FrameName, FrameRow][]) {
  const fields: Fields = row.fields;
  const entry: Row = { name, row, names: Object.keys(fields), fields: Object.values(fields) };
  if (rows[row.tag] !== undefined) throw new Error(`two frames share the tag ${row.tag}`);
  rows[row.tag] = entry;
  byName.set(name, entry);
}

/**
 * The bytes of a frame.
 *
 * @throws invalidArgument if a field breaks the bounds of its row; tooLarge above `limits.frameBytes`.
 */
export function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
  const entry = byName.get(frame.type) as Row;
  const source = frame as unknown as Record<string, unknown>;
  const values: unknown[] = new Array(entry.names.length + 1);
  values[0] = entry.row.tag;
  for (let index = 0; index < entry.names.length; index++) {
    const name = entry.names[index] as string;
    try {
      values[index + 1] = (entry.fields[index] as Field<unknown>).write(source[name]);
    } catch (cause) {
      throw new SottoError("invalidArgument", { detail: `${frame.type}.${name} is out of bounds`, cause });
    }
  }
  const packed = pack(values);
  if (packed.length > limits.frameBytes.value) throw new SottoError("tooLarge", { detail: `a ${frame.type} frame` });
  return packed;
}

/**
 * The frame that bytes spell, if they spell one that may travel in this direction.
 *
 * The whole byte string is checked against its row before anything is decoded or copied; byte fields of the result are
 * views of `bytes`, so a caller that keeps one beyond the life of its buffer copies it.
 *
 * @throws badFrame for an unknown tag, the wrong direction, a missing or additional field, a value out of bounds, a
 *   second spelling of a value, or trailing bytes.
 */
export function decodeFrame<D extends Direction>(
  bytes: Uint8Array,
  direction: D,
): Extract<Frame, { readonly type: NamesTo<D> }> {
  try {
    if (bytes.length > limits.frameBytes.value) malformed("a frame above the size limit");
    const walker = new Walker(bytes);
    const length = walker.array();
    const entry = rows[walker.uint()];
    if (entry === undefined) return malformed("an unknown tag");
    if (entry.row.direction !== direction) return malformed("a frame of the other direction");
    if (length !== entry.fields.length + 1) return malformed(`expected ${entry.fields.length} fields`);
    for (const field of entry.fields) field.check(walker);
    walker.end();

    const values = unpack(bytes) as unknown[];
    const frame: Record<string, unknown> = { type: entry.name };
    for (let index = 0; index < entry.names.length; index++) {
      const value = (entry.fields[index] as Field<unknown>).read(values[index + 1]);
      if (value !== undefined) frame[entry.names[index] as string] = value;
    }
    return frame as unknown as Extract<Frame, { readonly type: NamesTo<D> }>;
  } catch (cause) {
    if (cause instanceof Malformed) throw new SottoError("badFrame", { detail: cause.message, cause });
    throw cause;
  }
}

type NamesTo<D extends Direction> = {
  [Name in FrameName]: (typeof frames)[Name]["direction"] extends D ? Name : never;
}[FrameName];

/**
 * Packs one record by its fields; the base of everything that is not a frame (content, payloads, stored rows).
 *
 * @throws invalidArgument if a value breaks its field's bounds.
 */
export function encodeRecord<T>(field: Field<T>, value: T): Uint8Array<ArrayBuffer> {
  try {
    return pack(field.write(value));
  } catch (cause) {
    if (cause instanceof Malformed) throw new SottoError("invalidArgument", { detail: cause.message, cause });
    throw cause;
  }
}

/**
 * Reads one record by its fields, strictly: one spelling, no trailing bytes. Byte fields are views of `bytes`.
 *
 * @throws badFrame if the bytes are anything else.
 */
export function decodeRecord<T>(field: Field<T>, bytes: Uint8Array): T {
  try {
    const walker = new Walker(bytes);
    field.check(walker);
    walker.end();
    return field.read(unpack(bytes));
  } catch (cause) {
    if (cause instanceof Malformed) throw new SottoError("badFrame", { detail: cause.message, cause });
    throw cause;
  }
}
