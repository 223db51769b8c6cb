/**
 * The form of a content that is committed to, which a report discloses: the canonical content bytes, but that each blob's id, key
 * and digest are replaced by one hash of them. So a report can show a message without what opens its attachments, and where it
 * does show that, the hash says whether it is the right one (PROTOCOL.md, Franking).
 */

import { attachmentFields, type BlobReference, blobFields, thumbnailFields } from "../attachment/reference.js";
import { decodeRecord, encodeRecord } from "../codec.js";
import { type Content, type ContentHeader, contentFields, decodeContent } from "../content/content.js";
import { annotatedFields, attachmentsFields, contentKinds, previewFields } from "../content/kinds.js";
import { SottoError } from "../failures.js";
import { limits } from "../limits.js";
import { bytes, type Field, list, type ObjectOf, optional, record, type TypeOf } from "../schema/field.js";
import { hash, u64 } from "./encoding.js";

const { id: _id, key: _key, digest: _digest, ...sizeOnly } = blobFields;
const sealed = { commitment: bytes(32), ...sizeOnly } as const;
const committedThumbnail = record({ ...sealed, ...thumbnailFields });
const committedAttachment = record({ ...sealed, ...attachmentFields, thumbnail: optional(committedThumbnail) });
const committedPreview = record({ ...previewFields, image: optional(committedThumbnail) });

/** The kinds whose committed form differs from the content itself. */
const committedBodies = {
  attachments: record({
    ...attachmentsFields,
    attachments: list(committedAttachment, limits.attachmentsPerContent.value, 1),
  }),
  annotated: record({ ...annotatedFields, preview: optional(committedPreview) }),
} as const;

type Redacted = keyof typeof committedBodies;
/** A content as it is committed to. Of a kind that names no blob it is the content. */
export type CommittedContent =
  | Exclude<Content, { readonly kind: Redacted }>
  | { [Kind in Redacted]: ContentHeader & { readonly kind: Kind } & TypeOf<(typeof committedBodies)[Kind]> }[Redacted];

const outer = record(contentFields);

/** What stands for a blob in the committed form. Hides its key, which is 32 random bytes. */
export function blobCommitment({ id, key, digest, sizeBytes }: BlobReference): Uint8Array<ArrayBuffer> {
  return hash("frank1/att", id, key, digest, u64(sizeBytes));
}

/**
 * The committed form of canonical content bytes: the same bytes where the content names no blob. Who has decoded them already
 * passes the content they spell.
 *
 * @throws badFrame if the bytes are no content.
 */
export function committedForm(encoded: Uint8Array, content: Content = decodeContent(encoded)): Uint8Array {
  switch (content.kind) {
    case "attachments":
      return form(encoded, content.kind, {
        ...content,
        attachments: content.attachments.map((attachment) => ({
          ...attachment,
          commitment: blobCommitment(attachment),
          thumbnail: redacted(attachment.thumbnail),
        })),
      });
    case "annotated": {
      const { preview } = content;
      const shown = preview === undefined ? undefined : { ...preview, image: redacted(preview.image) };
      return form(encoded, content.kind, { ...content, preview: shown });
    }
    default:
      return encoded;
  }
}

/**
 * Reads a committed form, strictly: one spelling. An unknown kind is a typed fallback, as in contents.
 *
 * @throws badFrame if the bytes are none.
 */
export function decodeCommitted(encoded: Uint8Array): CommittedContent {
  const { version: _version, kindNumber, body, ...header } = decodeRecord(outer, encoded);
  for (const kind of Object.keys(committedBodies) as Redacted[]) {
    if (contentKinds[kind].number !== kindNumber) continue;
    const fields = decodeRecord(committedBodies[kind] as Field<object>, body);
    return { ...header, kind, ...fields } as CommittedContent;
  }
  const content = decodeContent(encoded);
  if (isRedacted(content)) throw new SottoError("badFrame", { detail: "a content where its committed form belongs" });
  return content;
}

/** The blobs a content names, in the order in which its committed form commits to them: thumbnails behind their attachment. */
export function blobsOf(content: Content): readonly BlobReference[] {
  switch (content.kind) {
    case "attachments":
      return content.attachments.flatMap(({ thumbnail, ...attachment }) =>
        thumbnail === undefined ? [attachment] : [attachment, thumbnail],
      );
    case "annotated":
      return content.preview?.image === undefined ? [] : [content.preview.image];
    default:
      return [];
  }
}

/** The commitments to blobs in a committed form, in the same order as `blobsOf`. */
export function blobCommitmentsOf(content: CommittedContent): readonly Uint8Array[] {
  switch (content.kind) {
    case "attachments":
      return content.attachments.flatMap(({ commitment, thumbnail }) =>
        thumbnail === undefined ? [commitment] : [commitment, thumbnail.commitment],
      );
    case "annotated":
      return content.preview?.image === undefined ? [] : [content.preview.image.commitment];
    default:
      return [];
  }
}

function redacted<T extends BlobReference>(blob: T | undefined): (T & { readonly commitment: Uint8Array }) | undefined {
  return blob === undefined ? undefined : { ...blob, commitment: blobCommitment(blob) };
}

function form<Kind extends Redacted>(
  encoded: Uint8Array,
  kind: Kind,
  body: ObjectOf<Record<string, Field<unknown>>>,
): Uint8Array<ArrayBuffer> {
  const header = decodeRecord(outer, encoded);
  return encodeRecord(outer, { ...header, body: encodeRecord(committedBodies[kind] as Field<unknown>, body) });
}

function isRedacted(content: Content): content is Extract<Content, { readonly kind: Redacted }> {
  return content.kind in committedBodies;
}
