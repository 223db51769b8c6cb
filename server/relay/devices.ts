/** An account's own view of its devices: listed, named, and shown out. */

import { equalBytes, type Frame, type Sanction, SottoError } from "@sotto/protocol";
import { type AccountDocument, findDevice, listedDevicesOf, MAX_RETIRED, withDeliveryKey } from "./account.js";
import { tellDevices } from "./device-news.js";
import { ownDevice } from "./prekeys.js";
import { dropRetired, retire } from "./retired.js";
import type { DeviceCaller, Rules } from "./rules.js";

/** How often a revocation is tried against mailboxes that are still to be dropped. */
const ATTEMPTS = 8;

/** Answers `listDevices`. */
export async function listDevices(rules: Rules, caller: DeviceCaller, frame: Frame<"listDevices">): Promise<void> {
  rules.limiters.spend("deviceListsPerAccount", caller.device.account);
  const loaded = await rules.accounts.load(caller.device.account);
  if (loaded === undefined) throw removed();
  ownDevice(loaded.document, caller.device);
  caller.answer({ type: "deviceList", id: frame.id, devices: listedDevicesOf(loaded.document) });
}

/** Answers `nameDevice`. The relay cannot read the name. */
export async function nameDevice(rules: Rules, caller: DeviceCaller, frame: Frame<"nameDevice">): Promise<void> {
  const { account } = caller.device;
  rules.limiters.spend("deviceChangesPerAccount", account);
  const name = frame.name.slice();
  const document = await rules.accounts.change(account, (current) => {
    const own = ownDevice(current, caller.device);
    return { ...current, devices: current.devices.map((one) => (one === own ? { ...own, name } : one)) };
  });
  if (document === undefined) throw removed();
  caller.answer({ type: "done", id: frame.id });
}

/**
 * Answers `revokeDevice`: from the answer on nobody can write to the device, fetch its keys or be it, and the delivery
 * key it knew is a former one. Its connection is closed and its mailbox dropped straight after, whatever crashes.
 *
 * Idempotent: a repeat, known by the delivery key that is in force already, changes nothing. The calling device may revoke
 * itself; it hears the answer, then the close.
 *
 * @throws unknownDevice if the account has no such device.
 * @throws badFrame if the device is there and the delivery key would stay the same: the revoked device knows it.
 */
export async function revokeDevice(rules: Rules, caller: DeviceCaller, frame: Frame<"revokeDevice">): Promise<void> {
  const { account } = caller.device;
  rules.limiters.spend("deviceChangesPerAccount", account);
  const document = await revoked(rules, caller, frame);
  caller.answer({ type: "done", id: frame.id });
  if (document === undefined) return;
  tellDevices(rules, account, document, "devicesChanged", caller.device.device);
  await dropRetired(rules, account).catch(() => {
    // It was answered; what is still listed in the document is dropped by the next sweep.
    rules.log.warn("retiredNotDropped");
  });
}

/** The document without the device, or `undefined` if this very revocation took place before. */
async function revoked(
  rules: Rules,
  caller: DeviceCaller,
  { device, deliveryKeyHash }: Frame<"revokeDevice">,
): Promise<AccountDocument | undefined> {
  const { account } = caller.device;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const loaded = await rules.accounts.load(account);
    if (loaded === undefined) throw removed();
    const { document, revision } = loaded;
    ownDevice(document, caller.device);
    const leaving = findDevice(document, device);
    if (equalBytes(document.deliveryKeyHash, deliveryKeyHash)) {
      if (leaving === undefined) return undefined;
      throw new SottoError("badFrame", { detail: "a device is revoked under a new delivery key" });
    }
    if (leaving === undefined) throw new SottoError("unknownDevice");
    if (document.retired.length >= MAX_RETIRED) await dropRetired(rules, account);
    else {
      const changed = withDeliveryKey(retire(document, [leaving]), deliveryKeyHash);
      if (await rules.accounts.replace(account, revision, changed)) return changed;
    }
  }
  throw new SottoError("busy", { detail: "an account changes too often" });
}

/**
 * Removes a device because the desk says so; nothing if there is none such. The delivery key stays: only the account's own devices
 * can make the next one, and all that it opens to who was removed is the mailbox of the account it was of.
 */
export async function evict(rules: Rules, { account, device }: Pick<Sanction, "account" | "device">): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const loaded = await rules.accounts.load(account);
    const leaving = loaded?.document.devices.find((one) => one.device === device);
    if (loaded === undefined || leaving === undefined) return dropRetired(rules, account);
    if (loaded.document.retired.length >= MAX_RETIRED) await dropRetired(rules, account);
    else {
      const document = retire(loaded.document, [leaving]);
      if (!(await rules.accounts.replace(account, loaded.revision, document))) continue;
      tellDevices(rules, account, document, "devicesChanged");
      return dropRetired(rules, account);
    }
  }
  throw new SottoError("busy", { detail: "an account changes too often" });
}

function removed(): SottoError {
  return new SottoError("notAuthenticated", { detail: "the account was removed" });
}
