/** What comes of a run, and the rules for what it may leave behind. */

import type { Resumptions } from "./course.js";
import type { Growth } from "./growth.js";
import type { JudgedFile } from "./judged-files.js";
import { leftBlobs, leftRows } from "./leftovers.js";

/** What came of a run. */
export interface TransferOutcome extends Resumptions, LeftBehind {
  readonly bytes: number;
  readonly deaths: number;
  /** Sources that had other bytes in the life after. */
  readonly changed: number;
  /** Sealed chunks that left, and how many of them more than once. */
  readonly sealedChunks: number;
  readonly repeatedChunks: number;
  /** The most memory that a life of a client had beyond what it had when it was ready. */
  readonly clientGrowth: Growth;
  /** Resident memory of the relay: the least that a life began with, and the most that one had. */
  readonly relayBytes: { readonly first: number; readonly peak: number };
  readonly wrong: readonly string[];
  readonly elapsedMs: number;
}

/** What a run left behind, as it may. */
export interface LeftBehind {
  /** Uploads that were finished when their client died, before it could tell its app: they were made once more. */
  readonly unseen: number;
  /** Uploads at the relay that nobody goes on with; it deletes them in time. */
  readonly orphans: number;
}

/** Where a run may have left something. */
export interface Leaving {
  readonly stores: readonly string[];
  readonly blobFolder: string;
  readonly files: readonly JudgedFile[];
  /** Sources that were changed on their way. */
  readonly changed: number;
}

/**
 * Looks through the stores of clients that closed, and the blobs of a relay that is gone. The relay must have what its clients
 * finished, every file among it, and nothing else but what was given up; and the clients nothing that is not finished.
 */
export async function judgeLeftovers(
  { stores, blobFolder, files, changed }: Leaving,
  wrong: (what: string) => void,
): Promise<LeftBehind> {
  const rows = await Promise.all(stores.map(leftRows));
  for (const [number, { uploads, spools, pieces }] of rows.entries())
    if (uploads + spools + pieces > 0)
      wrong(`client ${number} keeps ${uploads} uploads, ${spools} spools and ${pieces} pieces`);
  const { begun, finished, strangers } = await leftBlobs(blobFolder);
  if (strangers.length > 0) wrong(`the relay has files of no blob: ${strangers.join(", ")}`);
  const known = rows.flatMap((left) => left.finished).sort();
  const unknown = finished.filter((id) => !known.includes(id));
  // Given up because the source was another one, and the client died before it could delete it.
  if (unknown.length > changed) wrong(`${unknown.length} blobs at the relay that no client knows`);
  for (const id of known) if (!finished.includes(id)) wrong(`the blob ${id} that a client finished is gone`);
  for (const { task, reference } of files)
    if (!finished.includes(reference?.id ?? "")) wrong(`the blob of file ${task.file} is gone`);
  return { unseen: known.length - files.length, orphans: begun + unknown.length };
}
