/** The limiters of realm, desk and reports, a part of the one table. The desk itself is bound by its requests in flight alone. */

import type { LimiterRow } from "../limiter-table.js";

/** Rows by name. */
export const deskLimiters = {
  realmsPerAccount: {
    key: "account",
    capacity: 120,
    refillPerSecond: 0.2,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "the realm document, up to 768 KiB each; a device asks when it comes, and when it is told of news",
  },
  asksPerAccount: {
    key: "account",
    capacity: 120,
    refillPerSecond: 0.5,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "what one account asks the desk: each may wait for 15 s, and costs the desk signatures",
  },
  reportsPerAccount: {
    key: "account",
    capacity: 30,
    refillPerSecond: 1 / 600,
    answer: "tooManyRequests",
    whenCrowded: "closed",
    why: "each stays on our disk until the desk has it, and takes a moderator's time",
  },
  reportBytesPerAccount: {
    key: "account",
    capacity: 33_554_432,
    refillPerSecond: 1_024,
    answer: "tooManyRequests",
    whenCrowded: "closed",
    why: "sealed layers of up to 1 MiB each: one account must not fill the room there is for all reports",
  },
  realmReadsPerAddress: {
    key: "address",
    capacity: 300,
    refillPerSecond: 2,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "the realm document and the moderators' statement at their well-known addresses",
  },
} as const satisfies Record<string, LimiterRow>;
