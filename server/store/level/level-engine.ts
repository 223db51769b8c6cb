/** LevelDB as an engine, through classic-level. */

import { ClassicLevel } from "classic-level";
import { StoreError } from "../../ports.js";
import type { Engine } from "../engine.js";

/**
 * What LevelDB collects in memory before it writes a sorted file. Larger than the default 4 MiB: an envelope that is
 * acknowledged at once is then mostly gone before it reaches a file.
 */
const WRITE_BUFFER_BYTES = 16 * 1024 * 1024;
const CACHE_BYTES = 32 * 1024 * 1024;
/** Ends one step of a scan; the default of 16 KiB cuts a page of mail into many trips to the thread pool. */
const SCAN_STEP_BYTES = 1024 * 1024;

/** LevelDB in a folder of its own, created if missing. One process at a time. */
export function levelEngine(folder: string): Engine {
  const db = new ClassicLevel<Buffer, Buffer>(folder, {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
    // Ciphertext does not compress.
    compression: false,
    writeBufferSize: WRITE_BUFFER_BYTES,
    cacheSize: CACHE_BYTES,
  });
  return {
    guarantee: "synced-1",
    open: () => db.open().catch((cause: unknown) => Promise.reject(cannotOpen(folder, cause))),
    close: () => db.close(),
    batch() {
      const chained = db.batch();
      return {
        put: (key, value) => void chained.put(key, value),
        delete: (key) => void chained.del(key),
        write: (durability) => chained.write(durability === "synced" ? SYNCED : UNSYNCED),
      };
    },
    get(key) {
      try {
        return db.getSync(key);
      } catch (cause) {
        throw cannotRead(cause);
      }
    },
    values: (keys) => reading(() => db.getMany([...keys])),
    keys: ({ from, to }, limit) =>
      reading(() => db.keys({ gte: from, lt: to, limit, highWaterMarkBytes: SCAN_STEP_BYTES }).all()),
    entries: ({ from, to }, limit) =>
      reading(() => db.iterator({ gte: from, lt: to, limit, highWaterMarkBytes: SCAN_STEP_BYTES }).all()),
  };
}

const SYNCED = { sync: true } as const;
const UNSYNCED = { sync: false } as const;

/** Turns whatever a scan throws, at once or later, into the store's own error. */
async function reading<Rows>(scan: () => Promise<Rows>): Promise<Rows> {
  try {
    return await scan();
  } catch (cause) {
    throw cannotRead(cause);
  }
}

function cannotRead(cause: unknown): StoreError {
  return new StoreError("unavailable", "The database could not be read.", { cause });
}

function cannotOpen(folder: string, cause: unknown): StoreError {
  const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const code = reason instanceof Error && "code" in reason ? reason.code : undefined;
  const message =
    code === "LEVEL_LOCKED"
      ? `The database in ${folder} is open in another process; stop that one or use another folder.`
      : `The database in ${folder} cannot be opened: ${reason instanceof Error ? reason.message : String(reason)}`;
  return new StoreError("fatal", message, { cause });
}
