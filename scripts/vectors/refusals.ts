/** Byte strings that no field accepts in place of a good one, by the class of mistake they show. */

import { raw, type Wire } from "../../test/protocol/spelling.js";

/** A mistake: what it is, and the wire value that makes it. */
export interface Mistake {
  readonly why: string;
  readonly wire: Wire;
}

/** Mistakes where an unsigned integer belongs; 1 is a good value there. */
export const badIntegers: readonly Mistake[] = [
  { why: "integer 1 in two bytes", wire: raw("cc01") },
  { why: "integer 1 in three bytes", wire: raw("cd0001") },
  { why: "integer 1 in five bytes", wire: raw("ce00000001") },
  { why: "integer 1 as int64", wire: raw("d30000000000000001") },
  { why: "integer 1 as uint64", wire: raw("cf0000000000000001") },
  { why: "integer 1 as int8", wire: raw("d001") },
  { why: "negative integer", wire: raw("ff") },
  { why: "negative integer as int64", wire: raw("d3ffffffffffffffff") },
  { why: "integer 2^53", wire: raw("d30020000000000000") },
  { why: "float32", wire: raw("ca3f800000") },
  { why: "float64", wire: raw("cb3ff0000000000000") },
  { why: "nil where a value must stand", wire: null },
  { why: "true", wire: raw("c3") },
  { why: "text where an integer belongs", wire: "1" },
  { why: "bytes where an integer belongs", wire: Uint8Array.of(1) },
  { why: "array where an integer belongs", wire: [1] },
  { why: "map where an integer belongs", wire: raw("810101") },
  { why: "extension type 1", wire: raw("d40101") },
  { why: "the byte c1, which msgpack never uses", wire: raw("c1") },
];

/** Mistakes where text of 1 to 256 bytes belongs. */
export const badTexts: readonly Mistake[] = [
  { why: "text with an 8-bit length that fits the short form", wire: raw("d90161") },
  { why: "text with a 16-bit length that fits the short form", wire: raw("da000161") },
  { why: "text with a 32-bit length that fits the short form", wire: raw("db0000000161") },
  { why: "bytes where text belongs", wire: Uint8Array.of(0x61) },
  { why: "empty text below the bound", wire: "" },
  { why: "text above the bound", wire: "x".repeat(257) },
  { why: "text that ends within a character", wire: raw("a2e4b8") },
  { why: "text with an overlong form", wire: raw("a2c0af") },
  { why: "text with a lone high surrogate", wire: raw("a3eda080") },
  { why: "text with a lone low surrogate", wire: raw("a3edb080") },
  { why: "text with a surrogate pair written as two characters of three bytes", wire: raw("a6eda0bdedb880") },
  { why: "text with a code point above U+10FFFF", wire: raw("a4f4908080") },
  { why: "text with a lone continuation byte", wire: raw("a180") },
  { why: "text that claims 2^32-1 bytes", wire: raw("dbffffffff") },
];

/** Mistakes where 16 bytes belong. */
export const badBinaries: readonly Mistake[] = [
  { why: "one byte too few", wire: new Uint8Array(15) },
  { why: "one byte too many", wire: new Uint8Array(17) },
  { why: "text where bytes belong", wire: "0123456789abcdef" },
  { why: "a 16-bit length that fits 8 bits", wire: raw(`c50010${"00".repeat(16)}`) },
  { why: "a 32-bit length that fits 8 bits", wire: raw(`c600000010${"00".repeat(16)}`) },
  { why: "bytes that claim 2^32-1", wire: raw("c6ffffffff") },
];

/** Mistakes where a list of device ids belongs. */
export const badLists: readonly Mistake[] = [
  { why: "an array of one item with a 16-bit length", wire: raw("dc000101") },
  { why: "an array with a 32-bit length", wire: raw("dd0000000101") },
  { why: "an array that claims 65,535 items", wire: raw("dcffff") },
  { why: "an array that claims 2^32-1 items", wire: raw("ddffffffff") },
  { why: "one item above the bound", wire: Array.from({ length: 17 }, (_, at) => at + 1) },
  { why: "an item below its bound", wire: [0] },
  { why: "an item above its bound", wire: [128] },
  { why: "a list within the list", wire: [[1]] },
  { why: "a map where a list belongs", wire: raw("8101a0") },
];
