/** From what an app hands over to something that can be read: the only place that looks at what it is. */

import { limits, SottoError, toHex } from "@sotto/protocol";
import { Cancellation } from "../cancellation.js";
import { pause } from "../devices/pause.js";
import type { AbortSignalLike, Clock, Hashing, ReadableSource } from "../ports.js";
import type { BlobLike, FileUrl, UploadOptions, UploadSource } from "./attachment.js";

/** Bytes of a Blob read at once. */
const WINDOW_BYTES = 1_048_576;
/** Bytes of a stream that are kept to be read once more. */
const MAX_BEGINNING_BYTES = 65_536;
/** Bytes hashed before other work gets its turn. */
const HASHED_AT_ONCE = 16 * WINDOW_BYTES;

/** What opening a source needs. */
export interface SourceParts {
  readonly clock: Clock;
  readonly sha256: () => Hashing;
  readonly openFile: ((path: string) => Promise<ReadableSource>) | undefined;
}

/** A source. `place` names where it is over changes of what it holds; none where that cannot be said. */
export type OpenSource =
  | {
      readonly kind: "readable";
      readonly readable: ReadableSource;
      readonly place: string | undefined;
      /** What it reads, if that is a stream. */
      readonly stream?: AsyncIterable<unknown>;
    }
  | { readonly kind: "stream"; readonly stream: AsyncIterable<unknown>; readonly place: string | undefined };

/** What of the options says which source it is. */
export type SourceOptions = Pick<UploadOptions, "sizeBytes" | "resume" | "signal">;

/**
 * Opens a source.
 *
 * @throws invalidArgument for what is no source; sourceUnreadable for a file that cannot be opened; aborted.
 */
export async function openSource(
  parts: SourceParts,
  source: UploadSource,
  { sizeBytes, resume, signal }: SourceOptions,
): Promise<OpenSource> {
  const named = resume === undefined ? undefined : `resume:${resume}`;
  const readable = (opened: ReadableSource, place: string | undefined): OpenSource => {
    const identity = opened.identity ?? named;
    return { kind: "readable", readable: identity === undefined ? opened : { ...opened, identity }, place };
  };
  if (typeof source === "string") return readable(await openFile(parts, source), named ?? `path:${source}`);
  if (source instanceof Uint8Array) {
    const bytes = ofBytes(source, await hashOf(parts, source, signal));
    return readable(bytes, named ?? bytes.identity);
  }
  if (typeof source !== "object" || source === null) throw noSource();
  if (isBlob(source)) {
    const blob = ofBlob(source);
    return readable(blob, named ?? blob.identity);
  }
  if (isFileUrl(source)) return readable(await openFile(parts, source.href), named ?? `path:${source.href}`);
  if (!isStream(source)) throw noSource();
  hearFailures(source);
  const path = sizeBytes === undefined ? wholeFileOf(source) : undefined;
  if (path !== undefined && parts.openFile !== undefined) {
    // Nobody reads it: the file is opened anew, as often as is needed.
    const file = await openFile(parts, path).finally(() => endStream(source));
    return readable(file, named ?? `path:${path}`);
  }
  if (sizeBytes === undefined) return { kind: "stream", stream: source, place: named };
  return { ...readable(ofStream(source, sizeBytes), named), stream: source };
}

function noSource(): SottoError {
  return new SottoError("invalidArgument", {
    detail: "upload takes bytes, a Blob or File, a path or file: URL, or a stream of bytes",
  });
}

/** Lets go of a source that is not read any more. Idempotent. */
export function letGo({ stream }: OpenSource): void {
  if (stream !== undefined) endStream(stream);
}

/**
 * A stream of Node that fails while nobody reads it, because it waits for its turn or was ended, would end the app's process.
 * Whoever reads it later is told all the same.
 */
function hearFailures(stream: AsyncIterable<unknown>): void {
  if ("on" in stream && typeof stream.on === "function") stream.on("error", () => undefined);
}

/** Ends a stream. Those of Node have to be destroyed: leaving a loop that never began does nothing. */
export function endStream(stream: AsyncIterable<unknown>): void {
  if ("destroy" in stream && typeof stream.destroy === "function") stream.destroy();
  else
    stream[Symbol.asyncIterator]()
      .return?.()
      .catch(() => undefined);
}

/** A size as an app may say it. @throws invalidArgument for anything else. */
export function assertSize(sizeBytes: number | undefined): void {
  if (sizeBytes !== undefined && !(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0))
    throw new SottoError("invalidArgument", { detail: "sizeBytes is a whole number of bytes" });
}

/** @throws tooLarge for more than any attachment has. */
export function assertFits({ sizeBytes }: ReadableSource): void {
  if (sizeBytes > limits.attachmentBytes.value)
    throw new SottoError("tooLarge", { detail: `an attachment has at most ${limits.attachmentBytes.value} bytes` });
}

async function openFile({ openFile: open }: SourceParts, path: string): Promise<ReadableSource> {
  if (open === undefined)
    throw new SottoError("invalidArgument", { detail: "there are no paths here; pass bytes, a File or a stream" });
  return open(path);
}

/** Bytes in memory, known again by what they are. */
function ofBytes(bytes: Uint8Array, digest: Uint8Array): ReadableSource {
  return {
    sizeBytes: bytes.length,
    identity: `bytes:${toHex(digest)}`,
    async *read(from) {
      yield bytes.subarray(from);
    },
  };
}

/** A Blob. Only a File is known again: by its name, size and time. */
function ofBlob(blob: BlobLike): ReadableSource {
  const { size, name, type, lastModified } = blob;
  return {
    sizeBytes: size,
    name,
    mime: type === "" ? undefined : type,
    identity: name === undefined ? undefined : `file:${size}:${lastModified ?? 0}:${name}`,
    async *read(from) {
      for (let at = from; at < size; at += WINDOW_BYTES) yield await windowOf(blob, at);
    },
  };
}

async function windowOf(blob: BlobLike, at: number): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.slice(at, Math.min(blob.size, at + WINDOW_BYTES)).arrayBuffer());
  } catch (cause) {
    throw new SottoError("sourceUnreadable", { cause });
  }
}

/**
 * A stream whose length is known: it can be read once, but that its beginning may be looked at before.
 *
 * Pieces are kept until there are enough for that, and let go of with the next one.
 */
function ofStream(stream: AsyncIterable<unknown>, sizeBytes: number): ReadableSource {
  const pieces = stream[Symbol.asyncIterator]();
  const beginning: Uint8Array[] = [];
  let keptBytes = 0;
  let isSpent = false;
  return {
    sizeBytes,
    async *read(from) {
      if (from !== 0 || isSpent) throw unreadable("the upload began anew, and the stream cannot");
      yield* beginning;
      for (;;) {
        const piece = await nextOf(pieces);
        if (piece === undefined) return;
        isSpent ||= keptBytes >= MAX_BEGINNING_BYTES;
        keptBytes += piece.length;
        if (isSpent) beginning.length = 0;
        else beginning.push(piece);
        yield piece;
      }
    },
  };
}

/** The next piece of an app's stream; `undefined` at its end. @throws sourceUnreadable. */
export async function nextOf(pieces: AsyncIterator<unknown>): Promise<Uint8Array | undefined> {
  const { value, done } = await pieces.next().catch((cause: unknown) => {
    throw cause instanceof SottoError ? cause : new SottoError("sourceUnreadable", { cause });
  });
  if (done === true) return undefined;
  if (!(value instanceof Uint8Array)) throw unreadable("a stream to upload yields Uint8Arrays");
  return value;
}

function unreadable(detail: string): SottoError {
  return new SottoError("sourceUnreadable", { detail });
}

async function hashOf(
  { sha256, clock }: SourceParts,
  bytes: Uint8Array,
  signal: AbortSignalLike = new Cancellation(),
): Promise<Uint8Array> {
  const hashing = sha256();
  for (let at = 0; at < bytes.length; at += HASHED_AT_ONCE) {
    if (at > 0) await pause(clock, 0, signal);
    hashing.update(bytes.subarray(at, at + HASHED_AT_ONCE));
  }
  return hashing.digest();
}

function isBlob(source: object): source is BlobLike {
  return (
    "size" in source &&
    typeof source.size === "number" &&
    "type" in source &&
    typeof source.type === "string" &&
    "slice" in source &&
    typeof source.slice === "function"
  );
}

function isFileUrl(source: object): source is FileUrl {
  return "href" in source && typeof source.href === "string" && "protocol" in source && source.protocol === "file:";
}

function isStream(source: object): source is AsyncIterable<Uint8Array> {
  return Symbol.asyncIterator in source && typeof source[Symbol.asyncIterator] === "function";
}

/** The path of a Node file stream of which nothing was read and nothing is left out; its size need not be guessed then. */
function wholeFileOf(stream: object): string | undefined {
  if (!("path" in stream && typeof stream.path === "string" && "bytesRead" in stream && stream.bytesRead === 0))
    return undefined;
  const start = "start" in stream ? (stream.start ?? 0) : 0;
  const end = "end" in stream ? (stream.end ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
  return start === 0 && end === Number.POSITIVE_INFINITY && stream.path !== "" ? stream.path : undefined;
}
