/** What is to become of a send, decided from accounts in memory: pure, so that it can be decided again. */

import type { AccountId, Frame } from "@sotto/protocol";
import type { AppendRow } from "../ports.js";
import { type Access, type AccessRefusal, type Asking, accessOfStranger, accessTo, type Ground } from "./access.js";
import type { Recipient } from "./accounts.js";
import { addressDevices, type DeviceMismatch } from "./device-list.js";
import type { DeviceIdentity } from "./rules.js";
import type { Claim, Standing } from "./standing.js";

/** A send that may go ahead. */
export interface Write {
  readonly kind: "write";
  readonly rows: readonly AppendRow[];
  readonly addressed: readonly Addressed[];
  /** What its first contacts must take hold of before anything is stored. */
  readonly claims: readonly Claim[];
}

/** One account a send may go to, at the revision that was decided by: the store's guard, and what limiters count. */
export interface Addressed {
  readonly account: AccountId;
  readonly revision: number;
  readonly ground: Ground;
  /** Ciphertext towards this account. */
  readonly sizeBytes: number;
}

/** The decision on one send. `strangers`: decide again with what the tables say of the sender. */
export type SendDecision =
  | Write
  | { readonly kind: "strangers" }
  | { readonly kind: "refused"; readonly code: AccessRefusal }
  | { readonly kind: "mismatch"; readonly accounts: readonly DeviceMismatch[] }
  | { readonly kind: "revoked" };

/** Where several accounts of a send refuse it for several reasons, the first of these is told. */
const REFUSALS = ["badGrant", "grantSpent", "requestPending", "notAllowed"] as const satisfies readonly AccessRefusal[];

/** What a stranger hears whose send is never stored: typing is nothing to make first contact with. */
const NOT_ALLOWED = { kind: "refused", code: "notAllowed" } as const;

/**
 * Decides a send. `recipients` and `standings` stand in the order of the frame's; `undefined` = no such account.
 *
 * Access to every account is judged before any device list is looked at, so that only who may write learns of devices.
 */
export function decideSend(
  frame: Frame<"send">,
  recipients: readonly (Recipient | undefined)[],
  asking: Asking,
  standings?: readonly (Standing | undefined)[],
): SendDecision {
  const { device: sender } = asking;
  const accesses = recipients.map((recipient, index) => {
    const named = frame.recipients[index];
    const { deliveryKey, accessTag } = named ?? {};
    const access = accessTo(recipient, { deliveryKey, accessTag, messageId: frame.messageId }, asking);
    if (access.kind !== "stranger") return access;
    if (frame.storage === "ephemeral") return NOT_ALLOWED;
    const standing = standings?.[index];
    return standing === undefined ? access : accessOfStranger(recipient, deliveryKey, standing, asking);
  });
  if (!accesses.every(isGround)) return refusalOf(accesses);

  const rows: AppendRow[] = [];
  const addressed: Addressed[] = [];
  const claims: Claim[] = [];
  let mismatches: DeviceMismatch[] | undefined;
  let isRevoked = false;
  for (let index = 0; index < recipients.length; index++) {
    const recipient = recipients[index];
    const access = accesses[index];
    const named = frame.recipients[index];
    if (recipient === undefined || access?.kind !== "ground" || named === undefined) return NOT_ALLOWED;
    const { ground } = access;
    const sending = ground === "own" ? sender : undefined;
    if (sending !== undefined && !owns(recipient, sending)) isRevoked = true;
    const firstRow = rows.length;
    const wrong = addressDevices(recipient, named, sending?.device, rows);
    if (wrong !== undefined) {
      mismatches ??= [];
      mismatches.push(wrong);
    }
    const { account, revision } = recipient;
    addressed.push({ account, revision, ground, sizeBytes: sizeFrom(rows, firstRow) });
    const claim = standings?.[index]?.claim;
    if (ground === "firstContact" && claim !== undefined) claims.push(claim);
  }
  if (isRevoked) return { kind: "revoked" };
  if (mismatches !== undefined) return { kind: "mismatch", accounts: mismatches };
  return { kind: "write", rows, addressed, claims };
}

function isGround({ kind }: Access): boolean {
  return kind === "ground";
}

function refusalOf(accesses: readonly Access[]): SendDecision {
  if (accesses.some(({ kind }) => kind === "stranger")) return { kind: "strangers" };
  const isTold = (code: AccessRefusal) => accesses.some((access) => access.kind === "refused" && access.code === code);
  return { kind: "refused", code: REFUSALS.find(isTold) ?? "notAllowed" };
}

function sizeFrom(rows: readonly AppendRow[], first: number): number {
  let sum = 0;
  for (let index = first; index < rows.length; index++) sum += rows[index]?.body.length ?? 0;
  return sum;
}

function owns(recipient: Recipient, sender: DeviceIdentity): boolean {
  return recipient.devices.some(
    ({ device, registrationId }) => device === sender.device && registrationId === sender.registrationId,
  );
}
