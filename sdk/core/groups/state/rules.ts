/** Who may change what in a group: the one copy of every rule, for entries that were read and for changes yet to be made. */

import {
  type AccountId,
  equalBytes,
  type GroupMember,
  type GroupRole,
  type GroupState,
  groupRoles,
  groupStateHash,
} from "@sotto/protocol";
import { accountsIn, isAdmin, isLastOwner, memberOf, standingOf } from "./permissions.js";
import { type GroupIntent, isCurveKey } from "./secrets-needed.js";

/** Why a change is against the rules: the failure of who wants to make it. `detail` names no account. */
export interface RuleBreach {
  readonly code: "groupDenied" | "groupFull" | "groupLeft" | "invitationGone" | "invalidArgument";
  readonly detail: string;
}

type Intent<Kind extends GroupIntent["kind"]> = Extract<GroupIntent, { readonly kind: Kind }>;
type Verdict = RuleBreach | undefined;

/** The rule that a change of this author breaks; `undefined` if it may make it. Secrets are `carriesExactly`'s. */
export function breachOf(state: GroupState, author: AccountId, intent: GroupIntent): Verdict {
  const standing = standingOf(state, author);
  switch (intent.kind) {
    case "accept":
    case "decline":
      if (standing !== "invited") return breach("invitationGone", "there is no open invitation");
      return intent.kind === "accept" ? ofKeys(intent) : undefined;
    case "leave":
      if (standing === "invited") return denied("who is invited declines");
      return standing === "none" ? gone() : undefined;
    case "keys":
      if (standing === "invited") return denied("who is invited has no keys in the log yet");
      return standing === "none" ? gone() : (ofKeys(intent) ?? ofSameKeys(state, author, intent));
    default: {
      const member = memberOf(state, author);
      if (member === undefined) return standing === "none" ? gone() : denied("only members change a group");
      return ofMember(state, member, intent);
    }
  }
}

function ofMember(
  state: GroupState,
  author: GroupMember,
  intent: Exclude<GroupIntent, Intent<"accept" | "decline" | "leave" | "keys">>,
): Verdict {
  switch (intent.kind) {
    case "invite":
      return ofInvite(state, author, intent);
    case "remove":
      return ofRemove(state, author, intent);
    case "role":
      return ofRole(state, author, intent);
    case "update":
      return ofUpdate(state, author, intent);
    case "admit":
      if (!isAdmin(author.role)) return denied("admins let others in");
      return standingOf(state, intent.account) === "waiting" ? undefined : invalid("this account does not wait");
    case "rotate":
      return isAdmin(author.role) ? undefined : denied("admins begin epochs");
    case "checkpoint":
      if (!isAdmin(author.role)) return denied("admins leave checkpoints");
      return equalBytes(intent.stateHash, groupStateHash(state)) ? undefined : invalid("this is another state's hash");
    default:
      return intent satisfies never;
  }
}

function ofInvite(state: GroupState, author: GroupMember, intent: Intent<"invite">): Verdict {
  if (state.invite === "admins" && !isAdmin(author.role)) return denied("admins invite here");
  if (standingOf(state, intent.account) !== "none") return invalid("this account is in the group, or invited");
  if (!isCurveKey(intent.identityKey) || !isCurveKey(intent.wrapKey)) return invalid("a key has the wrong type");
  return accountsIn(state) < state.maxAccounts ? undefined : breach("groupFull", "the group is at its cap");
}

function ofRemove(state: GroupState, author: GroupMember, { accounts }: Intent<"remove">): Verdict {
  if (accounts.length === 0) return invalid("nobody is named");
  if (accounts.some((account, at) => at > 0 && account <= (accounts[at - 1] as AccountId)))
    return invalid("the accounts are not in ascending order");
  for (const account of accounts) {
    if (account === author.account) return invalid("nobody removes itself; leave instead");
    const verdict = ofRemoving(state, author, account);
    if (verdict !== undefined) return verdict;
  }
  return undefined;
}

function ofRemoving(state: GroupState, author: GroupMember, account: AccountId): Verdict {
  const member = memberOf(state, account);
  if (member === undefined && standingOf(state, account) === "none") return invalid("this account is not in the group");
  if (author.role === "owner") return undefined;
  if (member !== undefined && isAdmin(member.role)) return denied("owners remove admins");
  if (isAdmin(author.role)) return undefined;
  const invited = state.invited.find((other) => other.account === account);
  return invited?.by === author.account ? undefined : denied("admins remove others");
}

function ofRole(state: GroupState, author: GroupMember, { account, role }: Intent<"role">): Verdict {
  const member = memberOf(state, account);
  if (member === undefined) return invalid("this account is no member");
  if (member.role === role) return invalid("this is its role already");
  if (account !== author.account) return author.role === "owner" ? undefined : denied("owners give roles");
  if (rank(role) > rank(member.role)) return denied("nobody promotes itself");
  return isLastOwner(state, account) ? denied("a group has an owner; name another one first") : undefined;
}

function rank(role: GroupRole): number {
  return groupRoles.indexOf(role);
}

/** The settings that `edit` may leave to all members. */
const EDITABLE = ["title", "avatar", "timerMs"] as const;
/** The settings that are admins'. */
const POLICIES = ["invite", "write", "edit", "approval"] as const;

function ofUpdate({ edit }: GroupState, { role }: GroupMember, intent: Intent<"update">): Verdict {
  const policy = POLICIES.some((name) => intent[name] !== undefined);
  if (!policy && EDITABLE.every((name) => intent[name] === undefined)) return invalid("no setting is named");
  if (isAdmin(role)) return undefined;
  if (policy) return denied("admins say who may do what");
  return edit === "members" ? undefined : denied("admins change title, picture and timer here");
}

function ofKeys({ wrapKey }: { readonly wrapKey: Uint8Array }): Verdict {
  return isCurveKey(wrapKey) ? undefined : invalid("a key has the wrong type");
}

function ofSameKeys(state: GroupState, author: AccountId, keys: Intent<"keys">): Verdict {
  const held = [...state.members, ...state.waiting].find(({ account }) => account === author);
  const same =
    held !== undefined &&
    equalBytes(held.wrapKey, keys.wrapKey) &&
    equalBytes(held.deliveryKeyHash, keys.deliveryKeyHash);
  return same ? invalid("these are its keys already") : undefined;
}

function breach(code: RuleBreach["code"], detail: string): RuleBreach {
  return { code, detail };
}

function denied(detail: string): RuleBreach {
  return breach("groupDenied", detail);
}

function invalid(detail: string): RuleBreach {
  return breach("invalidArgument", detail);
}

function gone(): RuleBreach {
  return breach("groupLeft", "the author is not in the group");
}
