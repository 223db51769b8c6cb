/** What lies in a sub-folder, by what it is. */

import type { BlobId } from "../../ports.js";
import { readBlobName } from "../layout.js";
import type { Disk } from "./disk.js";

/** The names in a sub-folder, sorted. */
export interface ListedFan {
  /** With a journal. */
  readonly blobs: readonly BlobId[];
  /** With a journal that has not got its name. */
  readonly unnamed: readonly BlobId[];
  readonly corrupt: readonly BlobId[];
  /** With data and no journal. */
  readonly strays: readonly BlobId[];
  /** Names that are none of ours. */
  readonly strangers: number;
}

/** Lists a sub-folder. */
export async function sortFan(disk: Disk, fan: string): Promise<ListedFan> {
  const { folders, files } = await disk.list(fan);
  const ids = { data: new Set<BlobId>(), log: new Set<BlobId>(), new: new Set<BlobId>(), bad: new Set<BlobId>() };
  let strangers = folders.length;
  for (const name of files) {
    const known = readBlobName(fan, name);
    if (known === undefined) strangers += 1;
    else ids[known.suffix].add(known.id);
  }
  const strays = [...ids.data].filter((id) => !ids.log.has(id));
  return { blobs: [...ids.log], unnamed: [...ids.new], corrupt: [...ids.bad], strays, strangers };
}
