/** Who may write to whom. */

import {
  type AccountId,
  accountIdFromBytes,
  equalBytes,
  type FirstContactPolicy,
  type Frame,
  fetchContext,
  SottoError,
} from "@sotto/protocol";
import type { Signatures } from "../ports.js";
import { withDeliveryKey } from "./account.js";
import type { Recipient } from "./accounts.js";
import { policyUnder } from "./policy.js";
import type { Caller, DeviceCaller, DeviceIdentity, Rules } from "./rules.js";
import type { Standing } from "./standing.js";

/**
 * On what ground somebody may write: to its own account; with the delivery key; with an access tag, as who shares a group
 * with the account; with a key the account used before; to somebody who wrote first; or as a stranger who names itself.
 */
export type Ground = "own" | "contact" | "groupMember" | "formerContact" | "reply" | "firstContact";

/** What a sender shows of one recipient. */
export interface Shown {
  readonly deliveryKey?: Uint8Array | undefined;
  readonly accessTag?: Uint8Array | undefined;
}

/** Why somebody may not write. `notAllowed` says nothing about the reason, not even here. */
export type AccessRefusal = "badGrant" | "grantSpent" | "requestPending" | "notAllowed";

/** What access rules say of one recipient. `stranger`: only the tables tell, see `standing.ts`. */
export type Access =
  | { readonly kind: "ground"; readonly ground: Ground }
  | { readonly kind: "refused"; readonly code: AccessRefusal }
  | { readonly kind: "stranger" };

/** Who wants to write or to fetch keys, and how it is judged. */
export interface Asking {
  /** `undefined` on an anonymous connection. */
  readonly device: DeviceIdentity | undefined;
  readonly signatures: Pick<Signatures, "isDeliveryKey" | "isAccessTag">;
  /** The community's floor. */
  readonly floor: FirstContactPolicy;
}

type Addressee = Pick<Recipient, "account" | "deliveryKeyHash" | "formerKeyHashes" | "firstContact" | "blocked">;

/** A hash no key has, which stands in for those that are not there. */
const NO_HASH = new Uint8Array(32);

/** Former delivery keys that are always compared with, so that nobody learns how many there are. */
const FORMER_KEYS = 8;

/** Stands in for an account that does not exist, so that refusing it takes the same work. */
const ABSENT: Addressee = {
  account: accountIdFromBytes(new Uint8Array(16)),
  deliveryKeyHash: NO_HASH,
  formerKeyHashes: [],
  firstContact: "nobody",
  blocked: new Set<AccountId>(),
};

const NOT_ALLOWED: Access = { kind: "refused", code: "notAllowed" };
const STRANGER: Access = { kind: "stranger" };
const grounds = {
  own: { kind: "ground", ground: "own" },
  contact: { kind: "ground", ground: "contact" },
  groupMember: { kind: "ground", ground: "groupMember" },
  formerContact: { kind: "ground", ground: "formerContact" },
  reply: { kind: "ground", ground: "reply" },
  firstContact: { kind: "ground", ground: "firstContact" },
} as const satisfies Record<Ground, Access>;

/** Whether it is clear what a caller shows: an access tag is for anonymous connections, and stands alone. */
export function isAccessClear({ device }: Pick<Caller, "device">, { deliveryKey, accessTag }: Shown): boolean {
  return accessTag === undefined || (device === undefined && deliveryKey === undefined);
}

/**
 * Whether a sender may write to an account, by what is in memory. Which of the reasons forbids it, unknown account, wrong
 * key, unwelcome sender or closed policy, changes neither the answer nor the work.
 *
 *                      current key   former key        no key            wrong key
 *   anonymous          contact       notAllowed        notAllowed        notAllowed
 *   a device           contact       formerContact¹    stranger          notAllowed
 *   a blocked device   notAllowed    stranger          stranger          notAllowed
 *
 * An anonymous connection may show an access tag for `messageId` instead: groupMember if it is right, else notAllowed.
 * ¹ under the policy `nobody` a stranger, who may reply. A blocked stranger is refused by `accessOfStranger`, after the same
 * look-ups as any other.
 */
export function accessTo(
  recipient: Recipient | undefined,
  { deliveryKey, accessTag, messageId }: Shown & { readonly messageId: Uint8Array },
  { device: sender, signatures, floor }: Asking,
): Access {
  const addressee = recipient ?? ABSENT;
  if (sender === undefined && accessTag !== undefined) {
    const isRight = isTagOf(addressee, { messageId, accessTag }, signatures);
    return recipient !== undefined && isRight ? grounds.groupMember : NOT_ALLOWED;
  }
  const isCurrent = deliveryKey !== undefined && signatures.isDeliveryKey(deliveryKey, addressee.deliveryKeyHash);
  if (sender === undefined) return recipient !== undefined && isCurrent ? grounds.contact : NOT_ALLOWED;
  if (recipient?.account === sender.account) return grounds.own;
  if (deliveryKey === undefined) return STRANGER;

  const isFormer = isFormerKey(deliveryKey, addressee, signatures);
  const isWelcome = recipient !== undefined && !addressee.blocked.has(sender.account);
  if (isCurrent) return isWelcome ? grounds.contact : NOT_ALLOWED;
  if (!isFormer) return NOT_ALLOWED;
  return isWelcome && policyUnder(floor, addressee.firstContact) !== "nobody" ? grounds.formerContact : STRANGER;
}

/**
 * Whether a stranger may write, with what the tables say.
 *
 * What depends on the stranger alone, its grant and what it sent before, is judged before the recipient's settings: so a
 * `grantSpent` or `requestPending` does not tell whether one is blocked.
 */
export function accessOfStranger(
  recipient: Recipient | undefined,
  deliveryKey: Uint8Array | undefined,
  standing: Standing,
  { device: sender, floor }: Asking,
): Access {
  const { grant, pair, wroteFirst } = standing;
  if (grant === "bad") return { kind: "refused", code: "badGrant" };
  const isCovered = pair === "covered";
  if (deliveryKey === undefined && !wroteFirst && !isCovered) {
    if (grant === "spent") return { kind: "refused", code: "grantSpent" };
    if (pair === "full") return { kind: "refused", code: "requestPending" };
  }
  const { blocked, firstContact } = recipient ?? ABSENT;
  if (recipient === undefined || sender === undefined || blocked.has(sender.account)) return NOT_ALLOWED;
  if (wroteFirst) return grounds.reply;
  // With a former key one is no stranger, and is here only because former contacts are not taken.
  if (deliveryKey !== undefined) return NOT_ALLOWED;
  const policy = policyUnder(floor, firstContact);
  const isVouchedFor = grant === "good" || isCovered;
  return policy === "everyone" || (policy === "grant" && isVouchedFor) ? grounds.firstContact : NOT_ALLOWED;
}

/** Whether a key is one of those the account used before. Compares with all there could be. */
function isFormerKey(
  deliveryKey: Uint8Array,
  { formerKeyHashes }: Addressee,
  signatures: Pick<Signatures, "isDeliveryKey">,
): boolean {
  let isFormer = false;
  for (let index = 0; index < FORMER_KEYS; index++) {
    if (signatures.isDeliveryKey(deliveryKey, formerKeyHashes[index] ?? NO_HASH)) isFormer = true;
  }
  return isFormer;
}

/** Whether an access tag is an account's for this message id. */
function isTagOf(
  { account, deliveryKeyHash: hash }: Pick<Addressee, "account" | "deliveryKeyHash">,
  { messageId, accessTag }: { readonly messageId: Uint8Array; readonly accessTag: Uint8Array },
  signatures: Pick<Signatures, "isAccessTag">,
): boolean {
  return signatures.isAccessTag({ messageId, account, hash }, accessTag, 0);
}

/**
 * Whether a caller may fetch bundles of an account: a device may of anybody, others with the delivery key, or with the
 * access tag of `fetchContext`. A key or tag that is given must be right.
 */
export function mayFetchBundles(
  document: Pick<Addressee, "deliveryKeyHash"> | undefined,
  { account, deliveryKey, accessTag }: Shown & { readonly account: AccountId },
  { device, signatures }: Pick<Asking, "device" | "signatures">,
): boolean {
  const { deliveryKeyHash } = document ?? ABSENT;
  const holdsKey = deliveryKey !== undefined && signatures.isDeliveryKey(deliveryKey, deliveryKeyHash);
  const holdsTag =
    accessTag !== undefined &&
    isTagOf({ account, deliveryKeyHash }, { messageId: fetchContext, accessTag }, signatures);
  if (document === undefined) return false;
  if (accessTag !== undefined) return holdsTag;
  return deliveryKey === undefined ? device !== undefined : holdsKey;
}

/**
 * Answers `setAccess`: from the answer on, sends are decided by the new settings.
 *
 * @throws badFrame for a delivery key that was replaced, and sets nothing: a device that has not heard of that, or an old copy
 *   of one, would let in again whom the key was replaced for.
 */
export async function setAccess(rules: Rules, caller: DeviceCaller, frame: Frame<"setAccess">): Promise<void> {
  const { account, device } = caller.device;
  rules.limiters.spend("accessChangesPerAccount", account);
  const blocked = [...new Set(frame.blocked)];
  const document = await rules.accounts.change(account, (current) => {
    if (!current.devices.some((one) => one.device === device)) return undefined;
    if (current.formerKeyHashes.some((hash) => equalBytes(hash, frame.deliveryKeyHash))) {
      throw new SottoError("badFrame", { detail: "a delivery key that was replaced does not come back" });
    }
    return { ...withDeliveryKey(current, frame.deliveryKeyHash), firstContact: frame.firstContact, blocked };
  });
  if (document === undefined || !document.devices.some((one) => one.device === device)) {
    throw new SottoError("notAuthenticated", { detail: "the device was removed" });
  }
  caller.answer({ type: "done", id: frame.id });
}
