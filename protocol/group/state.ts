/** The state of a group, in the one encoding that checkpoints, invitations and stores share. */

import { decodeRecord, encodeRecord } from "../codec.js";
import { digest, labelled } from "../derive.js";
import { limits } from "../limits.js";
import { accountId, bytes, choice, conversationId, list, record, type TypeOf, text, uint } from "../schema/field.js";
import { groupRoles } from "./entries.js";

const { value: MAX_ACCOUNTS } = limits.groupAccounts;
const u32 = uint(0xffff_ffff);
const curveKey = bytes(33);
const who = choice("members", "admins");
const memberKeys = { identityKey: curveKey, wrapKey: curveKey, deliveryKeyHash: bytes(32) } as const;

/** Everything that valid entries of a log add up to; PROTOCOL.md's table is made from this record. */
export const groupStateFields = {
  version: uint(1, 1),
  group: conversationId,
  /** The number of the last entry, valid or not. */
  seq: u32,
  /** The hash of the last valid entry. */
  head: bytes(32),
  maxAccounts: uint(MAX_ACCOUNTS, 1),
  /** Counts new secrets; the first epoch is 1. */
  epoch: u32,
  /** Counts what takes somebody's reach away: with each, senders use a new sender key. */
  audience: u32,
  /** The number of the entry that began the epoch. */
  epochSeq: u32,
  /** The number of the last valid checkpoint; 0 before the first. */
  checkpointSeq: u32,
  /** `due`: somebody left, declined or revoked a device since the epoch began; its secret is known where it should not be. */
  rotation: choice("none", "due"),
  /** In the order in which they joined. */
  members: list(
    record({ account: accountId, role: choice(...groupRoles), joinedSeq: u32, ...memberKeys }),
    MAX_ACCOUNTS,
  ),
  /** They accepted, and wait for an admin. */
  waiting: list(record({ account: accountId, by: accountId, ...memberKeys }), MAX_ACCOUNTS),
  invited: list(
    record({
      account: accountId,
      by: accountId,
      byRole: choice(...groupRoles),
      identityKey: curveKey,
      wrapKey: curveKey,
    }),
    MAX_ACCOUNTS,
  ),
  invite: who,
  write: who,
  edit: who,
  approval: choice("off", "on"),
  timerMs: uint(Number.MAX_SAFE_INTEGER),
  title: text(limits.groupTitleBytes.value),
  avatar: bytes(0, limits.groupAvatarBytes.value),
} as const;

const stateRecord = record(groupStateFields);

/** The state of a group after an entry of its log. Immutable. */
export type GroupState = Omit<TypeOf<typeof stateRecord>, "version">;
/** A member of a group. */
export type GroupMember = GroupState["members"][number];
/** An account that was invited and did not answer yet. */
export type InvitedAccount = GroupState["invited"][number];
/** An account that accepted and waits for an admin. */
export type WaitingAccount = GroupState["waiting"][number];

/** The canonical bytes of a state. @throws invalidArgument for a field out of bounds. */
export function encodeGroupState(state: GroupState): Uint8Array<ArrayBuffer> {
  return encodeRecord(stateRecord, { version: 1, ...state });
}

/** Reads a state. @throws badFrame if the bytes are none. */
export function decodeGroupState(encoded: Uint8Array): GroupState {
  const { version: _version, ...state } = decodeRecord(stateRecord, encoded);
  return state;
}

/** What a checkpoint entry says of the state before it. */
export function groupStateHash(state: GroupState): Uint8Array<ArrayBuffer> {
  return digest(labelled("sotto/group-state/1", encodeGroupState(state)));
}
