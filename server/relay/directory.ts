/** Who is who, and the keys to write to them first. */

import { type AccountId, type DeviceId, type Frame, SottoError } from "@sotto/protocol";
import { mayFetchBundles } from "./access.js";
import { type Device, mailboxOf } from "./account.js";
import { takeOneTimeKeys } from "./prekeys.js";
import { type Caller, type DeviceCaller, type Rules, refuse } from "./rules.js";
import { accountOfUser, userKey } from "./user.js";

type Bundle = Frame<"bundles">["devices"][number];

/** Answers `resolve`: the account of a user of the caller's own host. @throws unknownUser */
export async function resolve(rules: Rules, caller: DeviceCaller, frame: Frame<"resolve">): Promise<void> {
  rules.limiters.spend("resolvesPerAccount", caller.device.account);
  const own = await rules.accounts.load(caller.device.account);
  if (own === undefined) throw new SottoError("notAuthenticated", { detail: "the account was removed" });
  const key = userKey(rules, { issuer: own.document.issuer, subject: frame.userId });
  const account = await accountOfUser(rules, key);
  const isRegistered = account !== undefined && (await rules.accounts.load(account)) !== undefined;
  if (!isRegistered) throw new SottoError("unknownUser");
  caller.answer({ type: "resolved", id: frame.id, account });
}

/**
 * Answers `fetchBundles`, taking one-time keys for good. A listed device that does not exist is left out of the answer; so
 * is the device that asks for all of its own account. Refusals are those of `send`.
 */
export async function fetchBundles(
  rules: Rules,
  caller: Caller,
  frame: Frame<"fetchBundles">,
  arrivedMs: number,
): Promise<void> {
  if (caller.device === undefined) rules.limiters.spend("bundlesPerAddress", caller.remoteAddress);
  else rules.limiters.spend("bundlesPerAccount", caller.device.account);
  if (new Set(frame.devices).size !== frame.devices.length) return caller.fail(frame.id, "badFrame");

  const { account } = frame;
  const loaded = await rules.accounts.load(account);
  const isAllowed = mayFetchBundles(loaded?.document, frame.deliveryKey, {
    device: caller.device,
    signatures: rules.signatures,
  });
  if (loaded === undefined || !isAllowed) return refuse(rules, caller, frame.id, arrivedMs);
  const { document } = loaded;
  const asking = caller.device?.account === account ? caller.device.device : undefined;
  const isWanted = (device: DeviceId) =>
    frame.devices.length === 0 ? device !== asking : frame.devices.includes(device);
  const mayTake = rules.limiters.take("bundlesPerTarget", account) === 0;
  const devices = await Promise.all(
    document.devices
      .filter(({ device }) => isWanted(device))
      .map((device) => (mayTake ? bundle(rules, account, device) : lastResortBundle(device))),
  );
  caller.answer({ type: "bundles", id: frame.id, account, identityKey: document.identityKey, devices });
}

async function bundle(rules: Rules, account: AccountId, device: Device): Promise<Bundle> {
  const { curve, kyber } = await takeOneTimeKeys(rules, mailboxOf(account, device));
  const base = lastResortBundle(device);
  return { ...base, kyberPrekey: kyber ?? base.kyberPrekey, oneTimePrekey: curve };
}

function lastResortBundle({ device, registrationId, signedPrekey, lastResortPrekey }: Device): Bundle {
  return { device, registrationId, signedPrekey, kyberPrekey: lastResortPrekey, oneTimePrekey: undefined };
}
