/** What people and devices tell each other about groups inside pairwise sessions: invitations, sender keys, joined groups. */

import { decodeRecord, encodeRecord } from "../codec.js";
import { bytes, choice, conversationId, list, optional, record, type TypeOf, timeMs, uint } from "../schema/field.js";

const u32 = uint(0xffff_ffff);
const secret = bytes(32);

/**
 * An invitation: all its recipient needs to read the log and to accept. The payload's `group` names the invite entry, by
 * its number and its hash: a log without it is another one. `content` is of kind `invitation` and bears the payload's frank: what
 * is shown before the log was read.
 */
const invitation = record({
  epoch: u32,
  secret,
  /** The private half of the key that secrets are sealed to until the invitation is accepted. */
  wrapPrivate: bytes(32),
  content: bytes(1, 1_024),
});

/** The sender key of one device for one group, as libsignal's distribution message. */
const senderKey = record({ distribution: bytes(16), message: bytes(1, 1_024) });

/** Secrets of epochs that one account holds; an admin's gives the group's. */
const heldSecret = record({ epoch: u32, secret: optional(secret), adminSecret: optional(secret) });

/** Groups in one `groups` body. */
export const MAX_GROUPS_PER_BODY = 16;

/**
 * What a device knows of groups, for its account's other devices: where it stands in each (of two words the one with the
 * higher `version` counts), the newest secrets, and the entry it has read the log up to.
 */
const groups = record({
  groups: list(
    record({
      group: conversationId,
      version: u32,
      status: choice("invited", "joined", "left", "declined"),
      secrets: list(heldSecret, 8),
      seq: u32,
      head: bytes(32),
      /** Of an invitation that was not answered yet. */
      invitation: optional(record({ body: bytes(1, 2_048), by: bytes(16), atMs: timeMs })),
      /** The hash of title and avatar that this account was shown: a member said them in a message that can be reported. */
      shown: optional(bytes(32)),
    }),
    MAX_GROUPS_PER_BODY,
  ),
});

/** The bodies by payload type; PROTOCOL.md's tables are made from them. */
export const groupBodies = { invitation, senderKey, groups } as const;

type Bodies = typeof groupBodies;
/** The body of one type. */
export type GroupBody<Type extends keyof Bodies> = TypeOf<Bodies[Type]>;

/** The canonical bytes of a body. @throws invalidArgument for a field out of bounds. */
export function encodeGroupBody<Type extends keyof Bodies>(type: Type, body: GroupBody<Type>): Uint8Array<ArrayBuffer> {
  return encodeRecord(groupBodies[type] as never, body as never);
}

/** Reads a body. Byte fields are views of `encoded`. @throws badFrame if the bytes are no such body. */
export function decodeGroupBody<Type extends keyof Bodies>(type: Type, encoded: Uint8Array): GroupBody<Type> {
  return decodeRecord(groupBodies[type] as never, encoded) as GroupBody<Type>;
}
