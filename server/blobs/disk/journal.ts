/** Reading and writing the journals of blobs. Memory is that of a page and of the checksums, however long a journal is. */

import type { BlobId } from "../../ports.js";
import { blobPath, fanOf } from "../layout.js";
import type { Disk, DiskFile } from "./disk.js";
import {
  type BlobHeader,
  decodeHeader,
  encodeHeader,
  encodeRecords,
  HEADER_BYTES,
  isSealing,
  type JournalRecord,
  RECORD_BYTES,
  recordReader,
} from "./journal-format.js";
import { Replay, type Replayed } from "./replay.js";

/** A journal of a blob of 40 MiB, and as much as a disk reads anyway. */
const PEEK_BYTES = 4_096;
/** Records read at once. */
const PAGE_RECORDS = 2_048;

/** A journal as it was found. */
export interface Journal extends Replayed {
  readonly header: BlobHeader;
  /** Whether there are bytes behind the records that count: a write that was cut off. */
  readonly hasTail: boolean;
}

/** Where the record of a number stands. */
export function recordPosition(number: number): number {
  return HEADER_BYTES + number * RECORD_BYTES;
}

/** Reads the header of a journal; `undefined` if it was damaged. */
export async function readHeader(file: DiskFile, id: BlobId): Promise<BlobHeader | undefined> {
  const bytes = Buffer.alloc(HEADER_BYTES);
  const found = await file.read(bytes, 0);
  return decodeHeader(id, bytes.subarray(0, found));
}

/** The beginning of a journal, and whether the blob is sealed: that is unknown of a long one. */
export interface Peeked {
  readonly header: BlobHeader;
  readonly isSealed: boolean | undefined;
}

/** Looks at a journal in one go; `damaged` if it has no header, `undefined` if there is none. */
export async function peekJournal(disk: Disk, id: BlobId): Promise<Peeked | "damaged" | undefined> {
  const bytes = Buffer.allocUnsafe(PEEK_BYTES);
  const found = await disk.peek(blobPath(id, "log"), bytes);
  if (found === undefined) return undefined;
  const header = decodeHeader(id, bytes.subarray(0, found));
  if (header === undefined) return "damaged";
  if (found === PEEK_BYTES) return { header, isSealed: undefined };
  const number = (found - HEADER_BYTES) / RECORD_BYTES - 1;
  const last =
    Number.isInteger(number) && number >= 0 ? recordReader(id)(number, bytes, recordPosition(number)) : undefined;
  return { header, isSealed: last !== undefined && isSealing(last, header.lengthBytes) };
}

/** Whether the last record is the one that seals a complete blob: all others are then on stable storage. */
export async function endsSealed(file: DiskFile, id: BlobId, header: BlobHeader): Promise<boolean> {
  const records = ((await file.size()) - HEADER_BYTES) / RECORD_BYTES;
  if (!Number.isInteger(records) || records < 1) return false;
  const bytes = Buffer.alloc(RECORD_BYTES);
  await file.read(bytes, recordPosition(records - 1));
  const record = recordReader(id)(records - 1, bytes, 0);
  return record !== undefined && isSealing(record, header.lengthBytes);
}

/** Reads a whole journal; `undefined` if it was damaged. */
export async function readJournal(file: DiskFile, id: BlobId): Promise<Journal | undefined> {
  const header = await readHeader(file, id);
  if (header === undefined) return undefined;
  const replay = new Replay(header.lengthBytes);
  const read = recordReader(id);
  const page = Buffer.alloc(PAGE_RECORDS * RECORD_BYTES);
  let sizeBytes = HEADER_BYTES;
  for (let number = 0; ; number += PAGE_RECORDS) {
    const found = await file.read(page, recordPosition(number));
    sizeBytes += found;
    const records = Math.floor(found / RECORD_BYTES);
    for (let index = 0; index < records; index++) replay.take(read(number + index, page, index * RECORD_BYTES));
    if (found < page.length) break;
  }
  const result = replay.result();
  return result === undefined
    ? undefined
    : { ...result, header, hasTail: sizeBytes !== recordPosition(result.records) };
}

/** Writes records behind those there are. Not on stable storage until the file is synced. */
export async function writeRecords(
  file: DiskFile,
  id: BlobId,
  firstNumber: number,
  records: readonly JournalRecord[],
): Promise<void> {
  await file.write(encodeRecords(id, firstNumber, records), recordPosition(firstNumber));
}

/** Puts a whole journal in the place of what there is, durably: after a crash there is the one or the other. */
export async function replaceJournal(
  disk: Disk,
  id: BlobId,
  header: BlobHeader,
  records: readonly JournalRecord[],
): Promise<void> {
  await disk.makeFolder(fanOf(id));
  const file = await disk.open(blobPath(id, "new"), "empty");
  try {
    await file.write(Buffer.concat([encodeHeader(id, header), encodeRecords(id, 0, records)]), 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(blobPath(id, "new"), blobPath(id, "log"));
  await disk.syncFolder(fanOf(id));
}
