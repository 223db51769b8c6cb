/** Vectors of payloads: every type and bucket edge, and what is wrong with record or padding. */

import { decodePayload, paddedSize } from "@sotto/protocol";
import { hex, join, raw, spell, type Wire } from "../../test/protocol/spelling.js";
import { printed } from "./json.js";

const id = (value: number) => new Uint8Array(16).fill(value);
const NOTHING = new Uint8Array(0);
const profileKey = new Uint8Array(32).fill(0x5a);

function pad(record: Uint8Array, size = paddedSize(record.length)): Uint8Array {
  return join([record, Uint8Array.of(0x80), new Uint8Array(size - record.length - 1)]);
}

/** The good and the refused payloads. */
export function payloadVectors() {
  const good: readonly (readonly [string, Wire])[] = [
    ["content", [1, 0, [], Uint8Array.of(1, 2, 3), null]],
    ["content with the profile key beside it", [1, 0, [], Uint8Array.of(1, 2, 3), profileKey]],
    ["content that ends in the padding's own bytes", [1, 0, [], Uint8Array.of(0x80, 0, 0), null]],
    ["content that just fits the first bucket", [1, 0, [], new Uint8Array(249).fill(1), null]],
    ["content one byte longer", [1, 0, [], new Uint8Array(250).fill(1), null]],
    ["content in a bucket of 2,048", [1, 0, [], new Uint8Array(1_100).fill(2), null]],
    ["resend", [1, 1, [id(1)], Uint8Array.of(1, 2, 3), profileKey]],
    ["retry for two sends", [1, 2, [id(1), id(2)], NOTHING, null]],
    ["retry for 64 sends", [1, 2, Array.from({ length: 64 }, (_, at) => id(at)), NOTHING, null]],
    ["unavailable", [1, 3, [id(9)], NOTHING, null]],
  ];
  const accepted = good.map(([name, wire]) => {
    const bytes = pad(spell(wire));
    return { name, hex: hex(bytes), payload: printed(decodePayload(bytes)) };
  });
  const record = spell([1, 0, [], Uint8Array.of(1), null]);
  const bad: readonly (readonly [string, Uint8Array])[] = [
    ["no bytes", NOTHING],
    ["only zeros", new Uint8Array(256)],
    ["no padding", record],
    ["zeros without the end mark", join([record, new Uint8Array(256 - record.length)])],
    ["the end mark 81", join([record, Uint8Array.of(0x81), new Uint8Array(255 - record.length)])],
    ["a size that is no bucket", pad(record, 257)],
    ["a larger bucket than needed", pad(record, 512)],
    ["a byte in the padding", join([pad(record).subarray(0, 255), Uint8Array.of(1)])],
    ["nothing but an end mark", pad(NOTHING)],
    ["version 2", pad(spell([2, 0, [], Uint8Array.of(1), null]))],
    ["a type that does not exist", pad(spell([1, 4, [], Uint8Array.of(1), null]))],
    ["a content that names an envelope", pad(spell([1, 0, [id(1)], Uint8Array.of(1), null]))],
    ["a resend that names none", pad(spell([1, 1, [], Uint8Array.of(1), null]))],
    ["a resend that names two", pad(spell([1, 1, [id(1), id(2)], Uint8Array.of(1), null]))],
    ["a retry that names none", pad(spell([1, 2, [], NOTHING, null]))],
    ["a retry that names 65", pad(spell([1, 2, Array.from({ length: 65 }, () => id(1)), NOTHING, null]))],
    ["a retry with a content", pad(spell([1, 2, [id(1)], Uint8Array.of(1), null]))],
    ["a retry with a profile key", pad(spell([1, 2, [id(1)], NOTHING, profileKey]))],
    ["an unavailable with a content", pad(spell([1, 3, [id(1)], Uint8Array.of(1), null]))],
    ["an envelope id of 15 bytes", pad(spell([1, 2, [id(1).subarray(1)], NOTHING, null]))],
    ["a missing field", pad(spell([1, 0, [], Uint8Array.of(1)]))],
    ["the version in a longer form", pad(spell([raw("cc01"), 0, [], Uint8Array.of(1), null]))],
    ["a byte between record and end mark", pad(join([record, Uint8Array.of(1)]))],
  ];
  return { accepted, refused: bad.map(([name, bytes]) => ({ name, hex: hex(bytes), refused: "badFrame" })) };
}
