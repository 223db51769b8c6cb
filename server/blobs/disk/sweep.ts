/**
 * Deletes what has outlived its time, and files that belong to no blob. It goes through the sub-folders in which something
 * may be due, in small steps beside the traffic, each blob in its turn; one that is being appended to is left to the next
 * sweep. A reader keeps the file it has open.
 */

import type { BlobId } from "../../ports.js";
import { blobPath, fanOf } from "../layout.js";
import type { Disk } from "./disk.js";
import { endsSealed, type Peeked, peekJournal, readJournal } from "./journal.js";
import { sortFan } from "./list-fan.js";
import { promisedTo } from "./look.js";
import { condemn, type FolderParts, withFile } from "./parts.js";

/** Blobs whose journals go before their sub-folder is synced and their data follows. */
const BATCH = 64;

/** Goes through what is due, or until it is to end. Answers how many blobs went. */
export async function sweep(parts: FolderParts, nowMs: number, isOver: () => boolean): Promise<number> {
  let blobs = 0;
  for (const fan of parts.due.take(nowMs)) {
    try {
      blobs += await sweepFan(parts, fan, nowMs, isOver);
    } catch (cause) {
      parts.due.note(fan, 0);
      throw cause;
    }
    // Some of it was not looked at.
    if (isOver()) parts.due.note(fan, 0);
  }
  return blobs;
}

async function sweepFan(parts: FolderParts, fan: string, nowMs: number, isOver: () => boolean): Promise<number> {
  const { disk, turns } = parts;
  if (isOver()) return 0;
  const found = await sortFan(disk, fan);
  for (const id of found.unnamed) await turns.take(id, () => disk.remove(blobPath(id, "new")));
  for (const id of found.corrupt) if (!isOver()) await removeCorrupt(parts, id);
  // A journal that went without a sync must not come back after its data went.
  if (found.strays.length > 0) await disk.syncFolder(fan);
  for (const id of found.strays) if (!isOver()) await removeStrayData(parts, id);
  let blobs = 0;
  for (let at = 0; at < found.blobs.length && !isOver(); at += BATCH) {
    const gone: BlobId[] = [];
    for (const id of found.blobs.slice(at, at + BATCH)) {
      if (!isOver() && (await turns.take(id, () => expireBlob(parts, id, nowMs)))) gone.push(id);
    }
    if (gone.length > 0) await disk.syncFolder(fan);
    for (const id of gone) await removeStrayData(parts, id);
    blobs += gone.length;
  }
  return blobs;
}

/** Deletes a blob, durably. In its turn, and after the end of an append to it. */
export async function remove(parts: FolderParts, id: BlobId): Promise<void> {
  const { disk, doubtful } = parts;
  await removeJournal(parts, id, "log");
  await removeJournal(parts, id, "bad");
  doubtful.delete(id);
  await disk.syncFolder(fanOf(id));
  // Only now: data without its journal is a stray, a journal without its data would look like damage.
  await disk.remove(blobPath(id, "data"));
}

/** Deletes the journal of a blob that is due; else notes when it will be. */
async function expireBlob(parts: FolderParts, id: BlobId, nowMs: number): Promise<boolean> {
  const { disk, due, live, space, doubtful } = parts;
  if (live.has(id)) {
    due.note(fanOf(id), 0);
    return false;
  }
  const peeked = await peekJournal(disk, id);
  if (peeked === undefined) return false;
  const dueMs = peeked === "damaged" ? undefined : await dueOf(disk, id, peeked, nowMs);
  if (peeked === "damaged" || dueMs === undefined) {
    await condemn(parts, id, "journal");
    return false;
  }
  if (dueMs > nowMs) {
    due.note(fanOf(id), dueMs);
    return false;
  }
  if (!(await disk.remove(blobPath(id, "log")))) return false;
  space.release(peeked.header.lengthBytes);
  doubtful.delete(id);
  return true;
}

/** When a blob is to be looked at again, or to go; `undefined` if its journal was damaged. */
async function dueOf(disk: Disk, id: BlobId, { header, isSealed }: Peeked, nowMs: number): Promise<number | undefined> {
  const { expiresMs, unfinishedMs } = header;
  if (isSealed === true || expiresMs <= nowMs) return expiresMs;
  if (unfinishedMs > nowMs) return Math.min(unfinishedMs, expiresMs);
  return withFile(
    disk,
    blobPath(id, "log"),
    "read",
    async (file) => {
      if (await endsSealed(file, id, header)) return expiresMs;
      const journal = await readJournal(file, id);
      if (journal === undefined) return undefined;
      return journal.end === header.lengthBytes ? expiresMs : unfinishedMs;
    },
    expiresMs,
  );
}

function removeCorrupt(parts: FolderParts, id: BlobId): Promise<void> {
  return parts.turns.take(id, () => removeJournal(parts, id, "bad"));
}

async function removeJournal(parts: FolderParts, id: BlobId, journal: "log" | "bad"): Promise<void> {
  const promised = await promisedTo(parts, id, journal);
  if (await parts.disk.remove(blobPath(id, journal))) parts.space.release(promised);
}

/** Deletes data that no journal speaks of, also after a look at it in its turn. */
function removeStrayData({ disk, turns }: FolderParts, id: BlobId): Promise<void> {
  return turns.take(id, async () => {
    if ((await disk.sizeOf(blobPath(id, "log"))) === undefined) await disk.remove(blobPath(id, "data"));
  });
}
