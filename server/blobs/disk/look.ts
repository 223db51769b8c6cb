/** What the files of one blob say. In the blob's turn, and never while an append is under way: then only that knows. */

import { BlobError, type BlobId, type BlobState } from "../../ports.js";
import { blobPath } from "../layout.js";
import type { DiskFile } from "./disk.js";
import { endsSealed, type Journal, readHeader, readJournal, replaceJournal } from "./journal.js";
import { condemn, type Damage, type FolderParts, withFile } from "./parts.js";
import { compactRecords } from "./replay.js";

/** A journal with more records than twice its segments and this many is written anew: many small appends leave many. */
const SPARE_RECORDS = 1_024;

/** Whether there is a blob of this name. */
export async function isThere(parts: FolderParts, id: BlobId): Promise<boolean> {
  const found = await look(parts, id, async (file) => (await readHeader(file, id)) ?? "journal");
  return found !== undefined;
}

/** What is durable of a blob; `undefined` if there is none, or it is corrupt. */
export function stateOf(parts: FolderParts, id: BlobId): Promise<BlobState | undefined> {
  return look(parts, id, async (file) => {
    const header = await readHeader(file, id);
    if (header === undefined) return "journal";
    const { lengthBytes, expiresMs } = header;
    const offset = (await endsSealed(file, id, header)) ? lengthBytes : (await readJournal(file, id))?.end;
    if (offset === undefined) return "journal";
    return (await hasData(parts, id, offset)) ? { lengthBytes, expiresMs, offset } : "data";
  });
}

/** The whole journal of a blob; `undefined` if there is none, or it is corrupt. */
export function journalOf(parts: FolderParts, id: BlobId): Promise<Journal | undefined> {
  return look(parts, id, async (file) => {
    const journal = await readJournal(file, id);
    if (journal === undefined) return "journal";
    return (await hasData(parts, id, journal.end)) ? journal : "data";
  });
}

/** A journal that is short enough, and ends with its last record: this one, or one in its place. */
export async function tidied({ disk }: FolderParts, id: BlobId, journal: Journal): Promise<Journal> {
  const isShort = journal.records <= 2 * journal.checksums.length + SPARE_RECORDS;
  if (isShort && !journal.hasTail) return journal;
  const records = compactRecords(journal);
  await replaceJournal(disk, id, journal.header, records);
  return { ...journal, records: records.length, isSealed: false, hasTail: false };
}

/**
 * The room that was promised to a blob. Of one whose header was damaged it is the length of its data: right if it was
 * complete, else less.
 */
export async function promisedTo({ disk }: FolderParts, id: BlobId, journal: "log" | "bad"): Promise<number> {
  const header = await withFile(disk, blobPath(id, journal), "read", (file) => readHeader(file, id), undefined);
  return header?.lengthBytes ?? (await disk.sizeOf(blobPath(id, "data"))) ?? 0;
}

async function look<Found extends object>(
  parts: FolderParts,
  id: BlobId,
  at: (file: DiskFile) => Promise<Found | Damage>,
): Promise<Found | undefined> {
  if (parts.doubtful.has(id)) throw new BlobError("unavailable", "It is unknown what of the blob is durable.");
  const found = await withFile(parts.disk, blobPath(id, "log"), "read", at, undefined);
  if (typeof found !== "string") return found;
  await condemn(parts, id, found);
  return undefined;
}

/** Data is made with the first append. */
async function hasData({ disk }: FolderParts, id: BlobId, bytes: number): Promise<boolean> {
  return bytes === 0 || ((await disk.sizeOf(blobPath(id, "data"))) ?? 0) >= bytes;
}
