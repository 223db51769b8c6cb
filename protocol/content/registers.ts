/**
 * Sealed state of one account that only its own devices see: drafts, pins, quick replies, labels, who looks after what.
 * Each is a register of its own with a version; of two words on one register the later counts, so that all devices agree
 * whatever came first.
 */

import { decodeRecord, encodeRecord } from "../codec.js";
import { limits } from "../limits.js";
import { bytes, choice, deviceId, list, optional, record, type TypeOf, text, uint } from "../schema/field.js";

/**
 * What a register is about, and what its key is: `quickReply` its own id; `draft` and `assignee` a conversation; `pin`
 * conversation/message; `label` its own id; `labelled` conversation/label.
 */
export const registerKinds = ["quickReply", "draft", "pin", "label", "labelled", "assignee"] as const;
/** What a register is about. */
export type RegisterKind = (typeof registerKinds)[number];

/** Registers in one body; fewer where they are large. */
export const MAX_REGISTERS_PER_BODY = 256;

/**
 * The latest time a word on a register may bear, in the year 10889: whoever comes after the latest word there is has room
 * to count on, however far ahead the clock was that it came from.
 */
export const MAX_REGISTER_MS = 2 ** 48;

/**
 * One register. Without a value it was emptied. `atMs` is the relay's clock as its device knew it, and more than that of
 * every word the device has of this kind (and conversation, where the key names one): a clock that runs ahead makes nobody's
 * later word lose.
 */
const register = record({
  kind: choice(...registerKinds),
  key: text(limits.registerKeyBytes.value, 1),
  atMs: { ...uint(MAX_REGISTER_MS), doc: "time in ms, integer 0..2^48" },
  device: deviceId,
  value: optional(bytes(0, limits.registerBytes.value)),
});

/** The body of a `registers` payload; PROTOCOL.md's table is made from it. */
export const registersBody = record({ registers: list(register, MAX_REGISTERS_PER_BODY) });

/** One register, as devices tell each other of it. */
export type Register = TypeOf<typeof register>;

/**
 * The order of words: positive if the first counts, by the later time, then the higher device, then the greater bytes of
 * the value, an emptied one before all others. Of two words on one register, 0 means that they are the same.
 */
export function compareRegisters(one: Register, other: Register): number {
  return one.atMs - other.atMs || one.device - other.device || compareValues(one.value, other.value);
}

function compareValues(one: Uint8Array | undefined, other: Uint8Array | undefined): number {
  if (one === undefined || other === undefined) return Number(one !== undefined) - Number(other !== undefined);
  const at = one.findIndex((byte, index) => byte !== other[index]);
  if (at < 0) return one.length - other.length;
  return (one[at] ?? 0) - (other[at] ?? -1);
}

/** The canonical bytes of registers. @throws invalidArgument for a field out of bounds. */
export function encodeRegisters(registers: readonly Register[]): Uint8Array<ArrayBuffer> {
  return encodeRecord(registersBody, { registers });
}

/** Reads registers. Byte fields are views of `encoded`. @throws badFrame if the bytes are no such body. */
export function decodeRegisters(encoded: Uint8Array): readonly Register[] {
  return decodeRecord(registersBody, encoded).registers;
}
