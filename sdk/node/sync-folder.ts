/** Makes the entries of folders survive power loss: syncing a file does not sync its name. */

import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";

/** Makes a folder, and those above it, for its owner only. `sync` puts the names of all that were made on disk. */
export async function makeFolder(folder: string): Promise<{ sync(): Promise<void> }> {
  const firstMade = await mkdir(folder, { recursive: true, mode: 0o700 });
  const top = firstMade === undefined ? folder : dirname(firstMade);
  return {
    async sync() {
      for (let at = folder; ; at = dirname(at)) {
        await syncFolder(at);
        if (at === top || at === dirname(at)) return;
      }
    },
  };
}

/** Puts a folder's own entries on disk. Windows cannot open folders and does not need it. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
