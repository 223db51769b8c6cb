/** Saves attachments as files: whole and verified, or not at all under their name. */

import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, lstat, open, rename, rm, unlink } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { ATTACHMENT_CHUNK_BYTES, type BlobReference, equalBytes, SottoError } from "@sotto/protocol";
import type { DownloadOptions, DownloadProgress } from "../core/attachments/download.js";
import type { AbortSignalLike } from "../core/ports.js";
import { syncFolder } from "./sync-folder.js";

/** How an attachment is saved. */
export interface SaveOptions {
  /** Bytes that are in the file, those that an earlier call left among them. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Ends the call with `aborted`; what came is kept, and the next call goes on behind it. */
  readonly signal?: AbortSignalLike | undefined;
  /** What happens to a file that is there already: it stays and the call is refused, or it is replaced in one step. */
  readonly existing?: "refuse" | "replace" | undefined;
}

/** The part of a client that saving uses. */
export interface Downloading {
  readonly attachments: {
    download(reference: BlobReference, options: DownloadOptions): AsyncIterable<Uint8Array>;
  };
}

/** Paths that are being written by this process. */
const saving = new Set<string>();
const READ_BYTES = 1_048_576;
/** What file systems without links say. */
const NO_LINKS: ReadonlySet<unknown> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL", "EMLINK"]);

/**
 * Saves an attachment under a path, for this user only. The bytes go to `<path>.part`; once all are there, on stable storage,
 * and their SHA-256 is the one in the message, the file gets its name. A part that an earlier call or a crash left is read
 * again and gone on with, or begun anew if it turns out to belong to something else.
 *
 * The path is the caller's choice: nothing of what the sender says is used for it. See `safeFileName` for making a name of
 * that. No two processes may save under one path at a time.
 *
 * @throws targetUnwritable, also if there is a file and `existing` is not "replace"; invalidArgument if this path is being
 *   saved to already; everything `attachments.download` names. After attachmentCorrupt and attachmentGone nothing is left behind.
 */
export async function saveAttachment(
  client: Downloading,
  reference: BlobReference,
  path: string,
  options: SaveOptions = {},
): Promise<void> {
  const target = resolve(path);
  if (saving.has(target)) throw new SottoError("invalidArgument", { detail: "this path is being saved to already" });
  saving.add(target);
  try {
    await save(client, reference, { ...options, target, part: `${target}.part` });
  } finally {
    saving.delete(target);
  }
}

interface Saving extends SaveOptions {
  readonly target: string;
  readonly part: string;
}

async function save(client: Downloading, reference: BlobReference, options: Saving): Promise<void> {
  const { target, part, existing, signal } = options;
  if (signal?.aborted) throw new SottoError("aborted");
  if (existing !== "replace") await refuseExisting(target);
  try {
    await fill(client, reference, options);
  } catch (error) {
    const isLost = error instanceof SottoError && /^attachment(?:Corrupt|Gone)$/.test(error.code);
    if (isLost) await rm(part, { force: true });
    throw error;
  }
  await onDisk(name(options));
  await onDisk(syncFolder(dirname(target)));
}

/** Makes the part whole. */
async function fill(client: Downloading, reference: BlobReference, options: Saving): Promise<void> {
  const file = await onDisk(openPart(options.part));
  try {
    if (!(await goOn(client, { reference, options, file }))) {
      await onDisk(file.truncate(0));
      await write(client, { reference, options, file }, 0);
    }
    await onDisk(file.truncate(reference.sizeBytes));
    await onDisk(file.sync());
  } finally {
    await file.close();
  }
}

interface Writing {
  readonly reference: BlobReference;
  readonly options: Saving;
  readonly file: FileHandle;
}

/** Goes on with what is in the part. False if there is nothing, or it turns out to be of something else. */
async function goOn(client: Downloading, writing: Writing): Promise<boolean> {
  const { reference, options, file } = writing;
  const { sizeBytes, digest } = reference;
  const { size } = await onDisk(file.stat());
  if (size === 0 || size > sizeBytes) return false;
  const kept = size === sizeBytes ? size : size - (size % ATTACHMENT_CHUNK_BYTES);
  const hash = createHash("sha256");
  const buffer = Buffer.alloc(READ_BYTES);
  for (let at = 0; at < kept; ) {
    if (options.signal?.aborted) throw new SottoError("aborted");
    const { bytesRead } = await onDisk(file.read(buffer, 0, Math.min(READ_BYTES, kept - at), at));
    if (bytesRead === 0) return false;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  if (kept === 0) return false;
  options.onProgress?.({ receivedBytes: kept, totalBytes: sizeBytes });
  if (kept < sizeBytes) await write(client, writing, kept, (piece) => void hash.update(piece));
  return equalBytes(hash.digest(), digest);
}

/** Downloads from an offset into the file. */
async function write(
  client: Downloading,
  { reference, options, file }: Writing,
  start: number,
  written: (piece: Uint8Array) => void = () => undefined,
): Promise<void> {
  const { signal, onProgress } = options;
  let at = start;
  for await (const piece of client.attachments.download(reference, { range: { start }, signal })) {
    for (let from = 0; from < piece.length; ) {
      from += (await onDisk(file.write(piece, from, piece.length - from, at + from))).bytesWritten;
    }
    written(piece);
    at += piece.length;
    onProgress?.({ receivedBytes: at, totalBytes: reference.sizeBytes });
  }
}

/** Opens the part for reading and writing, and makes it if there is none. Never through a link that somebody put there. */
async function openPart(part: string): Promise<FileHandle> {
  const found = await lstat(part).catch(() => undefined);
  // One with two names was given its name before a crash: what is under the other one must not change.
  if (found !== undefined && (!found.isFile() || found.nlink > 1)) await unlink(part);
  return open(part, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o600);
}

/** Gives the part its name. */
async function name({ part, target, existing }: Saving): Promise<void> {
  if (existing === "replace") return rename(part, target);
  try {
    // Unlike a rename, this fails if somebody made a file of that name meanwhile.
    await link(part, target);
  } catch (error) {
    if (!NO_LINKS.has((error as NodeJS.ErrnoException).code)) throw error;
    await refuseExisting(target);
    return rename(part, target);
  }
  await unlink(part);
}

async function refuseExisting(target: string): Promise<void> {
  const found = await lstat(target).catch(() => undefined);
  if (found !== undefined)
    throw new SottoError("targetUnwritable", {
      detail: 'there is something of that name; existing: "replace" replaces a file',
    });
}

/** What the file system says, in a word of ours. */
async function onDisk<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof SottoError) throw error;
    throw new SottoError("targetUnwritable", { cause: error });
  }
}
