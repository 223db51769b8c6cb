/**
 * Evidence: what a recipient keeps of a frank that passed. It convinces who holds the desk's keys, and nobody else: the
 * message's secret and the issuer's signature are dropped (PROTOCOL.md, Franking).
 */

import { decodeRecord, encodeRecord } from "../codec.js";
import { accountId, bytes, choice, deviceId, list, record, type TypeOf, timeMs, uint } from "../schema/field.js";
import { MAX_ROSTER_LEVELS, type RosterOpening } from "./roster.js";
import { COMMITMENT_BYTES, STAMP_BYTES } from "./stamp.js";

const u32 = uint(0xffff_ffff);
const hash = bytes(32);
const step = record({ side: choice("left", "right"), hash });

/** Everything that a check without the words needs; PROTOCOL.md's table is made from this record. */
export const headFields = {
  account: accountId,
  device: deviceId,
  epoch: u32,
  publicKey: hash,
  accountTag: hash,
  /** The commitment to the words (`mC`), which shows nothing of them. */
  wordsHash: hash,
  outerKey: hash,
  /** Whom the roster is opened for. */
  recipient: accountId,
  salt: hash,
  path: list(step, MAX_ROSTER_LEVELS),
  tokenMac: hash,
  signature: bytes(64),
  acceptedMs: timeMs,
  /** What the stamp was made for: an account's 16 bytes, or a group's where its sender was told. */
  stampedFor: bytes(16),
  stamp: bytes(STAMP_BYTES),
} as const;

/** The head of one message, as a report discloses it to the triage worker. */
export const frankHead = record(headFields);
/** The head of one message, as a report discloses it to the triage worker. */
export type FrankHead = TypeOf<typeof frankHead>;

const evidence = record({ head: frankHead, wordsKey: hash, commitment: bytes(COMMITMENT_BYTES) });

/** Bytes of the largest evidence: a group's of as many members as a roster has leaves. */
export const MAX_EVIDENCE_BYTES = 1_024;

/** The head, and what opens the words. The words themselves are kept beside it. */
export type Evidence = TypeOf<typeof evidence>;

/** The opening of a head's roster. */
export function openingOf({ salt, path }: FrankHead): RosterOpening {
  return { salt, path };
}

/** The canonical bytes of evidence. @throws invalidArgument for a field out of bounds. */
export function encodeEvidence(value: Evidence): Uint8Array<ArrayBuffer> {
  return encodeRecord(evidence, value);
}

/** Reads evidence. Byte fields are views of `encoded`. @throws badFrame if the bytes are none. */
export function decodeEvidence(encoded: Uint8Array): Evidence {
  return decodeRecord(evidence, encoded);
}
