/** Groups as a log that was read would show them. */

import {
  type AccountId,
  type ConversationId,
  type GroupMember,
  type GroupState,
  parseAccountId,
} from "@sotto/protocol";
import type { GroupSnapshot } from "../../../../../sdk/core/groups/log/group-logs.js";
import { me } from "../../people.js";

export const group = "0123456789abcdef0123456789abcdef" as ConversationId;

/** An account that is easy to read in a failure. */
export const accountOf = (number: number): AccountId =>
  parseAccountId(`${number.toString(16).padStart(8, "0")}-0000-4000-8000-000000000000`);

/** The identity key of an account, as the log has it. */
export const identityOf = (account: AccountId): Uint8Array =>
  Uint8Array.of(5, ...new TextEncoder().encode(account.slice(0, 32)));

/** The hash of an account's delivery key, as the log has it. */
export const hashOf = (account: AccountId): Uint8Array => new TextEncoder().encode(account.slice(0, 32));

/** A member with all that the log says of it. */
export function memberOf(account: AccountId, over: Partial<GroupMember> = {}): GroupMember {
  return {
    ...{ account, role: "member", joinedSeq: 1, identityKey: identityOf(account), deliveryKeyHash: hashOf(account) },
    wrapKey: new Uint8Array(33),
    ...over,
  };
}

/** A group with these members; this account has joined it if it is among them. */
export function snapshotOf(
  id: ConversationId,
  members: readonly (Pick<GroupMember, "account"> & Partial<GroupMember>)[],
  over: Partial<GroupState> = {},
): GroupSnapshot {
  const state = {
    ...{
      group: id,
      seq: 9,
      head: new Uint8Array(32).fill(9),
      maxAccounts: 100,
      epoch: 1,
      audience: 0,
      rotation: "none",
    },
    members: members.map(({ account, ...rest }) => memberOf(account, rest)),
    ...{ waiting: [], invited: [], invite: "members", write: "members", edit: "members", approval: "off", timerMs: 0 },
    ...{ title: "", avatar: new Uint8Array(0), epochSeq: 1, checkpointSeq: 0 },
    ...over,
  } satisfies Record<keyof GroupState, unknown> as GroupState;
  const isIn = members.some(({ account }) => account === me);
  return { id, status: isIn ? "joined" : "left", state };
}
