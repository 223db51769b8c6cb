/** What is to become of a send, decided from accounts in memory: pure, so that it can be decided again. */

import type { AccountId, Frame } from "@sotto/protocol";
import type { AppendRow } from "../ports.js";
import { type Asking, type Ground, groundToWrite } from "./access.js";
import type { Recipient } from "./accounts.js";
import { addressDevices, type DeviceMismatch } from "./device-list.js";
import type { DeviceIdentity } from "./rules.js";

/** A send that may go ahead. */
export interface Write {
  readonly kind: "write";
  readonly rows: readonly AppendRow[];
  readonly addressed: readonly Addressed[];
}

/** One account a send may go to, at the revision that was decided by: the store's guard, and what limiters count. */
export interface Addressed {
  readonly account: AccountId;
  readonly revision: number;
  readonly ground: Ground;
  /** Ciphertext towards this account. */
  readonly sizeBytes: number;
}

/** The decision on one send. `refused` says nothing about the reason, not even here. */
export type SendDecision =
  | Write
  | { readonly kind: "refused" }
  | { readonly kind: "mismatch"; readonly accounts: readonly DeviceMismatch[] }
  | { readonly kind: "revoked" };

/**
 * Decides a send. `recipients` stand in the order of the frame's; `undefined` = no such account.
 *
 * Access to every account is judged before any device list is looked at, so that only who may write learns of devices.
 */
export function decideSend(
  frame: Frame<"send">,
  recipients: readonly (Recipient | undefined)[],
  asking: Asking,
): SendDecision {
  const { device: sender } = asking;
  const grounds = recipients.map((recipient, index) =>
    groundToWrite(recipient, frame.recipients[index]?.deliveryKey, asking),
  );
  if (grounds.includes(undefined)) return { kind: "refused" };

  const rows: AppendRow[] = [];
  const addressed: Addressed[] = [];
  let mismatches: DeviceMismatch[] | undefined;
  let isRevoked = false;
  for (let index = 0; index < recipients.length; index++) {
    const recipient = recipients[index];
    const ground = grounds[index];
    const envelopes = frame.recipients[index]?.envelopes;
    if (recipient === undefined || ground === undefined || envelopes === undefined) return { kind: "refused" };
    const sending = ground === "own" ? sender : undefined;
    if (sending !== undefined && !owns(recipient, sending)) isRevoked = true;
    const firstRow = rows.length;
    const wrong = addressDevices(recipient, envelopes, sending?.device, rows);
    if (wrong !== undefined) {
      mismatches ??= [];
      mismatches.push(wrong);
    }
    const { account, revision } = recipient;
    addressed.push({ account, revision, ground, sizeBytes: sizeFrom(rows, firstRow) });
  }
  if (isRevoked) return { kind: "revoked" };
  if (mismatches !== undefined) return { kind: "mismatch", accounts: mismatches };
  return { kind: "write", rows, addressed };
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
