/**
 * Every kind of row on disk. A key starts with one byte that names its kind; numbers are big-endian and of fixed
 * width, so that the order of the bytes is the order of the numbers. `row-keys.ts` and `log-rows.ts` build and read
 * the keys.
 */

/** The layout below. Raise it with any change of a key or value, and add a migration to `ordered/format.ts`. */
export const FORMAT_VERSION = 3;

/** One kind of row: its prefix, its key after the prefix, its value, and who deletes it. */
export interface RowKind {
  readonly prefix: number;
  readonly key: string;
  readonly value: string;
  readonly deletedBy: string;
}

/** All kinds of rows, by name. Prefixes are never reused. u16 and u48 are unsigned big-endian numbers of 2 and 6 bytes. */
export const catalogue = {
  format: {
    prefix: 0x00,
    key: "nothing",
    value: "u16 format version",
    deletedBy: "nobody",
  },
  numbers: {
    prefix: 0x01,
    key: "nothing",
    value: "u48 the highest number handed out, for mailboxes, revisions, shared ends and logs alike",
    deletedBy: "nobody",
  },
  /** Only while an older format is being rewritten: each batch says with its rows where the next one begins. */
  migration: {
    prefix: 0x02,
    key: "nothing",
    value: "the key from which a migration goes on that was broken off",
    deletedBy: "the start that marks the new format",
  },
  mailbox: {
    prefix: 0x10,
    key: "mailbox id",
    value: "u48 mailbox number",
    deletedBy: "drop",
  },
  /** Size and shared end stand in the key, so that a mailbox is loaded from its keys alone. */
  envelope: {
    prefix: 0x11,
    key: "u48 mailbox number, u48 cursor, u32 size of the whole body; behind them u48 shared end, only if it has one",
    value:
      "16 bytes message id, u48 accepted (ms), body without its shared end; the last 32 bytes of a whole body are the send's commitment",
    deletedBy: "acknowledge, expire, drop",
  },
  /** Sorts behind the mailbox's envelopes, so that no scan of them runs into the deleted rows of the next mailbox. */
  mailboxHead: {
    prefix: 0x11,
    key: "u48 mailbox number, u48 of ones, u32 of ones",
    value: "u48 floor (all cursors up to it are deleted), u48 last cursor when written, mailbox id",
    deletedBy: "drop",
  },
  /** One row for all sends of a commit, not one for each: a row under a random key would cost as much as the envelope. */
  dedupe: {
    prefix: 0x12,
    key: "u48 number of the row, rising",
    value: "for each send: 16 bytes message id, u48 accepted (ms), 32 bytes its commitment",
    deletedBy: "expire, once its newest send is 7 days old",
  },
  sharedEnd: {
    prefix: 0x13,
    key: "u48 shared end",
    value: "what the bodies of some envelopes end in, the send's commitment as its last 32 bytes",
    deletedBy: "acknowledge, expire, drop: with the last of these envelopes",
  },
  /** Apart from the bytes, which would be written again with every acknowledgement. */
  sharedEndCount: {
    prefix: 0x14,
    key: "u48 shared end",
    value: "u48 envelopes that end in it, at least one",
    deletedBy: "as the shared end, together with it",
  },
  prekey: {
    prefix: 0x20,
    key: "u8 length of the mailbox id, mailbox id, u8 kind, u48 key id",
    value: "public key with its signature, as uploaded",
    deletedBy: "takePrekey, discardPrekeys, drop",
  },
  prekeyHighest: {
    prefix: 0x21,
    key: "u8 length of the mailbox id, mailbox id, u8 kind",
    value: "u48 the highest key id ever added",
    deletedBy: "drop",
  },
  account: {
    prefix: 0x30,
    key: "account id",
    value: "u48 revision, u48 of zeros, document",
    deletedBy: "compareAndSet without a document",
  },
  table: {
    prefix: 0x31,
    key: "bucket, a zero byte, key",
    value: "u48 revision, u48 expiry (ms, 0 = never), value",
    deletedBy: "compareAndSet without a value, expire",
  },
  tableExpiry: {
    prefix: 0x32,
    key: "u48 expiry (ms), bucket, a zero byte, key",
    value: "nothing",
    deletedBy: "expire",
  },
  logHead: {
    prefix: 0x40,
    key: "group id",
    value:
      "u48 log number, u48 last entry, u48 its time (ms), u48 entries stored, u48 bytes of these, document of the rules",
    deletedBy: "expire of the logs",
  },
  /** The size stands in the key, so that a checkpoint deletes entries without reading them. */
  logEntry: {
    prefix: 0x41,
    key: "u48 log number, u48 number of the entry, u32 size of the entry",
    value: "u48 accepted (ms), entry",
    deletedBy: "putCheckpoint, expire of the logs",
  },
  logCheckpoint: {
    prefix: 0x42,
    key: "u48 log number",
    value: "u48 the entry it stands behind, checkpoint",
    deletedBy: "expire of the logs, together with the head",
  },
  /** A log whose head is deleted and whose entries are being deleted, in steps. */
  logRemains: {
    prefix: 0x43,
    key: "u48 log number",
    value: "nothing",
    deletedBy: "expire of the logs, with the last of the entries",
  },
} as const satisfies Record<string, RowKind>;
