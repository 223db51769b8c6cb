/** The blob storage of a single relay. */

import { statfs } from "node:fs/promises";
import type { Blobs, Clock, Log } from "../../ports.js";
import { diskError } from "./disk.js";
import { DiskBlobs } from "./disk-blobs.js";
import { leavingRoom } from "./leaving-room.js";
import { nodeDisk } from "./node-disk.js";

/** Where blobs lie, and how many bytes of them. */
export interface FolderBlobsOptions {
  /** Made if missing, and then the owner's alone. No other process may have it open. */
  readonly folder: string;
  /** The most that may be held and promised. */
  readonly maxBytes: number;
  readonly clock: Clock;
  /** Hears of corrupt blobs and of files that are none of the folder's. */
  readonly log?: Log | undefined;
}

/** Blobs in a folder of this machine; see `layout.ts`. What `commit` and `create` answered survives power loss. */
export function folderBlobs({ folder, ...options }: FolderBlobsOptions): Blobs {
  const disk = leavingRoom(nodeDisk(folder), () => freeBytes(folder));
  return new DiskBlobs({ disk, ...options });
}

async function freeBytes(folder: string): Promise<number> {
  const { blocks, bavail, bsize } = await statfs(folder).catch((cause: unknown) => Promise.reject(diskError(cause)));
  // Some network file systems do not say how large they are.
  return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
}
