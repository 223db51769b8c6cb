/** Files as sources of uploads: read in pieces, as often as is needed, and known again while they do not change. */

import { type FileHandle, open, stat } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { SottoError } from "@sotto/protocol";
import type { ReadableSource } from "../core/ports.js";

/** Bytes read at once: fewer turns than by the chunk, and little beside a part that is under way. */
const PIECE_BYTES = 1_048_576;

interface FileStat {
  isFile(): boolean;
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
}

/**
 * Opens a file by its path or `file:` URL. It is held open only while it is read.
 *
 * @throws sourceUnreadable if there is none, or it cannot be read; also later, if it is another by then.
 */
export async function openFile(pathOrUrl: string): Promise<ReadableSource> {
  const path = pathOrUrl.startsWith("file://") ? fileURLToPath(pathOrUrl) : pathOrUrl;
  const found = await stat(path).catch((cause: unknown) => {
    throw new SottoError("sourceUnreadable", { cause });
  });
  if (!found.isFile()) throw new SottoError("sourceUnreadable", { detail: "this path leads to no file" });
  const identity = identityOf(found);
  return { sizeBytes: found.size, name: basename(path), identity, read: (from) => read(path, from, identity) };
}

async function* read(path: string, from: number, identity: string): AsyncGenerator<Uint8Array> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    if (identityOf(await file.stat()) !== identity)
      throw new SottoError("sourceUnreadable", { detail: "the file changed" });
    for (let at = from; ; ) {
      const { bytesRead, buffer } = await file.read(new Uint8Array(PIECE_BYTES), 0, PIECE_BYTES, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (cause) {
    throw cause instanceof SottoError ? cause : new SottoError("sourceUnreadable", { cause });
  } finally {
    await file?.close();
  }
}

function identityOf({ dev, ino, size, mtimeMs }: FileStat): string {
  return `${dev}:${ino}:${size}:${mtimeMs}`;
}
