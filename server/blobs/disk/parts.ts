/** What the rooms of the blob folder share. */

import type { BlobId, Log } from "../../ports.js";
import { blobPath, fanOf } from "../layout.js";
import type { Space } from "../space.js";
import type { DiskAppend } from "./append.js";
import type { Disk, DiskFile } from "./disk.js";
import type { Due } from "./due.js";
import type { Turns } from "./turns.js";

/** The state of an open blob folder. What is on disk is not kept in memory: it is read when it is asked for. */
export interface FolderParts {
  readonly disk: Disk;
  readonly turns: Turns;
  readonly space: Space;
  readonly due: Due;
  readonly log: Log | undefined;
  /** Appends under way. Their journals say more than is durable; only they know. */
  readonly live: Map<BlobId, DiskAppend>;
  /** Blobs of which a failed sync left it unknown what is durable, until the folder is opened again. */
  readonly doubtful: Set<BlobId>;
}

/** What was found wrong. */
export type Damage = "journal" | "data";

/**
 * Makes a corrupt blob none, durably, and says so in the log, once. Its files are left to `expire`. In the blob's turn
 * only.
 */
export async function condemn({ disk, log, due }: FolderParts, id: BlobId, damage: Damage): Promise<void> {
  due.note(fanOf(id), 0);
  if (!(await disk.rename(blobPath(id, "log"), blobPath(id, "bad")))) return;
  await disk.syncFolder(fanOf(id));
  log?.warn("blobCorrupt", { kind: damage });
}

/** Opens a file for as long as some work takes; `missing` if there is none. */
export async function withFile<Result, Missing>(
  disk: Disk,
  path: string,
  how: "read" | "write",
  work: (file: DiskFile) => Promise<Result>,
  missing: Missing,
): Promise<Result | Missing> {
  const file = await disk.open(path, how);
  if (file === undefined) return missing;
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}
