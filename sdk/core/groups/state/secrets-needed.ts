/** Which secrets a change must carry, and for whom: what apply demands is what plan asks the caller to seal. */

import type { AccountId, GroupChange, GroupRole, GroupRotation, GroupState } from "@sotto/protocol";
import { invitationsBy, isAdmin, isLastOwner, memberOf, successorOf } from "./permissions.js";

/** A change after the first one, as far as it needs no sealing: what somebody wants. */
export type GroupIntent = WithoutSecrets<Exclude<GroupChange, { readonly kind: "create" }>>;
type WithoutSecrets<Change> = Change extends unknown ? Omit<Change, "rotation" | "sealed"> : never;

/** An account that a secret is sealed to. */
export interface SecretRecipient {
  readonly account: AccountId;
  /** 33 bytes as its owner or inviter published them; nothing but their first byte was checked. */
  readonly wrapKey: Uint8Array;
  /** Which one it gets: the admins' secret, or the group's secret that derives from it. */
  readonly secret: "admin" | "group";
}

/**
 * What a change must carry.
 *
 * `rotation`: a new secret for everybody in `stays`, who are in ascending order of account ids. `handover`: the present
 * epoch's admin secret for one account.
 */
export type SecretsNeeded =
  | { readonly kind: "nothing" }
  | { readonly kind: "rotation"; readonly stays: readonly SecretRecipient[] }
  | { readonly kind: "handover"; readonly to: SecretRecipient };

const NOTHING: SecretsNeeded = { kind: "nothing" };

/** What a change that its author may make must carry. */
export function secretsNeeded(state: GroupState, author: AccountId, intent: GroupIntent): SecretsNeeded {
  switch (intent.kind) {
    case "remove": {
      const member = memberOf(state, author);
      // Who is no admin neither holds the admins' secret nor may begin an epoch at the relay.
      if (member === undefined || !isAdmin(member.role)) return NOTHING;
      const ended = invitationsBy(state, intent.accounts).map((invitation) => invitation.account);
      const gone = new Set([...intent.accounts, ...ended]);
      return { kind: "rotation", stays: recipientsOf(state).filter(({ account }) => !gone.has(account)) };
    }
    case "rotate":
      return { kind: "rotation", stays: recipientsOf(state) };
    case "role":
      return ofNewRole(state, author, intent);
    case "leave": {
      if (memberOf(state, author) === undefined || !isLastOwner(state, author)) return NOTHING;
      const successor = successorOf(state, author);
      if (successor === undefined || isAdmin(successor.role)) return NOTHING;
      return { kind: "handover", to: { account: successor.account, wrapKey: successor.wrapKey, secret: "admin" } };
    }
    case "invite":
    case "accept":
    case "decline":
    case "admit":
    case "update":
    case "keys":
    case "checkpoint":
      return NOTHING;
    default:
      return intent satisfies never;
  }
}

function ofNewRole(
  state: GroupState,
  author: AccountId,
  { account, role }: { readonly account: AccountId; readonly role: GroupRole },
): SecretsNeeded {
  const member = memberOf(state, account);
  // Who steps down itself would know a secret it made: others begin the epoch.
  if (member === undefined || account === author || isAdmin(member.role) === isAdmin(role)) return NOTHING;
  if (isAdmin(role)) return { kind: "handover", to: { account, wrapKey: member.wrapKey, secret: "admin" } };
  const stays = recipientsOf(state).map((recipient) =>
    recipient.account === account ? { ...recipient, secret: "group" as const } : recipient,
  );
  return { kind: "rotation", stays };
}

/** Everybody in the group, invited and waiting accounts included, in the order of account ids. */
function recipientsOf({ members, waiting, invited }: GroupState): SecretRecipient[] {
  const all: SecretRecipient[] = [];
  for (const { account, wrapKey, role } of members)
    all.push({ account, wrapKey, secret: isAdmin(role) ? "admin" : "group" });
  for (const { account, wrapKey } of [...waiting, ...invited]) all.push({ account, wrapKey, secret: "group" });
  return all.sort((one, other) => (one.account < other.account ? -1 : 1));
}

/** Whether a change carries exactly what it must, for exactly whom; what is inside can only be told by who it is for. */
export function carriesExactly(needed: SecretsNeeded, change: GroupChange): boolean {
  const rotation = "rotation" in change ? change.rotation : undefined;
  const sealed = "sealed" in change ? change.sealed : undefined;
  switch (needed.kind) {
    case "nothing":
      return rotation === undefined && sealed === undefined;
    case "rotation":
      return rotation !== undefined && sealed === undefined && isFor(rotation, needed.stays);
    case "handover":
      return rotation === undefined && sealed !== undefined && isCurveKey(sealed.ephemeral);
    default:
      return needed satisfies never;
  }
}

function isFor({ ephemeral, sealed }: GroupRotation, stays: readonly SecretRecipient[]): boolean {
  return (
    isCurveKey(ephemeral) &&
    sealed.length === stays.length &&
    sealed.every(({ account }, at) => account === stays[at]?.account)
  );
}

/** The first byte of X25519 public keys. */
const CURVE_KEY_TYPE = 5;

/** Whether 33 bytes begin as a public key does; whether the rest is a useful point only their owner can know. */
export function isCurveKey(key: Uint8Array): boolean {
  return key[0] === CURVE_KEY_TYPE;
}
