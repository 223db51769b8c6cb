/** The one place that calls msgpackr, set so that it writes exactly the forms the walker accepts. */

import { Packr } from "msgpackr";

const packr = new Packr({ useRecords: false, int64AsType: "number", variableMapSize: true });

/** Packs a value made of nil, unsigned integers (bigint above 2^32-1), strings, byte strings and arrays. */
export function pack(value: unknown): Uint8Array<ArrayBuffer> {
  return packr.pack(value) as unknown as Uint8Array<ArrayBuffer>;
}

/** Unpacks bytes that a walker has already checked. Byte strings in the result are views of the input. */
export function unpack(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}
