/**
 * The audit log's chain: every entry holds the hash of the one before, and each day's last one is signed, so that an edit, a removal
 * and a change of order all show. Pure, and isomorphic: the console checks it too.
 */

import { digest, fromHex, labelled, type Realm, toHex, type Verify } from "@sotto/protocol";
import type { AuditEntry, AuditHead } from "../api.js";
import { fromBase64 } from "../base64.js";

const encoder = new TextEncoder();

/** What the first entry names as the one before. */
export const NO_HASH = "0".repeat(64);

/** What somebody did, before it has its place in the log. Never words or notes that users wrote. */
export interface AuditNote {
  /** A moderator's id, `desk`, `relay` or `operator`. */
  readonly by: string;
  readonly what: string;
  /** What it was done to: a case, an account, a key. */
  readonly about: string;
  readonly detail?: AuditEntry["detail"];
}

/** Where the log ends. */
export interface AuditTip {
  readonly seq: number;
  readonly hash: string;
}

/** The entry that follows a tip. */
export function nextEntry(tip: AuditTip | undefined, note: AuditNote, atMs: number): AuditEntry {
  const { by, what, about, detail = {} } = note;
  const entry = { seq: (tip?.seq ?? 0) + 1, atMs, by, what, about, detail, previous: tip?.hash ?? NO_HASH };
  return { ...entry, hash: entryHash(entry) };
}

/** The hash of an entry, over everything in it in one order. */
export function entryHash(entry: Omit<AuditEntry, "hash">): string {
  const { seq, atMs, by, what, about, detail, previous } = entry;
  const sorted = Object.keys(detail)
    .sort()
    .map((name) => [name, detail[name]]);
  const text = JSON.stringify([seq, atMs, by, what, about, sorted]);
  return toHex(digest(labelled("sotto/desk-audit/1", fromHex(previous), encoder.encode(text))));
}

/** What the desk signs at the end of a day. */
export function headText(realm: Realm, { day, seq, hash }: Omit<AuditHead, "signature">): Uint8Array {
  return labelled("sotto/desk-audit-head/1", realm, encoder.encode(`${day} ${seq}`), fromHex(hash));
}

/** The day of a time, as `2026-11-22`, in UTC. */
export function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

/** What is wrong with a log: the first place, in words. */
export interface AuditFault {
  readonly seq: number;
  readonly fault: string;
}

/** What a log is checked against. */
export interface AuditCheck {
  readonly realm: Realm;
  readonly signer: Uint8Array;
  readonly verify: Verify;
  /** Where the desk says that the log ends; absent of a log in a file. */
  readonly tip?: AuditTip | undefined;
}

/**
 * Finds the first edit, removal or change of order in a log; `undefined` if there is none. What was cut off at the end shows by the
 * tip and by the signed heads: who holds both the log and the signer could cut a day that nobody has read yet.
 */
export function checkAudit(
  entries: readonly AuditEntry[],
  heads: readonly AuditHead[],
  { realm, signer, verify, tip }: AuditCheck,
): AuditFault | undefined {
  let previous: AuditTip = { seq: 0, hash: NO_HASH };
  const hashes = new Map<number, AuditEntry>();
  for (const entry of entries) {
    if (entry.seq !== previous.seq + 1) return { seq: entry.seq, fault: `entry ${previous.seq + 1} is missing here` };
    if (entry.previous !== previous.hash) return { seq: entry.seq, fault: "it does not follow the entry before it" };
    if (!isOwnHash(entry)) return { seq: entry.seq, fault: "it was changed" };
    previous = { seq: entry.seq, hash: entry.hash };
    hashes.set(entry.seq, entry);
  }
  for (const head of heads) {
    const entry = hashes.get(head.seq);
    if (entry === undefined) return { seq: head.seq, fault: `the log ends before what was signed on ${head.day}` };
    if (entry.hash !== head.hash || dayOf(entry.atMs) !== head.day) {
      return { seq: head.seq, fault: `it is not what was signed on ${head.day}` };
    }
    if (!verify(signer, headText(realm, head), fromBase64(head.signature) ?? new Uint8Array(0))) {
      return { seq: head.seq, fault: `the desk did not sign the head of ${head.day}` };
    }
  }
  if (tip !== undefined && (tip.seq !== previous.seq || tip.hash !== previous.hash)) {
    return { seq: previous.seq, fault: "the log does not end where the desk says" };
  }
  return undefined;
}

function isOwnHash(entry: AuditEntry): boolean {
  try {
    return entryHash(entry) === entry.hash;
  } catch {
    return false;
  }
}
