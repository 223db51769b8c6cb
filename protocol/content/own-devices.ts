/** What devices of one account tell each other besides messages: account state, and history in parts. */

import { decodeRecord, encodeRecord } from "../codec.js";
import { accountRoles, firstContactPolicies } from "../frames.js";
import { MAX_EVIDENCE_BYTES } from "../frank/evidence.js";
import { limits } from "../limits.js";
import {
  accountId,
  bytes,
  choice,
  list,
  messageId,
  optional,
  record,
  type TypeOf,
  text,
  timeMs,
  uint,
} from "../schema/field.js";

const version = uint(0xffff_ffff);
const profileKey = bytes(32);
const name = optional(text(limits.profileNameBytes.value, 1));

/** How two accounts stand to each other, from this account's side. */
export const relations = ["none", "received", "sent", "accepted", "declined", "blocked"] as const;

/** How two accounts stand to each other, from this account's side. */
export type Relation = (typeof relations)[number];

/**
 * What this account decided about another, and what it knows of it. Of two, the one with the higher `version` counts; of
 * the same version, the relation further right in `relations`.
 */
const contactState = record({
  account: accountId,
  version,
  relation: choice(...relations),
  userId: optional(text(limits.userIdBytes.value, 1)),
  identityKey: optional(bytes(33)),
  verification: choice("unverified", "verified", "changed"),
  profileKey: optional(profileKey),
  name,
  /** What the host says it is, as far as this device heard: a bot stays one until it is heard to be a person. */
  role: choice(...accountRoles),
});

/** The account's own settings; each has a version, and of equal versions the greater value counts. */
const ownState = record({
  profileKey,
  profileKeyVersion: version,
  name,
  nameVersion: version,
  policy: choice(...firstContactPolicies),
  policyVersion: version,
});

/** Contacts in one `state` body; more go in further ones. */
export const MAX_CONTACTS_PER_STATE = 100;

/**
 * What a device decided and knows. `last` tells a device that was just linked that, with this body, it was told everything
 * its teller knows; anywhere else it says `no`.
 */
const state = record({
  own: optional(ownState),
  contacts: list(contactState, MAX_CONTACTS_PER_STATE),
  last: choice("no", "yes"),
});

/** Entries in one `archive` body, whatever their size. */
export const MAX_ENTRIES_PER_ARCHIVE = 256;

/**
 * One message of the history: its content as it was received or sent, so that it keeps its evidence, and what became of
 * it. `content` is empty for a message that was deleted for everyone.
 */
const archiveEntry = record({
  peer: accountId,
  from: accountId,
  messageId,
  content: bytes(0, limits.contentBytes.value),
  hash: bytes(32),
  acceptedMs: timeMs,
  counter: uint(Number.MAX_SAFE_INTEGER),
  status: choice("received", "accepted", "delivered", "read"),
  edit: optional(bytes(1, limits.contentBytes.value)),
  /** What the teller keeps of the franks of the content and of its edit; without it the new device cannot report them. */
  evidence: optional(bytes(1, MAX_EVIDENCE_BYTES)),
  editEvidence: optional(bytes(1, MAX_EVIDENCE_BYTES)),
  deletedMs: optional(timeMs),
  reactions: list(
    record({
      from: accountId,
      emoji: text(limits.reactionBytes.value, 1),
      action: choice("add", "remove"),
      sentAtMs: timeMs,
      device: uint(127),
      counter: uint(Number.MAX_SAFE_INTEGER),
    }),
    256,
  ),
});

/** One part of a history. `done` of `total` entries have been sent with it; `last` ends the transfer. */
const archive = record({
  transfer: bytes(16),
  part: uint(0xffff_ffff),
  last: choice("no", "yes"),
  done: uint(Number.MAX_SAFE_INTEGER),
  total: uint(Number.MAX_SAFE_INTEGER),
  entries: list(archiveEntry, MAX_ENTRIES_PER_ARCHIVE),
});

/** Says that a part, and all before it, is durable. */
const archived = record({ transfer: bytes(16), part: uint(0xffff_ffff) });

/** The bodies by payload type; PROTOCOL.md's tables are made from them. */
export const ownBodies = { state, archive, archived } as const;

type Bodies = typeof ownBodies;
/** The body of one type. */
export type OwnBody<Type extends keyof Bodies> = TypeOf<Bodies[Type]>;
/** One contact of a `state` body. */
export type ContactState = TypeOf<typeof contactState>;
/** The account's own settings of a `state` body. */
export type OwnState = TypeOf<typeof ownState>;
/** One message of an `archive` body. */
export type ArchiveEntry = TypeOf<typeof archiveEntry>;

/**
 * The canonical bytes of a body.
 *
 * @throws invalidArgument for a field out of bounds.
 */
export function encodeOwnBody<Type extends keyof Bodies>(type: Type, body: OwnBody<Type>): Uint8Array<ArrayBuffer> {
  return encodeRecord(ownBodies[type] as never, body as never);
}

/**
 * Reads a body. Byte fields are views of `encoded`.
 *
 * @throws badFrame if the bytes are no such body.
 */
export function decodeOwnBody<Type extends keyof Bodies>(type: Type, encoded: Uint8Array): OwnBody<Type> {
  return decodeRecord(ownBodies[type] as never, encoded) as OwnBody<Type>;
}
