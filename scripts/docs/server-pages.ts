/** The relay's reference pages, made whole from its tables. */

import { BLOB_FORMAT_VERSION, type BlobFileKind, blobFiles, SEGMENT_BYTES } from "../../server/blobs/layout.js";
import { deskSettingsReference } from "../../server/desk/settings.js";
import { settingsReference } from "../../server/ops/settings-text.js";
import { LIMITER_KEYS, type LimiterRow, limiterTable } from "../../server/relay/limiter-table.js";
import { type BucketRow, tableBuckets } from "../../server/relay/table-buckets.js";
import { catalogue, FORMAT_VERSION, type RowKind } from "../../server/store/catalogue.js";
import { grouped, table } from "./table.js";

/** Every page, by its path from the repository's root. */
export const serverPages: Readonly<Record<string, () => string>> = {
  "server/SETTINGS.md": settingsReference,
  "server/DESK_SETTINGS.md": deskSettingsReference,
  "server/LIMITERS.md": limiters,
  "server/STORAGE.md": storage,
};

function limiters(): string {
  const rows = Object.entries<LimiterRow>(limiterTable).map(
    ([name, { key, capacity, refillPerSecond, answer, whenCrowded, why }]) => [
      `\`${name}\``,
      key,
      grouped(capacity),
      rate(refillPerSecond),
      answer,
      whenCrowded,
      why,
    ],
  );
  return page("Limiters of the relay", "relay/limiter-table.ts", [
    "Each row is a token bucket for every value of its key. Buckets start full. `source` is the account on a device's",
    "connection and the address on an anonymous one. *When empty* says what happens to a caller whose bucket is empty.",
    `A row remembers at most ${grouped(LIMITER_KEYS)} buckets; *when crowded* says what happens to a newcomer when none of`,
    "them can be forgotten without harm: `open` lets it in, `closed` refuses it.",
    "",
    table(["Limiter", "Counts by", "Burst", "Refill", "When empty", "When crowded", "What it bounds, and why"], rows),
  ]);
}

function rate(perSecond: number): string {
  if (perSecond >= 1) return `${grouped(perSecond)} a second`;
  return perSecond * 60 >= 1 ? `${grouped(perSecond * 60)} a minute` : `${grouped(perSecond * 3_600)} an hour`;
}

function storage(): string {
  const rows = Object.entries<RowKind>(catalogue).map(([name, { prefix, key, value, deletedBy }]) => [
    `\`${name}\``,
    `\`${prefix.toString(16).padStart(2, "0")}\``,
    key,
    value,
    deletedBy,
  ]);
  const buckets = Object.entries<BucketRow>(tableBuckets).map(([name, { key, value, deletedBy }]) => [
    `\`${name}\``,
    key,
    value,
    deletedBy,
  ]);
  return page("Rows of the relay's store", "store/catalogue.ts", [
    `Format version ${FORMAT_VERSION}. A key starts with one byte, its prefix. u16, u32 and u48 are unsigned big-endian numbers of`,
    "2, 4 and 6 bytes, so that the order of the bytes is the order of the numbers.",
    "",
    table(["Row", "Prefix", "Key after the prefix", "Value", "Deleted by"], rows),
    "",
    "## Buckets of `table`",
    "",
    "What the rules keep there, made from the table in `relay/table-buckets.ts`. A keyed hash does not say whose row it is.",
    "",
    table(["Bucket", "Key", "Value", "Deleted by"], buckets),
    "",
    "## Files of the blob folder",
    "",
    `Format version ${BLOB_FORMAT_VERSION}, made from the table in \`blobs/layout.ts\`. A blob is named by 32 hex digits; a sub-folder by the first`,
    `two of them. A segment has ${grouped(SEGMENT_BYTES)} bytes of the data, the last one of a blob fewer. A record says up to where the data is on`,
    "stable storage; a later record of the same segment takes the place of the earlier one. Checksums are CRC-32 (IEEE).",
    "",
    table(
      ["File", "Name", "Holds", "Deleted by"],
      Object.entries<BlobFileKind>(blobFiles).map(([kind, { name, holds, deletedBy }]) => [
        `\`${kind}\``,
        name,
        holds,
        deletedBy,
      ]),
    ),
  ]);
}

function page(title: string, source: string, body: readonly string[]): string {
  return [`# ${title}`, "", `Made from the table in \`${source}\`; do not edit by hand.`, "", ...body, ""].join("\n");
}
