/** What a content says of an attachment: where its blob lies, what opens it, and what an app needs to show it before. */

import { limits } from "../limits.js";
import { bytes, choice, optional, record, type TypeOf, text, timeMs, uint } from "../schema/field.js";

/** What an attachment is shown as. */
export const mediaKinds = ["file", "image", "voice", "video"] as const;
/** What an attachment is shown as. */
export type MediaKind = (typeof mediaKinds)[number];

const pixels = uint(65_535, 1);

/** `id` names the blob, `key` opens it, `digest` is the SHA-256 of the plaintext without its padding, which has `sizeBytes`. */
export const blobFields = {
  id: bytes(16),
  key: bytes(32),
  digest: bytes(32),
  sizeBytes: uint(limits.attachmentBytes.value),
} as const;

/** What is said of a small picture beside its blob. */
export const thumbnailFields = { mime: text(limits.mimeBytes.value, 1), width: pixels, height: pixels } as const;

/** A small picture that stands for a larger one until that was downloaded; a blob of its own. */
export const thumbnail = record({ ...blobFields, ...thumbnailFields });

/** What is said of an attachment beside its blob and its thumbnail. All of it is its sender's word. */
export const attachmentFields = {
  media: choice(...mediaKinds),
  mime: text(limits.mimeBytes.value, 1),
  name: optional(text(limits.fileNameBytes.value, 1)),
  /** When the relay deletes the blob, by its clock. */
  expiresMs: timeMs,
  width: optional(pixels),
  height: optional(pixels),
  durationMs: optional(uint(0xffff_ffff)),
  /** The loudness of a sound over its duration, in equal steps, 0 to 255 each. */
  waveform: optional(bytes(1, 128)),
  /** https://blurha.sh */
  blurhash: optional(text(64, 6)),
} as const;

/** One attachment. */
export const attachment = record({ ...blobFields, ...attachmentFields, thumbnail: optional(thumbnail) });

/** One attachment, as a content says it. */
export type AttachmentReference = TypeOf<typeof attachment>;
/** A small picture, as a content says it. */
export type ThumbnailReference = TypeOf<typeof thumbnail>;
/** What a blob is found and opened with. */
export type BlobReference = Pick<ThumbnailReference, "id" | "key" | "digest" | "sizeBytes">;
