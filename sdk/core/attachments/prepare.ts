/** What happens to a source before it is sealed, and what is said of it beside its bytes. */

import { type BlobReference, type MediaKind, SottoError } from "@sotto/protocol";
import type { MediaTools, PreparedImage, ReadableSource } from "../ports.js";
import type { Attachment, UploadOptions } from "./attachment.js";

/** The largest picture or sound that is looked into: it lies in memory meanwhile. */
const MAX_PREPARED_BYTES = 67_108_864;
/** Steps of a voice note's waveform. */
const WAVEFORM_STEPS = 64;
/** Bytes that tell a picture. */
const SIGNATURE_BYTES = 12;

/** What is uploaded, and what a reader is told of it before the download. */
export interface Prepared {
  readonly source: ReadableSource;
  readonly media: MediaKind;
  readonly shown: Pick<Attachment, "width" | "height" | "durationMs" | "waveform" | "blurhash">;
  /** A blob of its own. */
  readonly thumbnail?: PreparedImage["thumbnail"] | undefined;
}

/** What the app says of it. */
export type Wish = Pick<UploadOptions, "as" | "durationMs" | "waveform">;

/**
 * Looks into what is to be uploaded. A picture, said to be one or not, is made upright, stripped of its metadata, and given a
 * blurhash and a thumbnail; `as: "file"` sends it as it is. Of a voice note duration and waveform are measured, unless the
 * recorder that made it knows them.
 *
 * @throws mediaUnreadable, mediaToolMissing, tooLarge; what reading the source throws.
 */
export async function prepare(source: ReadableSource, wish: Wish, tools: MediaTools | undefined): Promise<Prepared> {
  const media = wish.as ?? ((await isPicture(source)) ? "image" : "file");
  const { durationMs, waveform } = wish;
  switch (media) {
    case "file":
    case "video":
      return { source, media, shown: { durationMs, waveform } };
    case "voice": {
      if (durationMs !== undefined && waveform !== undefined) return { source, media, shown: { durationMs, waveform } };
      const measured = await present(tools).sound(await whole(source), WAVEFORM_STEPS);
      return { source, media, shown: { ...measured, ...(durationMs === undefined ? {} : { durationMs }) } };
    }
    case "image": {
      const { bytes, mime, width, height, blurhash, thumbnail } = await present(tools).image(await whole(source));
      return { source: madeOf(source, bytes, mime), media, shown: { width, height, blurhash }, thumbnail };
    }
    default:
      return media satisfies never;
  }
}

/** The same bytes come of the same picture, so an upload of them goes on where it was. */
function madeOf({ name, identity }: ReadableSource, bytes: Uint8Array, mime: string): ReadableSource {
  const known = identity === undefined ? {} : { identity: `${identity}#image` };
  return { ...sourceOf(bytes, mime), ...known, name };
}

/** A source of bytes in memory. */
export function sourceOf(bytes: Uint8Array, mime: string): ReadableSource {
  return {
    sizeBytes: bytes.length,
    mime,
    async *read(from) {
      yield bytes.subarray(from);
    },
  };
}

/** A thumbnail as a content says it. */
export function thumbnailOf(
  { mime, width, height }: PreparedImage["thumbnail"],
  { id, key, digest, sizeBytes }: BlobReference,
): NonNullable<Attachment["thumbnail"]> {
  return { id, key, digest, sizeBytes, mime, width, height };
}

function present(tools: MediaTools | undefined): MediaTools {
  if (tools === undefined) throw new SottoError("mediaToolMissing", { detail: "this platform looks into no media" });
  return tools;
}

async function whole(source: ReadableSource): Promise<Uint8Array> {
  if (source.sizeBytes > MAX_PREPARED_BYTES)
    throw new SottoError("tooLarge", { detail: 'pictures and sounds have up to 64 MiB; pass as: "file" for more' });
  return beginning(source, source.sizeBytes);
}

/** The first bytes of a source; fewer if it has no more. */
async function beginning(source: ReadableSource, sizeBytes: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(Math.min(sizeBytes, source.sizeBytes));
  let at = 0;
  for await (const piece of source.read(0)) {
    const taken = piece.subarray(0, bytes.length - at);
    bytes.set(taken, at);
    at += taken.length;
    if (at === bytes.length) return bytes;
  }
  if (at < bytes.length) throw new SottoError("sourceUnreadable", { detail: "the source is shorter than it said" });
  return bytes;
}

/**
 * Whether bytes begin as pictures do that cameras and people make: what could say where it was taken must not pass for a file. Of
 * some the tools know nothing; then the app is told, and sends them as a file if it wants to.
 */
async function isPicture(source: ReadableSource): Promise<boolean> {
  const first = await beginning(source, SIGNATURE_BYTES);
  const text = String.fromCharCode(...first);
  return (
    text.startsWith("\xff\xd8\xff") ||
    text.startsWith("\x89PNG") ||
    text.startsWith("GIF8") ||
    text.startsWith("II*\0") ||
    text.startsWith("MM\0*") ||
    text.startsWith("IIU\0") ||
    text.startsWith("FUJIFILM") ||
    text.startsWith("\xff\x0a") ||
    text.startsWith("\0\0\0\fJXL ") ||
    (text.startsWith("RIFF") && text.endsWith("WEBP")) ||
    (text.slice(4, 8) === "ftyp" && PICTURE_BRANDS.has(text.slice(8)))
  );
}

/** Brands of ISO base media files that are pictures (ISO/IEC 23008-12), and Canon's of raw ones. */
const PICTURE_BRANDS: ReadonlySet<string> = new Set([
  ...["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"],
  ...["mif1", "mif2", "msf1", "avif", "avis", "crx "],
]);
