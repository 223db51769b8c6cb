/** Who may write to whom. */

import { type AccountId, type Frame, SottoError } from "@sotto/protocol";
import type { Signatures } from "../ports.js";
import type { Recipient } from "./accounts.js";
import type { DeviceCaller, DeviceIdentity, Rules } from "./rules.js";

/** On what ground somebody may write: to its own account, with the delivery key, or as a stranger who names itself. */
export type Ground = "own" | "contact" | "firstContact";

/** Who wants to write or to fetch keys, and how its delivery key is checked. */
export interface Asking {
  /** `undefined` on an anonymous connection. */
  readonly device: DeviceIdentity | undefined;
  readonly signatures: Pick<Signatures, "isDeliveryKey">;
}

/** Stands in for an account that does not exist, so that refusing it takes the same work. No key has this hash. */
const ABSENT: Pick<Recipient, "deliveryKeyHash" | "firstContact" | "blocked"> = {
  deliveryKeyHash: new Uint8Array(32),
  firstContact: "nobody",
  blocked: new Set<AccountId>(),
};

/**
 * The ground on which a sender may write to an account, or `undefined` if it may not. Which of the reasons it is,
 * unknown account, wrong key or unwelcome sender, changes neither the answer nor the work.
 */
export function groundToWrite(
  recipient: Recipient | undefined,
  deliveryKey: Uint8Array | undefined,
  { device: sender, signatures }: Asking,
): Ground | undefined {
  const { deliveryKeyHash, firstContact, blocked } = recipient ?? ABSENT;
  const holdsKey = deliveryKey !== undefined && signatures.isDeliveryKey(deliveryKey, deliveryKeyHash);
  if (recipient === undefined) return undefined;
  if (sender === undefined) return holdsKey ? "contact" : undefined;
  if (sender.account === recipient.account) return "own";
  if (blocked.has(sender.account)) return undefined;
  if (deliveryKey !== undefined) return holdsKey ? "contact" : undefined;
  return firstContact === "everyone" ? "firstContact" : undefined;
}

/**
 * Whether a caller may fetch bundles of an account: a device may of anybody, others with the delivery key. A key that is
 * given must be right.
 */
export function mayFetchBundles(
  account: { readonly deliveryKeyHash: Uint8Array } | undefined,
  deliveryKey: Uint8Array | undefined,
  { device, signatures }: Asking,
): boolean {
  const { deliveryKeyHash } = account ?? ABSENT;
  const holdsKey = deliveryKey !== undefined && signatures.isDeliveryKey(deliveryKey, deliveryKeyHash);
  if (account === undefined) return false;
  return deliveryKey === undefined ? device !== undefined : holdsKey;
}

/** Answers `setAccess`: from the answer on, sends are decided by the new settings. */
export async function setAccess(rules: Rules, caller: DeviceCaller, frame: Frame<"setAccess">): Promise<void> {
  const { account, device } = caller.device;
  rules.limiters.spend("accessChangesPerAccount", account);
  const blocked = [...new Set(frame.blocked)];
  const deliveryKeyHash = frame.deliveryKeyHash.slice();
  const document = await rules.accounts.change(account, (current) =>
    current.devices.some((one) => one.device === device)
      ? { ...current, deliveryKeyHash, firstContact: frame.firstContact, blocked }
      : undefined,
  );
  if (document === undefined || !document.devices.some((one) => one.device === device)) {
    throw new SottoError("notAuthenticated", { detail: "the device was removed" });
  }
  caller.answer({ type: "done", id: frame.id });
}
