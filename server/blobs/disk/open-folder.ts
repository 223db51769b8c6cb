/**
 * Opening the blob folder. One pass over all journals counts what is held. Of complete blobs it reads the beginning and the
 * last record, of others the whole journal: what a crash left behind its last valid record is cut off, and what is before
 * is put on stable storage, since a killed process may have left it in the system's cache. Nothing of it stays in memory.
 *
 * There is no lock: the relay's LevelDB, which lies beside it, already keeps a second relay out.
 */

import { BlobError, type BlobId } from "../../ports.js";
import { BLOB_FORMAT_VERSION, blobPath, fanOf, isFan } from "../layout.js";
import type { Disk, DiskFile } from "./disk.js";
import { endsSealed, peekJournal, readJournal, recordPosition, writeRecords } from "./journal.js";
import { sealingRecord } from "./journal-format.js";
import { sortFan } from "./list-fan.js";
import { promisedTo } from "./look.js";
import { condemn, type Damage, type FolderParts, withFile } from "./parts.js";

/** Journals looked at together; more do not keep the thread pool busier. */
const TOGETHER = 64;

/** What is in a blob folder. */
export interface OpenedFolder {
  readonly blobs: number;
  /** Files and folders with names that are none of ours; they are left alone. */
  readonly strangers: number;
}

/** Prepares the folder and counts what it holds. */
export async function openFolder(parts: FolderParts): Promise<OpenedFolder> {
  const { disk } = parts;
  await disk.prepare();
  await checkFormat(disk);
  const root = await disk.list("");
  let strangers = root.files.filter((name) => name !== "format").length;
  let blobs = 0;
  for (const folder of root.folders) {
    const opened = isFan(folder) ? await openFan(parts, folder) : { blobs: 0, strangers: 1 };
    blobs += opened.blobs;
    strangers += opened.strangers;
  }
  return { blobs, strangers };
}

async function openFan(parts: FolderParts, fan: string): Promise<OpenedFolder> {
  const { disk, due } = parts;
  // A killed process may have left names in the system's cache.
  await disk.syncFolder(fan);
  const found = await sortFan(disk, fan);
  for (const id of found.unnamed) await disk.remove(blobPath(id, "new"));
  for (const id of found.corrupt) parts.space.count(await promisedTo(parts, id, "bad"));
  if (found.corrupt.length > 0 || found.strays.length > 0) due.note(fan, 0);
  let blobs = 0;
  for (let at = 0; at < found.blobs.length; at += TOGETHER) {
    const states = await Promise.all(found.blobs.slice(at, at + TOGETHER).map((id) => openBlob(parts, id)));
    blobs += states.filter((state) => state === "sound").length;
  }
  return { blobs, strangers: found.strangers };
}

async function checkFormat(disk: Disk): Promise<void> {
  const text = await withFile(disk, "format", "read", readText, undefined);
  if (text === `${BLOB_FORMAT_VERSION}\n`) {
    // What a crash left that came before the rename.
    await disk.remove("format.new");
    return;
  }
  if (text !== undefined)
    throw new BlobError("unavailable", "The blob folder was written by another version of Sotto; update this program.");
  const file = await disk.open("format.new", "empty");
  try {
    await file.write(Buffer.from(`${BLOB_FORMAT_VERSION}\n`), 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename("format.new", "format");
  await disk.syncFolder("");
}

async function readText(file: DiskFile): Promise<string> {
  const bytes = Buffer.alloc(16);
  return bytes.toString("latin1", 0, await file.read(bytes, 0));
}

async function openBlob(parts: FolderParts, id: BlobId): Promise<"sound" | "none"> {
  const { disk, due, space } = parts;
  const peeked = await peekJournal(disk, id);
  if (peeked === undefined) return "none";
  if (peeked === "damaged") {
    space.count(await promisedTo(parts, id, "log"));
    await condemn(parts, id, "journal");
    return "none";
  }
  const { lengthBytes, expiresMs, unfinishedMs } = peeked.header;
  space.count(lengthBytes);
  due.note(fanOf(id), peeked.isSealed === true ? expiresMs : Math.min(expiresMs, unfinishedMs));
  if (peeked.isSealed === true) return "sound";
  const state = await withFile(
    disk,
    blobPath(id, "log"),
    "write",
    async (file) => ((await endsSealed(file, id, peeked.header)) ? "sound" : settle(disk, id, file)),
    "none" as const,
  );
  if (state !== "journal" && state !== "data") return state;
  await condemn(parts, id, state);
  return "none";
}

/** Makes what an unfinished journal says durable, and deletes what is behind it. */
async function settle(disk: Disk, id: BlobId, file: DiskFile): Promise<"sound" | Damage> {
  const journal = await readJournal(file, id);
  if (journal === undefined) return "journal";
  if (journal.hasTail) await file.truncate(recordPosition(journal.records));
  await file.sync();
  const dataBytes = (await disk.sizeOf(blobPath(id, "data"))) ?? 0;
  if (dataBytes < journal.end) return "data";
  if (dataBytes > journal.end)
    await withFile(disk, blobPath(id, "data"), "write", (data) => data.truncate(journal.end), undefined);
  if (journal.end === journal.header.lengthBytes)
    await writeRecords(file, id, journal.records, [sealingRecord(journal.end)]);
  return "sound";
}
