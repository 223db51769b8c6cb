/**
 * What the blob folder needs of a file system, so that tests can put one in its place that loses power. Paths are relative
 * to the folder and made by `layout.ts`. Everything throws `BlobError`: `full` where there is no room, else `unavailable`.
 */

import { BlobError } from "../../ports.js";

/** An open file. */
export interface DiskFile {
  /** Fills `into` from a position on, as far as the file goes; answers how many bytes that were. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Writes all of the bytes. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  size(): Promise<number>;
  truncate(lengthBytes: number): Promise<void>;
  /** Puts content and length on stable storage; the name is the folder's to sync. */
  sync(): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** A folder with one level of sub-folders. */
export interface Disk {
  /** Makes the folder itself if it is missing, durably, for its owner only. */
  prepare(): Promise<void>;
  /** Makes a sub-folder if it is missing, durably. A link in its place is refused. */
  makeFolder(folder: string): Promise<void>;
  /** The names of the folders in a sub-folder, and of whatever else is there; `""` is the folder itself. */
  list(folder: string): Promise<{ readonly folders: readonly string[]; readonly files: readonly string[] }>;
  /**
   * Opens a plain file, and follows no link: to read, to write, to write and made if missing, to write and empty.
   * `undefined` if there is none.
   */
  open(path: string, how: "read" | "write"): Promise<DiskFile | undefined>;
  open(path: string, how: "make" | "empty"): Promise<DiskFile>;
  /** Fills `into` from the beginning of a file; answers how many bytes that were, `undefined` if there is none. */
  peek(path: string, into: Uint8Array): Promise<number | undefined>;
  /** The length of a file; `undefined` if there is none. */
  sizeOf(path: string): Promise<number | undefined>;
  /** Renames a file over whatever has the name; false if there is none. */
  rename(from: string, to: string): Promise<boolean>;
  /** Deletes a file; false if there is none. */
  remove(path: string): Promise<boolean>;
  /** Puts the names in a sub-folder on stable storage; nothing where there is none. */
  syncFolder(folder: string): Promise<void>;
}

const NO_ROOM: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** The typed error for whatever a file system threw. */
export function diskError(cause: unknown): BlobError {
  if (cause instanceof BlobError) return cause;
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return NO_ROOM.has(code)
    ? new BlobError("full", "The blob storage has no room left.", { cause })
    : new BlobError("unavailable", "The blob storage does not answer.", { cause });
}
