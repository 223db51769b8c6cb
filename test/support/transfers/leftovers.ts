/** What a run left behind: in the stores of its clients, and in the relay's folder of blobs. */

import { readdir } from "node:fs/promises";
import { blobIdOf, toHex } from "@sotto/protocol";
import { levelStore, nodePlatform } from "@sotto/sdk/node";
import { decodeRow, eachRow, keys } from "../../../sdk/core/rows.js";
import { SealedStore } from "../../../sdk/core/storage/sealed-store.js";
import { folderBlobs } from "../../../server/blobs/index.js";
import { systemClock } from "../../../server/ops/system.js";

/** Until an upload that nobody goes on with is gone from a relay, and what is finished is not. */
const BEYOND_UPLOADS_MS = 2 * 86_400_000;

/** The rows of attachments in the store of a client that closed. */
export interface LeftRows {
  readonly uploads: number;
  readonly spools: number;
  readonly pieces: number;
  /** The ids of the blobs that the client knows it uploaded. */
  readonly finished: readonly string[];
}

/** Looks through a client's store. */
export async function leftRows(folder: string): Promise<LeftRows> {
  const store = await SealedStore.open(levelStore(folder), nodePlatform);
  try {
    const count = async (prefix: string) => {
      let rows = 0;
      for await (const _row of eachRow(store, prefix)) rows += 1;
      return rows;
    };
    const finished: string[] = [];
    for await (const { value } of eachRow(store, keys.uploadeds))
      finished.push(toHex(blobIdOf(decodeRow("uploaded", value).uploadId)));
    const [uploads, spools, pieces] = [await count(keys.uploads), await count(keys.spools), await count("piece/")];
    return { uploads, spools, pieces, finished: finished.sort() };
  } finally {
    await store.close();
  }
}

/** The blobs of a relay that is gone. */
export interface LeftBlobs {
  /** Begun and never finished; the relay deletes them in time. */
  readonly begun: number;
  /** What is left once it has. */
  readonly finished: readonly string[];
  /** Names that are neither of a blob nor of the folder's own. */
  readonly strangers: readonly string[];
}

/** Looks through the folder of a relay that was killed, as the relay would two days later. */
export async function leftBlobs(folder: string): Promise<LeftBlobs> {
  const before = await namesIn(folder);
  const clock = { ...systemClock, now: () => systemClock.now() + BEYOND_UPLOADS_MS };
  const blobs = folderBlobs({ folder, maxBytes: Number.MAX_SAFE_INTEGER, clock });
  await blobs.open();
  try {
    await blobs.expire(clock.now(), new AbortController().signal);
  } finally {
    await blobs.close();
  }
  const after = await namesIn(folder);
  const finished = after.filter((name) => name.endsWith(".data")).map((name) => name.slice(0, 32));
  const expected = new Set(finished.flatMap((id) => [`${id}.data`, `${id}.log`]));
  return {
    begun: before.filter((name) => name.endsWith(".log")).length - finished.length,
    finished: finished.sort(),
    strangers: after.filter((name) => !expected.has(name) && name !== "format"),
  };
}

async function namesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}
