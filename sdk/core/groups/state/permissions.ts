/** Who stands where in a group, and what that lets it do: the questions that everything else asks of a state. */

import type { AccountId, GroupMember, GroupRole, GroupState, InvitedAccount } from "@sotto/protocol";

/** How an account stands to a group. */
export type Standing = "member" | "waiting" | "invited" | "none";

/** How an account stands to the group. */
export function standingOf(state: GroupState, account: AccountId): Standing {
  if (memberOf(state, account) !== undefined) return "member";
  if (state.waiting.some((waiting) => waiting.account === account)) return "waiting";
  return state.invited.some((invited) => invited.account === account) ? "invited" : "none";
}

/** The member that an account is, with its role and keys; `undefined` if it is none. */
export function memberOf(state: GroupState, account: AccountId): GroupMember | undefined {
  return state.members.find((member) => member.account === account);
}

/** The key that entries of this account are signed by; `undefined` for who has no say in the log. */
export function identityKeyOf(state: GroupState, account: AccountId): Uint8Array | undefined {
  const { members, waiting, invited } = state;
  const is = (other: { readonly account: AccountId }) => other.account === account;
  return (members.find(is) ?? waiting.find(is) ?? invited.find(is))?.identityKey;
}

/** Whether this account may write messages: a member, and in an announcement group an admin. */
export function mayWrite(state: GroupState, account: AccountId): boolean {
  const member = memberOf(state, account);
  return member !== undefined && (state.write === "members" || isAdmin(member.role));
}

/** Whether a role may do what admins may; owners may. */
export function isAdmin(role: GroupRole): boolean {
  switch (role) {
    case "member":
      return false;
    case "admin":
    case "owner":
      return true;
    default:
      return role satisfies never;
  }
}

/** Accounts that count against the group's cap. */
export function accountsIn({ members, waiting, invited }: GroupState): number {
  return members.length + waiting.length + invited.length;
}

/**
 * The open invitations of these members. They end when their makers go: who made one holds the key that new secrets are
 * sealed to until it is answered.
 */
export function invitationsBy({ invited }: GroupState, inviters: readonly AccountId[]): readonly InvitedAccount[] {
  return invited.filter(({ by }) => inviters.includes(by));
}

/** Whether this member is the only owner. */
export function isLastOwner(state: GroupState, account: AccountId): boolean {
  return state.members.every((member) => (member.role === "owner") === (member.account === account));
}

/** Who owns the group once this last owner has left: the admin, else the member, who joined first; `undefined` if nobody stays. */
export function successorOf(state: GroupState, owner: AccountId): GroupMember | undefined {
  const others = state.members.filter(({ account }) => account !== owner);
  return others.find(({ role }) => role === "admin") ?? others[0];
}

/** Whether the present epoch lacks the checkpoint without which nobody who comes later could read the log. */
export function isCheckpointDue({ epoch, epochSeq, checkpointSeq }: GroupState): boolean {
  return epoch > 1 && checkpointSeq < epochSeq;
}
