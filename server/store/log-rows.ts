/** Builds and reads the rows of the logs, keys and values. */

import type { ConversationId } from "@sotto/protocol";
import type { LogEntry } from "../ports.js";
import { catalogue } from "./catalogue.js";
import type { KeyRange } from "./engine.js";
import { numberKey, textKey, U48, u48 } from "./row-keys.js";

const ENTRY_KEY_BYTES = 1 + U48 + U48 + 4;
const HEAD_NUMBERS_BYTES = 5 * U48;

/** The key of a log's head. */
export function logHeadKey(group: ConversationId): Buffer {
  return textKey(catalogue.logHead.prefix, group);
}

/** The group in the key of a log's head. */
export function readLogHeadKey(key: Buffer): ConversationId {
  return key.toString("latin1", 1) as ConversationId;
}

/** The heads of all logs behind a group's; of all if there is none. */
export function logHeadsBehind(group: ConversationId | undefined): KeyRange {
  const { prefix } = catalogue.logHead;
  // The next key in the order of bytes is the same one with a zero byte behind it.
  const from = group === undefined ? Buffer.of(prefix) : Buffer.concat([logHeadKey(group), Buffer.of(0)]);
  return { from, to: Buffer.of(prefix + 1) };
}

/** An entry's key. */
export function logEntryKey(logNumber: number, seq: number, sizeBytes: number): Buffer {
  const key = Buffer.allocUnsafe(ENTRY_KEY_BYTES);
  key[0] = catalogue.logEntry.prefix;
  key.writeUIntBE(logNumber, 1, U48);
  key.writeUIntBE(seq, 1 + U48, U48);
  key.writeUInt32BE(sizeBytes, 1 + U48 + U48);
  return key;
}

/** What stands in an entry's key. */
export function readLogEntryKey(key: Buffer): { readonly seq: number; readonly sizeBytes: number } {
  return { seq: key.readUIntBE(1 + U48, U48), sizeBytes: key.readUInt32BE(1 + U48 + U48) };
}

/** A log's entries from one number, included, to another, excluded. */
export function logEntriesOf(logNumber: number, fromSeq: number, toSeq: number): KeyRange {
  return { from: logEntryKey(logNumber, fromSeq, 0), to: logEntryKey(logNumber, toSeq, 0) };
}

/** The key of a log's checkpoint. */
export function logCheckpointKey(logNumber: number): Buffer {
  return numberKey(catalogue.logCheckpoint.prefix, logNumber);
}

/** The key that marks a log whose entries are being deleted. */
export function logRemainsKey(logNumber: number): Buffer {
  return numberKey(catalogue.logRemains.prefix, logNumber);
}

/** The log number in such a key. */
export function readLogRemainsKey(key: Buffer): number {
  return key.readUIntBE(1, U48);
}

/** All such marks. */
export function allLogRemains(): KeyRange {
  const { prefix } = catalogue.logRemains;
  return { from: Buffer.of(prefix), to: Buffer.of(prefix + 1) };
}

/** What the head row of a log remembers. */
export interface StoredLogHead {
  /** Names its entries; another log of the same group has another one. */
  readonly number: number;
  /** The last entry, and when it was appended. */
  readonly seq: number;
  readonly acceptedMs: number;
  /** Entries that are stored, and their bytes. */
  readonly entries: number;
  readonly bytes: number;
  readonly document: Uint8Array;
}

/** A log's head row. Copies the document. */
export function logHeadValue(head: StoredLogHead): Buffer {
  const value = Buffer.allocUnsafe(HEAD_NUMBERS_BYTES + head.document.length);
  for (const [index, number] of [head.number, head.seq, head.acceptedMs, head.entries, head.bytes].entries()) {
    value.writeUIntBE(number, index * U48, U48);
  }
  value.set(head.document, HEAD_NUMBERS_BYTES);
  return value;
}

/** Reads a log's head row; the document shares the value's memory. */
export function readLogHead(value: Buffer): StoredLogHead {
  return {
    number: value.readUIntBE(0, U48),
    seq: value.readUIntBE(U48, U48),
    acceptedMs: value.readUIntBE(2 * U48, U48),
    entries: value.readUIntBE(3 * U48, U48),
    bytes: value.readUIntBE(4 * U48, U48),
    document: value.subarray(HEAD_NUMBERS_BYTES),
  };
}

/** Bytes behind a number: an entry behind its time, a checkpoint behind the entry it stands for. Copies the bytes. */
export function numberedValue(number: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([u48(number), bytes]);
}

/** Reads an entry's row; the result shares the value's memory. */
export function readLogEntry(seq: number, value: Buffer): LogEntry {
  return { seq, acceptedMs: value.readUIntBE(0, U48), entry: value.subarray(U48) };
}

/** Reads a checkpoint's row; the result shares the value's memory. */
export function readLogCheckpoint(value: Buffer): { readonly seq: number; readonly body: Uint8Array } {
  return { seq: value.readUIntBE(0, U48), body: value.subarray(U48) };
}
