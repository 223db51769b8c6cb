/** The limiters of attachments, a part of the one table. Uploads and downloads name no account, so they count by address. */

import type { LimiterRow } from "../limiter-table.js";

/** Rows by name. The bytes of uploads have no row: nobody can write more than was granted to an account out of its quota. */
export const attachmentLimiters = {
  uploadGrantsPerAccount: {
    key: "account",
    capacity: 200,
    refillPerSecond: 0.5,
    answer: "tooManyRequests",
    whenCrowded: "closed",
    why: "each is a row on our disk for an hour, and lets a file be begun there",
  },
  uploadsPerAddress: {
    key: "address",
    capacity: 400,
    refillPerSecond: 2,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "uploads begun, refused ones included; slows down guessing tokens",
  },
  uploadStepsPerAddress: {
    key: "address",
    capacity: 4_000,
    refillPerSecond: 50,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "parts of uploads, looks at how far they came, deletions; slows down guessing uploads",
  },
  downloadsPerAddress: {
    key: "address",
    capacity: 8_000,
    refillPerSecond: 100,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "ranges of attachments asked for; slows down guessing blobs",
  },
  downloadBytesPerAddress: {
    key: "address",
    capacity: 34_359_738_368,
    refillPerSecond: 67_108_864,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "a small request is answered with gigabytes; what was asked for counts, also if it is not taken",
  },
} as const satisfies Record<string, LimiterRow>;
