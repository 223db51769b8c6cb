/**
 * The files of the blob folder. A file is named after a blob id and nothing else, in a sub-folder of the id's first two
 * digits; no text of a client is ever part of a path. Numbers are big-endian; u48 has 6 bytes. `checksum` is CRC-32 (IEEE).
 *
 * The data file is cut into segments of `SEGMENT_BYTES`, the last one shorter. A record of the journal says up to where the
 * data is on stable storage, and the checksum of the segment that ends there or is not full yet. A later record for the
 * same segment takes the place of the earlier one.
 */

import { type BlobId, parseBlobId } from "../ports.js";

/** The layout below. Raise it with any change, and migrate in `disk/open-folder.ts`. */
export const BLOB_FORMAT_VERSION = 1;
/** Bytes that one checksum covers: a reader holds as many before it hands any of them out. */
export const SEGMENT_BYTES = 262_144;

/** One kind of file: its name, what it holds, and who deletes it. */
export interface BlobFileKind {
  readonly name: string;
  readonly holds: string;
  readonly deletedBy: string;
}

/** All kinds of files in the blob folder. */
export const blobFiles = {
  format: {
    name: "`format`",
    holds: "the format version, as a decimal number and a line break",
    deletedBy: "nobody",
  },
  data: {
    name: "`<2 digits>/<id>.data`",
    holds: "the bytes of the blob; what lies behind the journal's last record is not part of it",
    deletedBy: "delete, expire",
  },
  journal: {
    name: "`<2 digits>/<id>.log`",
    holds:
      "`SOTTOBL1`, 16 bytes id, u48 length, u48 expiry (ms), u48 time by which it must be complete (ms), u32 checksum of these; then records: u48 end, u48 end that was durable before, u32 checksum of the segment up to this end, u32 checksum of the id, the record's number (u32) and these. A complete blob has one more, whose both ends are its length",
    deletedBy: "delete, expire; before the data",
  },
  newJournal: {
    name: "`<2 digits>/<id>.new`",
    holds: "a journal that is being written, before it gets its name",
    deletedBy: "open, expire",
  },
  corrupt: {
    name: "`<2 digits>/<id>.bad`",
    holds: "the journal of a blob that was found corrupt, and is none any more",
    deletedBy: "expire, with its data",
  },
} as const satisfies Record<string, BlobFileKind>;

/** The suffixes of the files that belong to a blob. */
const blobSuffixes = ["data", "log", "new", "bad"] as const;
/** The suffix of a file that belongs to a blob. */
type BlobSuffix = (typeof blobSuffixes)[number];

/** Whether a name is that of a sub-folder; they are made when they are needed. */
export function isFan(name: string): boolean {
  return /^[0-9a-f]{2}$/.test(name);
}

/** The sub-folder of a blob. */
export function fanOf(id: BlobId): string {
  return id.slice(0, 2);
}

/** The path of a blob's file, within the blob folder. */
export function blobPath(id: BlobId, suffix: BlobSuffix): string {
  return `${fanOf(id)}/${id}.${suffix}`;
}

/** What a name in a sub-folder stands for; `undefined` if no blob has such a file there. */
export function readBlobName(
  fan: string,
  name: string,
): { readonly id: BlobId; readonly suffix: BlobSuffix } | undefined {
  const id = parseBlobId(name.slice(0, 32));
  if (id === undefined || fanOf(id) !== fan || name[32] !== ".") return undefined;
  const suffix = blobSuffixes.find((known) => known === name.slice(33));
  return suffix === undefined ? undefined : { id, suffix };
}
