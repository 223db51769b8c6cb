/** The relay's document of a group's log: whose signatures count, and since when. No member, no title, no role. */

import { decodeRecord, encodeRecord, equalBytes, field, SottoError, type TypeOf } from "@sotto/protocol";
import type { Signatures } from "../ports.js";

const DOCUMENT_VERSION = 1;
const MAX_SEQ = 0xffff_ffff;

/** Epochs whose access keys still read, the present one included; what came before is forgotten, oldest first. */
const READABLE_EPOCHS = 64;

const keys = { accessKey: field.bytes(32), adminKey: field.bytes(32) };
const document = field.record({
  version: field.uint(DOCUMENT_VERSION, DOCUMENT_VERSION),
  present: field.record(keys),
  /** Former epochs with the number of the entry that ended each, the oldest first. */
  former: field.list(field.record({ ...keys, endedBy: field.uint(MAX_SEQ, 1) }), READABLE_EPOCHS - 1),
});

/** What the relay knows of a group's log beside its entries. */
export type GroupDocument = Omit<TypeOf<typeof document>, "version">;

/** The two keys of an epoch. */
export type EpochKeys = GroupDocument["present"];

/** Which of an epoch's keys signed something. */
export type Signer = "access" | "admin";

/** The bytes of a document. */
export function encodeGroup(group: GroupDocument): Uint8Array {
  return encodeRecord(document, { version: DOCUMENT_VERSION, ...group });
}

/** The document that stored bytes spell. @throws internal if they spell none: our own store holds something we did not write. */
export function decodeGroup(bytes: Uint8Array): GroupDocument {
  try {
    return decodeRecord(document, bytes);
  } catch (cause) {
    throw new SottoError("internal", { detail: "a stored group does not parse", cause });
  }
}

/** The document of a new group. */
export function newGroup({ accessKey, adminKey }: EpochKeys): GroupDocument {
  return { present: { accessKey, adminKey }, former: [] };
}

/** Stands in for a group that does not exist, so that refusing it takes the same work. Nothing is decided by its keys. */
export const absentGroup: GroupDocument = newGroup({ accessKey: new Uint8Array(32), adminKey: new Uint8Array(32) });

/** The document from the next epoch on, which the entry of this number begins. */
export function withNextEpoch(
  group: GroupDocument,
  { accessKey, adminKey }: EpochKeys,
  endedBy: number,
): GroupDocument {
  const former = [...group.former, { ...group.present, endedBy }].slice(1 - READABLE_EPOCHS);
  return { ...group, present: { accessKey, adminKey }, former };
}

/** The numbers of the entries that ended epochs which can still be read. */
export function endsOfEpochs({ former }: GroupDocument): readonly number[] {
  return former.map(({ endedBy }) => endedBy);
}

/** Which key of an epoch signed a text; `undefined` if none did. */
export function signerOf(
  signatures: Pick<Signatures, "verifyDevice">,
  { accessKey, adminKey }: EpochKeys,
  { text, signature }: { readonly text: Uint8Array; readonly signature: Uint8Array },
): Signer | undefined {
  if (signatures.verifyDevice(accessKey, text, signature)) return "access";
  return signatures.verifyDevice(adminKey, text, signature) ? "admin" : undefined;
}

/** The epoch that the entry of this number was appended in, and the keys that follow if that entry ended it. */
export function epochOf(
  { former, present }: GroupDocument,
  seq: number,
): { readonly keys: EpochKeys; readonly next: EpochKeys | undefined } {
  const index = former.findIndex(({ endedBy }) => endedBy >= seq);
  const epoch = former[index];
  if (epoch === undefined) return { keys: present, next: undefined };
  return { keys: epoch, next: epoch.endedBy === seq ? (former[index + 1] ?? present) : undefined };
}

/** Whether two epochs have the same keys; two that are not there are the same, too. */
export function sameKeys(one: EpochKeys | undefined, other: EpochKeys | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return equalBytes(one.accessKey, other.accessKey) && equalBytes(one.adminKey, other.adminKey);
}
