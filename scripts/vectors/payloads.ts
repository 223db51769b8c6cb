/** Vectors of payloads: every type and bucket edge, and what is wrong with record or padding. */

import { decodePayload, FRANK_BYTES, MAX_EVIDENCE_BYTES, paddedSize } from "@sotto/protocol";
import { payloadWire as wireOf } from "../../test/protocol/content/payload-wire.js";
import { hex, join, raw, spell, type Wire } from "../../test/protocol/spelling.js";
import { printed } from "./json.js";

const id = (value: number) => new Uint8Array(16).fill(value);
const NOTHING = new Uint8Array(0);
const WORDS = Uint8Array.of(1, 2, 3);
/** The longest body that the smallest bucket takes beside nothing else. */
const FIRST_BUCKET = 496;
const group: Wire = [id(0x33), 7, new Uint8Array(32).fill(0x44)];
const frank = new Uint8Array(FRANK_BYTES).fill(0x6b);
const profileKey = new Uint8Array(32).fill(0x5a);

function pad(record: Uint8Array, size = paddedSize(record.length)): Uint8Array {
  return join([record, Uint8Array.of(0x80), new Uint8Array(size - record.length - 1)]);
}

/** The good and the refused payloads. */
export function payloadVectors() {
  const good: readonly (readonly [string, Wire])[] = [
    ["content", wireOf(0, { body: WORDS })],
    ["content with the profile key beside it", wireOf(0, { body: WORDS, profileKey })],
    [
      "content of a first contact, with the name claimed at the host",
      wireOf(0, { body: WORDS, profileKey, userId: "alice" }),
    ],
    ["content that ends in the padding's own bytes", wireOf(0, { body: Uint8Array.of(0x80, 0, 0) })],
    ["content that just fits the first bucket", wireOf(0, { body: new Uint8Array(FIRST_BUCKET).fill(1) })],
    ["content one byte longer", wireOf(0, { body: new Uint8Array(FIRST_BUCKET + 1).fill(1) })],
    ["content in a bucket of 2,048", wireOf(0, { body: new Uint8Array(1_100).fill(2) })],
    ["content in answer to a retry", wireOf(0, { body: WORDS, profileKey, resendOf: id(1), atMs: 1_800_000_000_000 })],
    ["content with a frank", wireOf(0, { body: WORDS, profileKey, frank })],
    ["content in a group, with a frank", wireOf(0, { body: WORDS, group, frank })],
    ["contact", wireOf(1, { profileKey, userId: "alice" })],
    ["retry for two sends", wireOf(2, { envelopes: [id(1), id(2)] })],
    ["retry for 64 sends", wireOf(2, { envelopes: Array.from({ length: 64 }, (_, at) => id(at)) })],
    ["unavailable", wireOf(3, { envelopes: [id(9)] })],
    ["nothing", wireOf(4, { resendOf: id(1) })],
    ["missed", wireOf(5, { atMs: 1_800_000_000_000 })],
    ["sent", wireOf(6, { peer: id(7), atMs: 1_800_000_000_000, body: WORDS })],
    ["sent, with evidence", wireOf(6, { peer: id(7), atMs: 1_800_000_000_000, body: WORDS, evidence: id(4) })],
    ["state", wireOf(7, { body: WORDS })],
    ["archive", wireOf(8, { body: WORDS })],
    ["archived", wireOf(9, { body: WORDS })],
    ["content in a group", wireOf(0, { body: WORDS, profileKey, group })],
    ["content in a group, sent again", wireOf(0, { body: WORDS, resendOf: id(1), atMs: 1_800_000_000_000, group })],
    ["sent to a group", wireOf(6, { atMs: 1_800_000_000_000, body: WORDS, group })],
    ["retry in a group", wireOf(2, { envelopes: [id(1)], group })],
    ["unavailable in a group", wireOf(3, { envelopes: [id(1)], group })],
    ["nothing in a group", wireOf(4, { resendOf: id(1), group })],
    ["senderKey", wireOf(10, { body: WORDS, group })],
    ["invitation", wireOf(11, { body: WORDS, profileKey, userId: "alice", group })],
    ["invitation with a frank", wireOf(11, { body: WORDS, group, frank })],
    ["groupChange", wireOf(12, { group })],
    ["groups", wireOf(13, { body: WORDS })],
    ["registers", wireOf(14, { body: WORDS })],
  ];
  const accepted = good.map(([name, wire]) => {
    const bytes = pad(spell(wire));
    return { name, hex: hex(bytes), payload: printed(decodePayload(bytes)) };
  });
  const record = spell(wireOf(0, { body: Uint8Array.of(1) }));
  const bad: readonly (readonly [string, Uint8Array])[] = [
    ["no bytes", NOTHING],
    ["only zeros", new Uint8Array(512)],
    ["no padding", record],
    ["zeros without the end mark", join([record, new Uint8Array(512 - record.length)])],
    ["the end mark 81", join([record, Uint8Array.of(0x81), new Uint8Array(511 - record.length)])],
    ["a size that is no bucket", pad(record, 513)],
    ["a larger bucket than needed", pad(record, 768)],
    ["a byte in the padding", join([pad(record).subarray(0, 511), Uint8Array.of(1)])],
    ["nothing but an end mark", pad(NOTHING)],
    ["version 2", pad(spell([2, ...wireOf(0).slice(1)]))],
    ["a type that does not exist", pad(spell(wireOf(15)))],
    ["a content that names an envelope", pad(spell(wireOf(0, { envelopes: [id(1)] })))],
    ["a content with a time that answers nothing", pad(spell(wireOf(0, { atMs: 5 })))],
    ["a contact without a key", pad(spell(wireOf(1)))],
    ["a retry that names none", pad(spell(wireOf(2)))],
    ["a retry that names 65", pad(spell(wireOf(2, { envelopes: Array.from({ length: 65 }, () => id(1)) })))],
    ["a retry with a body", pad(spell(wireOf(2, { envelopes: [id(1)], body: WORDS })))],
    ["a retry with a profile key", pad(spell(wireOf(2, { envelopes: [id(1)], profileKey })))],
    ["an unavailable with a body", pad(spell(wireOf(3, { envelopes: [id(1)], body: WORDS })))],
    ["a nothing that answers nothing", pad(spell(wireOf(4)))],
    ["a missed without a time", pad(spell(wireOf(5)))],
    ["a sent without a peer", pad(spell(wireOf(6, { atMs: 5 })))],
    ["a sent to an account and a group", pad(spell(wireOf(6, { peer: id(7), atMs: 5, group })))],
    ["a missed in a group", pad(spell(wireOf(5, { atMs: 5, group })))],
    ["a senderKey of no group", pad(spell(wireOf(10, { body: WORDS })))],
    ["an invitation to no group", pad(spell(wireOf(11, { body: WORDS })))],
    ["a groupChange of no group", pad(spell(wireOf(12)))],
    ["a groupChange with a body", pad(spell(wireOf(12, { body: WORDS, group })))],
    ["a groups with a group", pad(spell(wireOf(13, { body: WORDS, group })))],
    ["a group with a head of 31 bytes", pad(spell(wireOf(12, { group: [id(0x33), 7, new Uint8Array(31)] })))],
    ["a sent with a profile key", pad(spell(wireOf(6, { peer: id(7), atMs: 5, profileKey })))],
    ["a state with a user id", pad(spell(wireOf(7, { userId: "alice" })))],
    ["registers with a user id", pad(spell(wireOf(14, { body: WORDS, userId: "alice" })))],
    ["registers in a group", pad(spell(wireOf(14, { body: WORDS, group })))],
    ["an envelope id of 15 bytes", pad(spell(wireOf(2, { envelopes: [id(1).subarray(1)] })))],
    ["a frank of one byte too few", pad(spell(wireOf(0, { frank: frank.subarray(1) })))],
    ["a content with evidence", pad(spell(wireOf(0, { evidence: id(4) })))],
    ["a sent with a frank", pad(spell(wireOf(6, { peer: id(7), atMs: 5, frank })))],
    ["a senderKey with a frank", pad(spell(wireOf(10, { body: WORDS, group, frank })))],
    [
      "evidence above its limit",
      pad(spell(wireOf(6, { peer: id(7), atMs: 5, evidence: new Uint8Array(MAX_EVIDENCE_BYTES + 1) }))),
    ],
    ["a missing field", pad(spell(wireOf(0).slice(0, -1)))],
    ["the version in a longer form", pad(spell([raw("cc01"), ...wireOf(0).slice(1)]))],
    ["a byte between record and end mark", pad(join([record, Uint8Array.of(1)]))],
  ];
  return { accepted, refused: bad.map(([name, bytes]) => ({ name, hex: hex(bytes), refused: "badFrame" })) };
}
