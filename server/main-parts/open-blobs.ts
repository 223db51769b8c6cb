/** Opens the folder of attachments in a data folder, and says in plain words why it does not open. */

import { join } from "node:path";
import { folderBlobs } from "../blobs/index.js";
import { OperatorError } from "../ops/operator-error.js";
import type { Settings } from "../ops/settings.js";
import { systemClock } from "../ops/system.js";
import { BlobError, type Blobs, type Log } from "../ports.js";

/** The folder of attachments in a data folder. */
export function blobFolder(dataDir: string): string {
  return join(dataDir, "blobs");
}

/**
 * Opens the attachments of a data folder, or the blobs given instead. The caller closes them. To be called with the store
 * open, whose lock keeps a second relay away.
 *
 * @throws OperatorError if the folder cannot be used.
 */
export async function openBlobs(settings: Settings, instead: Blobs | undefined, log: Log): Promise<Blobs> {
  const folder = blobFolder(settings.dataDir);
  const blobs = instead ?? folderBlobs({ folder, maxBytes: settings.attachmentFolderBytes, clock: systemClock, log });
  try {
    await blobs.open();
    return blobs;
  } catch (cause) {
    await blobs.close().catch(() => undefined);
    if (!(cause instanceof BlobError)) throw cause;
    throw new OperatorError(`The attachments in ${folder} do not open: ${cause.message}`, 1, { cause });
  }
}
