/** The bytes of a blob's journal, as `layout.ts` describes them. Pure. */

import { crc32 } from "node:zlib";
import type { BlobId } from "../../ports.js";
import { SEGMENT_BYTES } from "../layout.js";

/** What a journal begins with. */
export interface BlobHeader {
  readonly lengthBytes: number;
  readonly expiresMs: number;
  readonly unfinishedMs: number;
}

/** The data up to `end` is durable; `checksum` is that of its last segment. */
export interface JournalRecord {
  readonly end: number;
  /** What had been made durable before this record was written: where it is missing, the journal was damaged, not torn. */
  readonly durableBefore: number;
  readonly checksum: number;
}

/** Bytes of the header. */
export const HEADER_BYTES = 46;
/** Bytes of one record. */
export const RECORD_BYTES = 20;
/** The largest number a journal holds: lengths and times are below it. */
export const MAX_NUMBER = 2 ** 48 - 1;

const MAGIC = Buffer.from("SOTTOBL1", "latin1");
const HEADER_CHECK_AT = HEADER_BYTES - 4;
const RECORD_CHECK_AT = RECORD_BYTES - 4;

/** The header of a blob. */
export function encodeHeader(id: BlobId, { lengthBytes, expiresMs, unfinishedMs }: BlobHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(bytes, 0);
  bytes.write(id, 8, "hex");
  bytes.writeUIntBE(lengthBytes, 24, 6);
  bytes.writeUIntBE(expiresMs, 30, 6);
  bytes.writeUIntBE(unfinishedMs, 36, 6);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, HEADER_CHECK_AT)), HEADER_CHECK_AT);
  return bytes;
}

/** The header at the beginning of these bytes; `undefined` if they are not this blob's. */
export function decodeHeader(id: BlobId, bytes: Buffer): BlobHeader | undefined {
  if (bytes.length < HEADER_BYTES || !bytes.subarray(0, 8).equals(MAGIC)) return undefined;
  if (bytes.toString("hex", 8, 24) !== id) return undefined;
  if (bytes.readUInt32BE(HEADER_CHECK_AT) !== crc32(bytes.subarray(0, HEADER_CHECK_AT))) return undefined;
  return {
    lengthBytes: bytes.readUIntBE(24, 6),
    expiresMs: bytes.readUIntBE(30, 6),
    unfinishedMs: bytes.readUIntBE(36, 6),
  };
}

/** Records that follow each other, the first one with this number. */
export function encodeRecords(id: BlobId, firstNumber: number, records: readonly JournalRecord[]): Buffer {
  const bytes = Buffer.alloc(records.length * RECORD_BYTES);
  const seed = crc32(Buffer.from(id, "hex"));
  records.forEach(({ end, durableBefore, checksum }, index) => {
    const at = index * RECORD_BYTES;
    bytes.writeUIntBE(end, at, 6);
    bytes.writeUIntBE(durableBefore, at + 6, 6);
    bytes.writeUInt32BE(checksum, at + 12);
    bytes.writeUInt32BE(recordCheck(seed, firstNumber + index, bytes, at), at + RECORD_CHECK_AT);
  });
  return bytes;
}

const numberBytes = Buffer.alloc(4);

/** Over the id and the number too, so that no record is valid in another journal or place. */
function recordCheck(seed: number, number: number, bytes: Buffer, at: number): number {
  numberBytes.writeUInt32BE(number);
  return crc32(bytes.subarray(at, at + RECORD_CHECK_AT), crc32(numberBytes, seed));
}

/** Answers the record of a number in bytes at a place, or `undefined` if what stands there is none. */
export function recordReader(id: BlobId): (number: number, bytes: Buffer, at: number) => JournalRecord | undefined {
  const seed = crc32(Buffer.from(id, "hex"));
  return (number, bytes, at) => {
    if (bytes.readUInt32BE(at + RECORD_CHECK_AT) !== recordCheck(seed, number, bytes, at)) return undefined;
    return {
      end: bytes.readUIntBE(at, 6),
      durableBefore: bytes.readUIntBE(at + 6, 6),
      checksum: bytes.readUInt32BE(at + 12),
    };
  };
}

/** The record behind all others of a complete blob: with it, nothing in the journal can be a torn write. */
export function sealingRecord(lengthBytes: number): JournalRecord {
  return { end: lengthBytes, durableBefore: lengthBytes, checksum: 0 };
}

/** Whether a record is the sealing one of a blob of this length. */
export function isSealing({ end, durableBefore }: JournalRecord, lengthBytes: number): boolean {
  return end === lengthBytes && durableBefore === lengthBytes;
}

/** The segment a byte is in. */
export function segmentOf(position: number): number {
  return Math.floor(position / SEGMENT_BYTES);
}
