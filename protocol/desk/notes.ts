/**
 * What the desk writes to an account, sealed to its box: how a report stands, what was done to the account and why, what else
 * the desk would like to see (PROTOCOL.md, Desk).
 */

import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { decodeRecord, encodeRecord } from "../codec.js";
import { reportCategories } from "../frank/report.js";
import { type SealKeys, sealKeysOf } from "../frank/seal.js";
import { limits } from "../limits.js";
import {
  accountId,
  bytes,
  choice,
  deviceId,
  list,
  optional,
  record,
  type TypeOf,
  text,
  timeMs,
  uint,
} from "../schema/field.js";
import { sanctionKinds } from "./sanctions.js";

/** Where a case stands. */
export const caseStages = ["new", "triage", "escalated", "actioned", "appealed", "closed"] as const;
/** Where a case stands. */
export type CaseStage = (typeof caseStages)[number];

/** What came of a case, as its reporter hears it. */
export const caseOutcomes = ["open", "action", "noAction", "reversed"] as const;
/** What came of a case. */
export type CaseOutcome = (typeof caseOutcomes)[number];

/** Notes by kind; PROTOCOL.md's tables are made from them. */
export const noteBodies = {
  /** To a reporter: how the report `about` stands. Nothing of what was done beyond that something was. */
  receipt: record({ about: bytes(16), stage: choice(...caseStages), outcome: choice(...caseOutcomes) }),
  /** To the account that something was done to: what, for how long, on what ground, and how to appeal. Never who reported, and no quotes. */
  statement: record({
    statement: bytes(16),
    sanction: choice(...sanctionKinds),
    device: optional(deviceId),
    category: choice(...reportCategories),
    /** The community's rule it goes by, in its own words. */
    rule: text(limits.reportNoteBytes.value),
    /** Absent: until it is lifted. */
    untilMs: optional(timeMs),
    /** Absent of what cannot be appealed against. */
    appealUntilMs: optional(timeMs),
  }),
  /** To a reporter: which messages the desk would like to see besides, by counters of one sender between those it was shown. */
  contextRequest: record({
    about: bytes(16),
    gaps: list(
      record({ account: accountId, after: uint(Number.MAX_SAFE_INTEGER), before: uint(Number.MAX_SAFE_INTEGER) }),
      64,
    ),
    note: text(limits.reportNoteBytes.value),
  }),
} as const;
const noteKinds = ["receipt", "statement", "contextRequest"] as const;
/** A kind of note. */
export type NoteKind = (typeof noteKinds)[number];

/** A note. */
export type DeskNote = { readonly atMs: number } & {
  [Kind in NoteKind]: { readonly kind: Kind } & TypeOf<(typeof noteBodies)[Kind]>;
}[NoteKind];

const note = record({
  version: uint(1, 1),
  atMs: timeMs,
  kind: choice(...noteKinds),
  body: bytes(0, limits.deskNoteBytes.value),
});

/** The bytes of a note, before it is sealed. */
export function encodeNote(value: DeskNote): Uint8Array<ArrayBuffer> {
  const body = encodeRecord(noteBodies[value.kind] as never, value as never);
  return encodeRecord(note, { version: 1, atMs: value.atMs, kind: value.kind, body });
}

/** Reads a note. @throws badFrame if the bytes are none. */
export function decodeNote(encoded: Uint8Array): DeskNote {
  const { atMs, kind, body } = decodeRecord(note, encoded);
  return { atMs, kind, ...(decodeRecord(noteBodies[kind] as never, body) as object) } as DeskNote;
}

/** The box of an account: the pair that the desk's notes are sealed to, the same on all its devices. */
export function deskBox(identityPrivate: Uint8Array): SealKeys {
  const seed = hkdf(sha256, identityPrivate, undefined, new TextEncoder().encode("sotto/desk-box/1"), 32);
  return sealKeysOf(seed);
}
