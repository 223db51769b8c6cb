/**
 * The buckets of the store's table: every kind of small row the rules keep beside mail and accounts. STORAGE.md is made
 * from it. A name is never used again for something else.
 */

/** One kind of row in the table. */
export interface BucketRow {
  readonly key: string;
  readonly value: string;
  /** How long a row lives, and who deletes it before. */
  readonly deletedBy: string;
}

/** All buckets, by name. */
export const tableBuckets = {
  user: {
    key: "keyed hash of the issuer and the host's user",
    value: "16 bytes account id",
    deletedBy: "nobody",
  },
  pair: {
    key: "keyed hash of both accounts, the sender's identity key and the recipient's delivery key hash",
    value: "record: the first contact's message id, the ids of its repairs, and since when (ms)",
    deletedBy: "expire, 30 days after the first contact",
  },
  grant: {
    key: "keyed hash of the issuer and the nonce of a grant",
    value: "16 bytes message id it was used for",
    deletedBy: "expire, when the grant could not be used any more",
  },
  link: {
    key: "hex of the link id",
    value: "record: the account that opened it, its end (ms), the sealed steps left so far",
    deletedBy: "closeLink, expire, 10 minutes after it was opened",
  },
  parked: {
    key: "mailbox id",
    value: "hash of the token that the device left when it closed",
    deletedBy: "the device's next greeting, its removal, expire after 90 days",
  },
  uploadGrant: {
    key: "keyed hash of an upload's token",
    value: "record: the bytes it is good for, its end (ms); nobody's name",
    deletedBy: "the upload that it is spent for, expire, an hour after it was granted",
  },
  uploaded: {
    key: "keyed hash of an account",
    value: "record: the bytes it was granted to upload, by the day",
    deletedBy: "expire, once nothing can be left of what was granted last",
  },
  sanction: {
    key: "account id",
    value: "record: what the desk did to the account, by id, kind and end (ms)",
    deletedBy: "expire, 90 days after the last end; never while something is in force without one",
  },
  reported: {
    key: "hash of the reporter's account and the report's id",
    value: "nothing: the desk has this report",
    deletedBy: "expire, after 31 days",
  },
  stampKey: {
    key: "number of an epoch",
    value: "32 bytes the key that commitments taken in this epoch are stamped under",
    deletedBy: "expire, 31 days after the end of the epoch",
  },
  realm: {
    key: "`document`",
    value: "the realm document as the desk put it here",
    deletedBy: "nobody; the desk replaces it",
  },
} as const satisfies Record<string, BucketRow>;

/** A bucket's name. */
export type TableBucket = keyof typeof tableBuckets;
