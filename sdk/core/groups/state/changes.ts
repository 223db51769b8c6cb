/** What a valid change makes of a state. Asks nothing: whether its author may make it is rules.ts's business. */

import {
  type AccountId,
  equalBytes,
  type GroupChange,
  type GroupEntryBody,
  type GroupMember,
  type GroupState,
  type InvitedAccount,
} from "@sotto/protocol";
import type { GroupEffect } from "./effects.js";
import { invitationsBy, isAdmin, isLastOwner, memberOf, successorOf } from "./permissions.js";

/** A state, but for where in the log it is. */
type Next = Omit<GroupState, "seq" | "head">;
type Change<Kind extends GroupChange["kind"]> = Extract<GroupChange, { readonly kind: Kind }>;

/** A change with its author and its number. */
interface Step<C = Exclude<GroupChange, { readonly kind: "create" }>> {
  readonly change: C;
  readonly by: AccountId;
  readonly seq: number;
}

/** What came of a change. */
interface Changed {
  readonly next: Next;
  readonly effects: readonly GroupEffect[];
}

/** The state behind a valid change. */
export function changed(state: GroupState, { change, by, seq }: Step): Changed {
  switch (change.kind) {
    case "invite":
      return invited(state, { change, by, seq });
    case "accept":
      return accepted(state, { change, by, seq });
    case "decline":
      return without(state, [by], by, "declined");
    case "admit":
      return admitted(state, { change, by, seq });
    case "remove": {
      const { next, effects } = without(state, change.accounts, by, "takenBack");
      if (change.rotation === undefined) return { next, effects };
      const after = epochBegun(next, by, seq);
      return { next: after.next, effects: [...effects, ...after.effects] };
    }
    case "leave":
      return left(state, by);
    case "role":
      return roleGiven(state, { change, by, seq });
    case "update":
      return updated(state, change, by);
    case "rotate":
      return epochBegun(state, by, seq);
    case "keys":
      return keysChanged(state, change, by);
    case "checkpoint":
      return { next: { ...state, checkpointSeq: seq }, effects: [{ kind: "checkpoint", by }] };
    default:
      return change satisfies never;
  }
}

function invited(state: GroupState, { change, by }: Step<Change<"invite">>): Changed {
  const { account } = change;
  const byRole = memberOf(state, by)?.role ?? "member";
  const entry = { account, by, byRole, identityKey: kept(change.identityKey), wrapKey: kept(change.wrapKey) };
  return { next: { ...state, invited: [...state.invited, entry] }, effects: [{ kind: "invited", account, by }] };
}

function accepted(state: GroupState, { change, by: account, seq }: Step<Change<"accept">>): Changed {
  const invitation = state.invited.find((other) => other.account === account);
  if (invitation === undefined) return { next: state, effects: [] };
  const { by, byRole, identityKey } = invitation;
  const rest = { ...state, invited: state.invited.filter((other) => other !== invitation) };
  const keys = { identityKey, ...keptKeys(change) };
  if (state.approval === "on" && !isAdmin(byRole)) {
    const waiting = [...state.waiting, { account, by, ...keys }];
    return { next: { ...rest, waiting }, effects: [{ kind: "waiting", account, by }] };
  }
  const members = [...state.members, { account, role: "member" as const, joinedSeq: seq, ...keys }];
  return { next: { ...rest, members }, effects: [{ kind: "joined", account, by }] };
}

function admitted(state: GroupState, { change: { account }, by, seq }: Step<Change<"admit">>): Changed {
  const found = state.waiting.find((other) => other.account === account);
  if (found === undefined) return { next: state, effects: [] };
  const { by: _inviter, ...keys } = found;
  const members = [...state.members, { ...keys, role: "member" as const, joinedSeq: seq }];
  const waiting = state.waiting.filter((other) => other !== found);
  return { next: { ...state, members, waiting }, effects: [{ kind: "joined", account, by }] };
}

/** Takes accounts out, whatever they are in the group, and whom they invited. What they know makes a new epoch necessary. */
function without(
  state: GroupState,
  named: readonly AccountId[],
  by: AccountId,
  how: "declined" | "takenBack",
): Changed {
  const ended = invitationsBy(state, named).map(({ account }) => account);
  const accounts = [...named, ...ended.filter((account) => !named.includes(account))];
  const gone = new Set(accounts);
  const stays = ({ account }: { readonly account: AccountId }) => !gone.has(account);
  const [members, waiting, open] = [
    state.members.filter(stays),
    state.waiting.filter(stays),
    state.invited.filter(stays),
  ];
  const wasWaiting = new Set(state.waiting.map(({ account }) => account));
  const wasInvited = new Set(state.invited.map(({ account }) => account));
  const effects = accounts.map((account): GroupEffect => {
    if (wasInvited.has(account)) return { kind: "invitationEnded", account, how, by };
    if (wasWaiting.has(account)) return { kind: "invitationEnded", account, how: "refused", by };
    return { kind: "removed", account, by };
  });
  return { next: { ...state, members, waiting, invited: open, rotation: "due" }, effects };
}

function left(state: GroupState, account: AccountId): Changed {
  if (memberOf(state, account) === undefined) {
    const waiting = state.waiting.filter((other) => other.account !== account);
    const effect: GroupEffect = { kind: "invitationEnded", account, how: "withdrawn", by: account };
    return { next: { ...state, waiting, rotation: "due" }, effects: [effect] };
  }
  const successor = isLastOwner(state, account) ? successorOf(state, account) : undefined;
  const members = state.members
    .filter((member) => member.account !== account)
    .map((member): GroupMember => (member === successor ? { ...member, role: "owner" } : member));
  const ended = invitationsBy(state, [account]);
  const open = state.invited.filter((other) => !ended.includes(other));
  const next = { ...state, members, invited: open, rotation: "due", audience: state.audience + 1 } as const;
  const effects: GroupEffect[] = [{ kind: "left", account }, ...takenBack(ended, account)];
  if (successor !== undefined)
    effects.push({ kind: "succession", account: successor.account, from: successor.role, after: account });
  if (members.length > 0) return { next, effects };
  return { next: { ...next, waiting: [], invited: [] }, effects: [...effects, { kind: "ended" }] };
}

/** Invitations end with what made them: their author knows the keys that new secrets are sealed to. */
function takenBack(ended: readonly InvitedAccount[], by: AccountId): readonly GroupEffect[] {
  return ended.map(({ account }) => ({ kind: "invitationEnded", account, how: "takenBack", by }));
}

function roleGiven(state: GroupState, { change, by, seq }: Step<Change<"role">>): Changed {
  const { account, role } = change;
  const from = memberOf(state, account)?.role ?? role;
  const members = state.members.map((member) => (member.account === account ? { ...member, role } : member));
  const effects: GroupEffect[] = [{ kind: "role", account, from, to: role, by }];
  if (change.rotation !== undefined) {
    const after = epochBegun({ ...state, members }, by, seq);
    return { next: after.next, effects: [...effects, ...after.effects] };
  }
  const steppedDown = isAdmin(from) && !isAdmin(role);
  return { next: { ...state, members, rotation: steppedDown ? "due" : state.rotation }, effects };
}

function updated(state: GroupState, change: Change<"update">, by: AccountId): Changed {
  const { kind: _kind, avatar, ...rest } = change;
  const said: GroupEntryBody<"update"> = avatar === undefined ? rest : { ...rest, avatar: kept(avatar) };
  const differing = Object.entries(said).filter(
    ([name, value]) => value !== undefined && !isSame(state[name as keyof typeof said], value),
  );
  const next: Next = { ...state, ...Object.fromEntries(differing) };
  const effect: GroupEffect = { kind: "settings", changed: Object.fromEntries(differing), by };
  return { next, effects: differing.length > 0 ? [effect] : [] };
}

function isSame(one: unknown, other: unknown): boolean {
  return one instanceof Uint8Array && other instanceof Uint8Array ? equalBytes(one, other) : one === other;
}

function keysChanged(state: GroupState, change: Change<"keys">, account: AccountId): Changed {
  const keys = keptKeys(change);
  const renewed = <Of extends { readonly account: AccountId }>(all: readonly Of[]) =>
    all.map((one) => (one.account === account ? { ...one, ...keys } : one));
  const isMember = memberOf(state, account) !== undefined;
  // A device that was revoked still knows the secret, the sender keys it was handed, and the keys of invitations it made.
  const ended = invitationsBy(state, [account]);
  const next = {
    ...state,
    members: renewed(state.members),
    waiting: renewed(state.waiting),
    invited: state.invited.filter((other) => !ended.includes(other)),
    rotation: "due",
    audience: state.audience + (isMember ? 1 : 0),
  } as const;
  return { next, effects: [{ kind: "keys", account }, ...takenBack(ended, account)] };
}

function epochBegun(state: Next, by: AccountId, seq: number): Changed {
  const { epoch, audience } = state;
  const next = { ...state, epoch: epoch + 1, epochSeq: seq, audience: audience + 1, rotation: "none" } as const;
  return { next, effects: [{ kind: "epoch", epoch: epoch + 1, by }] };
}

/** The keys that an account publishes of itself. */
export function keptKeys(keys: { readonly wrapKey: Uint8Array; readonly deliveryKeyHash: Uint8Array }) {
  return { wrapKey: kept(keys.wrapKey), deliveryKeyHash: kept(keys.deliveryKeyHash) };
}

/** A copy: what an entry says are views of its bytes, and a state outlives them. */
export function kept(bytes: Uint8Array): Uint8Array {
  return bytes.slice();
}
