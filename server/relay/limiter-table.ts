/** The one table of limiters: every path a caller can take has its row here, and a path without a row is a bug. */

import { attachmentLimiters } from "./attachments/attachment-limiters.js";
import { deskLimiters } from "./desk/desk-limiters.js";
import { groupLimiters } from "./group-limiters.js";

/** What a row counts by. `source` is the account on a device's connection and the address on an anonymous one. */
export type LimiterKey = "address" | "account" | "source" | "user" | "mailbox" | "group" | "connection";

/**
 * What happens when a bucket is empty: the request fails with `tooManyRequests` and `retryAfterMs`, the connection is
 * refused or closed, bundles come without one-time keys, or a notice is left out.
 */
export type LimiterAnswer = "tooManyRequests" | "refuseConnection" | "closeConnection" | "lastResortKeys" | "leaveOut";

/** One row. Buckets start full. */
export interface LimiterRow {
  readonly key: LimiterKey;
  /** Tokens in a full bucket: the burst that is fine. */
  readonly capacity: number;
  readonly refillPerSecond: number;
  readonly answer: LimiterAnswer;
  /**
   * When the bounded map of buckets holds `LIMITER_KEYS` keys and none is full again: `open` forgets the one used
   * longest ago, `closed` refuses newcomers. Closed only where passing costs us disk or costs others peace for good;
   * elsewhere a crowd of newcomers must not lock people out.
   */
  readonly whenCrowded: "open" | "closed";
  readonly why: string;
}

/** Buckets a row remembers at most: about 10 MB for a row, reached only under attack. */
export const LIMITER_KEYS = 65_536;

/** Every limiter, by name. The policy's `limiterScale` multiplies capacity and refill. */
export const limiterTable = {
  connectionsPerAddress: {
    key: "address",
    capacity: 1_000,
    refillPerSecond: 50,
    answer: "refuseConnection",
    whenCrowded: "open",
    why: "sockets opened; a provider's shared address stands for many people",
  },
  greetingsPerAddress: {
    key: "address",
    capacity: 1_000,
    refillPerSecond: 50,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "signatures we check for strangers",
  },
  registrationsPerAddress: {
    key: "address",
    capacity: 200,
    refillPerSecond: 0.5,
    answer: "tooManyRequests",
    whenCrowded: "closed",
    why: "each success stays on our disk",
  },
  registrationsPerUser: {
    key: "user",
    capacity: 20,
    refillPerSecond: 1 / 30,
    answer: "tooManyRequests",
    whenCrowded: "closed",
    why: "a stolen login must not turn an account over and over; contacts are warned each time",
  },
  resolvesPerAccount: {
    key: "account",
    capacity: 300,
    refillPerSecond: 1,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "slows down listing a host's users",
  },
  bundlesPerAccount: {
    key: "account",
    capacity: 300,
    refillPerSecond: 2,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "bundle fetches by one account",
  },
  bundlesPerAddress: {
    key: "address",
    capacity: 600,
    refillPerSecond: 5,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "anonymous bundle fetches",
  },
  bundlesPerTarget: {
    key: "account",
    capacity: 300,
    refillPerSecond: 0.5,
    answer: "lastResortKeys",
    whenCrowded: "open",
    why: "one-time keys must not be drained; refusing instead would let anybody make an account unreachable",
  },
  publishesPerAccount: {
    key: "account",
    capacity: 60,
    refillPerSecond: 0.2,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "up to 102 signatures to check in one request",
  },
  certificatesPerAccount: {
    key: "account",
    capacity: 60,
    refillPerSecond: 0.05,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "signatures we make; a device needs one a day",
  },
  accessChangesPerAccount: {
    key: "account",
    capacity: 60,
    refillPerSecond: 0.2,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "each rewrites the account's document",
  },
  deviceListsPerAccount: {
    key: "account",
    capacity: 120,
    refillPerSecond: 0.5,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "lists of an account's own devices",
  },
  deviceChangesPerAccount: {
    key: "account",
    capacity: 60,
    refillPerSecond: 0.2,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "names and revocations: each rewrites the account's document",
  },
  parksPerAccount: {
    key: "account",
    capacity: 120,
    refillPerSecond: 0.5,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "each is a row on our disk, one for a device; a device leaves one when it closes",
  },
  linksPerAccount: {
    key: "account",
    capacity: 20,
    refillPerSecond: 1 / 30,
    answer: "tooManyRequests",
    whenCrowded: "closed",
    why: "each may hold some 16 KB of our disk for ten minutes",
  },
  linkStepsPerSource: {
    key: "source",
    capacity: 200,
    refillPerSecond: 1,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "steps left in a link, two for each side; slows down guessing links",
  },
  linkLooksPerSource: {
    key: "source",
    capacity: 2_000,
    refillPerSecond: 20,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "each side looks a few times a second while people compare codes; slows down guessing links",
  },
  sendsPerAccount: {
    key: "account",
    capacity: 2_000,
    refillPerSecond: 100,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "identified sends by one account",
  },
  sendsPerAddress: {
    key: "address",
    capacity: 10_000,
    refillPerSecond: 500,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "anonymous sends; a provider's shared address stands for many people",
  },
  sendsPerRecipient: {
    key: "account",
    capacity: 4_000,
    refillPerSecond: 100,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "spent only by who may write, so that strangers cannot silence contacts",
  },
  bytesPerRecipient: {
    key: "account",
    capacity: 134_217_728,
    refillPerSecond: 524_288,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "ciphertext bytes towards one account; spent only by who may write",
  },
  firstContactsPerAccount: {
    key: "account",
    capacity: 100,
    refillPerSecond: 0.1,
    answer: "tooManyRequests",
    whenCrowded: "closed",
    why: "one sender towards strangers: unsolicited mail is the abuse people suffer from",
  },
  firstContactsPerRecipient: {
    key: "account",
    capacity: 200,
    refillPerSecond: 0.5,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "strangers towards one account, apart from its contacts",
  },
  identifiedPerRecipient: {
    key: "account",
    capacity: 1_000,
    refillPerSecond: 20,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "replies to a first contact and former contacts, apart from who holds the delivery key now",
  },
  lookUpsPerAccount: {
    key: "account",
    capacity: 400,
    refillPerSecond: 4,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "identified sends without a good delivery key: each looks up who wrote to whom before",
  },
  grantsPerAccount: {
    key: "account",
    capacity: 200,
    refillPerSecond: 0.5,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "signatures of the host we check, and keys of the host we fetch, for one sender",
  },
  ephemeralPerSource: {
    key: "source",
    capacity: 600,
    refillPerSecond: 30,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "typing and the like, never stored",
  },
  refusalsPerSource: {
    key: "source",
    capacity: 100,
    refillPerSecond: 0.5,
    answer: "tooManyRequests",
    whenCrowded: "open",
    why: "slows down guessing accounts and delivery keys; the answer comes as late as a refusal does",
  },
  ...groupLimiters,
  ...attachmentLimiters,
  ...deskLimiters,
  fullNoticesPerMailbox: {
    key: "mailbox",
    capacity: 1,
    refillPerSecond: 1 / 60,
    answer: "leaveOut",
    whenCrowded: "open",
    why: "the owner is told that the mailbox is full, not once for every refused envelope",
  },
  framesPerConnection: {
    key: "connection",
    capacity: 8_000,
    refillPerSecond: 2_000,
    answer: "closeConnection",
    whenCrowded: "open",
    why: "every frame of a connection, pings and acknowledgements included; kept in the connection itself",
  },
} as const satisfies Record<string, LimiterRow>;

/** The name of a limiter. */
export type LimiterName = keyof typeof limiterTable;
