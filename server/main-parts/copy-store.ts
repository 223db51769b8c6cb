/**
 * Copies the database of a stopped relay, row by row. Holding it open keeps a relay from starting meanwhile, and rows
 * instead of files make the copy independent of what LevelDB does to its files in the background.
 */

import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { OperatorError } from "../ops/operator-error.js";
import { isLocked, storeFolder } from "./open-store.js";

/** The database of a stopped relay, held open. */
export interface StoppedStore {
  /**
   * Writes every row into a new database and reads it back. Resolves when it is on disk.
   *
   * @throws OperatorError if what was read back differs.
   */
  copyTo(folder: string): Promise<{ readonly rows: number }>;
  close(): Promise<void>;
}

/** Bytes of rows written at once. */
const BATCH_BYTES = 1024 * 1024;

type Database = ClassicLevel<Buffer, Buffer>;

const database = (folder: string): Database =>
  new ClassicLevel<Buffer, Buffer>(folder, { keyEncoding: "buffer", valueEncoding: "buffer", compression: false });

/**
 * Opens the database in a data folder for copying.
 *
 * @throws OperatorError if there is none, or a relay is running on it.
 */
export async function openStoppedStore(dataDir: string): Promise<StoppedStore> {
  const source = database(storeFolder(dataDir));
  try {
    await source.open({ createIfMissing: false });
  } catch (cause) {
    if (isLocked(cause)) {
      throw new OperatorError(
        `A relay is running on the data folder ${dataDir}; stop it first, so that the copy is consistent.`,
      );
    }
    throw new OperatorError(
      `There is no store in ${dataDir} that opens; set SOTTO_DATA_DIR to the relay's data folder.`,
      1,
      { cause },
    );
  }
  return { copyTo: (folder) => copy(source, folder), close: () => source.close() };
}

async function copy(source: Database, folder: string): Promise<{ rows: number }> {
  const target = database(folder);
  await target.open({ createIfMissing: true, errorIfExists: true });
  let written: RowsDigest;
  try {
    written = await writeRows(source, target);
  } finally {
    await target.close();
  }
  const copied = database(folder);
  await copied.open({ createIfMissing: false });
  try {
    const found = new RowsDigest();
    for await (const [key, value] of copied.iterator()) found.add(key, value);
    if (found.end() !== written.end()) {
      throw new OperatorError("What was written does not read back the same; check the disk of the backup.");
    }
  } finally {
    await copied.close();
  }
  // LevelDB's own notes and its lock are no part of a backup.
  for (const name of ["LOCK", "LOG", "LOG.old"]) await rm(join(folder, name), { force: true });
  return { rows: written.rows };
}

async function writeRows(source: Database, target: Database): Promise<RowsDigest> {
  const digest = new RowsDigest();
  let batch = target.batch();
  let bytes = 0;
  for await (const [key, value] of source.iterator()) {
    digest.add(key, value);
    batch.put(key, value);
    bytes += key.length + value.length;
    if (bytes < BATCH_BYTES) continue;
    await batch.write({ sync: true });
    batch = target.batch();
    bytes = 0;
  }
  await batch.write({ sync: true });
  return digest;
}

/** A digest over rows in order, each with its lengths. */
class RowsDigest {
  rows = 0;
  private readonly hash = createHash("sha256");
  private result: string | undefined;

  add(key: Buffer, value: Buffer): void {
    const lengths = Buffer.alloc(8);
    lengths.writeUInt32BE(key.length, 0);
    lengths.writeUInt32BE(value.length, 4);
    this.hash.update(lengths).update(key).update(value);
    this.rows += 1;
  }

  /** The digest; nothing can be added after it. */
  end(): string {
    this.result ??= this.hash.digest("hex");
    return this.result;
  }
}
