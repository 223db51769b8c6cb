/** Where a relay could have left what it was given: its memory, its files, the rows of its store, its log and its pages. */

import { createReadStream } from "node:fs";
import { type FileHandle, open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { type Find, type Needle, Search, search } from "./needle.js";
import type { RelayApart } from "./relay-apart.js";

const PIECE_BYTES = 16 * 1_048_576;

/** Every readable byte of a process's memory, mapping by mapping. The process must be a child of ours, or we root. */
export async function* memoryOf(pid: number): AsyncGenerator<Buffer> {
  const maps = await readFile(`/proc/${pid}/maps`, "utf8");
  const memory = await open(`/proc/${pid}/mem`, "r");
  try {
    for (const line of maps.split("\n")) {
      const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) r/.exec(line) ?? [];
      if (from === undefined || to === undefined || line.includes("[vvar") || line.includes("[vsyscall]")) continue;
      yield* mapping(memory, Number.parseInt(from, 16), Number.parseInt(to, 16));
    }
  } finally {
    await memory.close();
  }
}

/** Positions are numbers: user space ends far below 2^53, and Node 20 fails to read at a bigint here. */
async function* mapping(memory: FileHandle, from: number, to: number): AsyncGenerator<Buffer> {
  for (let at = from; at < to; ) {
    const length = Math.min(PIECE_BYTES, to - at);
    const piece = Buffer.alloc(length);
    // A page may be gone or guarded by now; then so is what was in it.
    const read = await memory.read({ buffer: piece, length, position: at }).catch(() => undefined);
    if (read === undefined || read.bytesRead === 0) return;
    yield piece.subarray(0, read.bytesRead);
    at += read.bytesRead;
  }
}

/** A file, piece by piece. */
export function fileOf(path: string): AsyncIterable<Buffer> {
  return createReadStream(path, { highWaterMark: PIECE_BYTES });
}

/** Looks through the log and every page. */
export async function searchWords(relay: RelayApart, needles: readonly Needle[]): Promise<readonly Find[]> {
  const searching = new Search(needles);
  await searching.through("the log", [Buffer.from(relay.log)]);
  for (const path of ["/", "/health", "/ready", "/metrics"]) {
    const { body } = await relay.page(path);
    await searching.through(path, [Buffer.from(body)]);
  }
  return searching.finds;
}

/** Looks through every file of a folder, or those whose name fits, and through their names. */
export async function searchFiles(
  folder: string,
  needles: readonly Needle[],
  fits: (name: string) => boolean = () => true,
): Promise<readonly Find[]> {
  const searching = new Search(needles);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!fits(entry.name)) continue;
    await searching.through("a file's name", [Buffer.from(entry.name)]);
    if (entry.isFile()) await searching.through(entry.name, fileOf(join(entry.parentPath, entry.name)));
  }
  return searching.finds;
}

/** Looks through every row of a stopped relay's store. */
export function searchRows(dataDir: string, needles: readonly Needle[]): Promise<readonly Find[]> {
  return searchDatabase(join(dataDir, "store"), needles);
}

/** Looks through every row of a database that nobody has open: LevelDB may have compressed it in its files. */
export async function searchDatabase(folder: string, needles: readonly Needle[]): Promise<readonly Find[]> {
  const options = { keyEncoding: "buffer", valueEncoding: "buffer", createIfMissing: false } as const;
  const store = new ClassicLevel<Buffer, Buffer>(folder, options);
  await store.open();
  try {
    const rows: Buffer[] = [];
    for await (const [key, value] of store.iterator()) rows.push(key, value);
    return await search("a row", rows, needles);
  } finally {
    await store.close();
  }
}
