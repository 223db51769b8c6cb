/** Who is who, and the keys to write to them first. */

import { type AccountId, type DeviceId, type Frame, limits, SottoError } from "@sotto/protocol";
import { isAccessClear, mayFetchBundles } from "./access.js";
import { type AccountDocument, type Device, mailboxOf } from "./account.js";
import type { DeviceMismatch } from "./device-list.js";
import { policyUnder } from "./policy.js";
import { takeOneTimeKeys } from "./prekeys.js";
import { type Caller, type DeviceCaller, type Rules, refuse } from "./rules.js";
import { accountOfUser, userKey } from "./user.js";

type Bundle = Frame<"bundles">["devices"][number];

/** Answers `resolve`: the account of a user of the caller's own host, and whom it takes first messages from. @throws unknownUser */
export async function resolve(rules: Rules, caller: DeviceCaller, frame: Frame<"resolve">): Promise<void> {
  rules.limiters.spend("resolvesPerAccount", caller.device.account);
  rules.sanctions.check(caller.device.account, "resolve");
  const own = await rules.accounts.load(caller.device.account);
  if (own === undefined) throw new SottoError("notAuthenticated", { detail: "the account was removed" });
  const key = userKey(rules, { issuer: own.document.issuer, subject: frame.userId });
  const account = await accountOfUser(rules, key);
  const found = account === undefined ? undefined : await rules.accounts.load(account);
  if (account === undefined || found === undefined) throw new SottoError("unknownUser");
  const { firstContactFloor, grantBases: bases } = rules.policy;
  const firstContact = policyUnder(firstContactFloor, found.document.firstContact);
  const { role } = found.document;
  caller.answer({ type: "resolved", id: frame.id, account, role, firstContact, bases });
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
  if (new Set(frame.devices).size !== frame.devices.length || !isAccessClear(caller, frame)) {
    return caller.fail(frame.id, "badFrame");
  }

  const { account } = frame;
  const own = caller.device?.account;
  // Who may not write needs nobody's keys but those of its own devices.
  if (own !== undefined && own !== account) rules.sanctions.check(own, "send");
  const loaded = await rules.accounts.load(account);
  const isAllowed = mayFetchBundles(loaded?.document, frame, {
    device: caller.device,
    signatures: rules.signatures,
  });
  if (loaded === undefined || !isAllowed) return refuse(rules, caller, frame.id, arrivedMs);
  const { document } = loaded;
  const asking = caller.device?.account === account ? caller.device.device : undefined;
  const isWanted = (device: DeviceId) =>
    frame.devices.length === 0 ? device !== asking : frame.devices.includes(device);
  const devices = await bundlesOf(rules, account, document, isWanted);
  caller.answer({ type: "bundles", id: frame.id, account, identityKey: document.identityKey, devices });
}

/**
 * The bundles of the devices a send left out or named under a former registration id, as `deviceMismatch` carries them: of
 * the first `accountsPerSend` accounts with any. Takes one-time keys for good, as `fetchBundles`; the caller has
 * established that the sender may write to the accounts. They cost what a fetch costs: none come where there were too many,
 * and the sender fetches, and hears when it may.
 */
export async function bundlesFor(
  rules: Rules,
  { device: asking, remoteAddress }: Caller,
  mismatches: readonly DeviceMismatch[],
): Promise<Frame<"deviceMismatch">["bundles"]> {
  const { limiters } = rules;
  const waitMs =
    asking === undefined
      ? limiters.take("bundlesPerAddress", remoteAddress)
      : limiters.take("bundlesPerAccount", asking.account);
  if (waitMs > 0) return [];
  const lacking = mismatches.filter(({ missing, stale }) => missing.length + stale.length > 0);
  const bundles = lacking.slice(0, limits.accountsPerSend.value).map(async ({ account, missing, stale }) => {
    const loaded = await rules.accounts.load(account);
    if (loaded === undefined) return [];
    const { document } = loaded;
    const isWanted = (device: DeviceId) => missing.includes(device) || stale.includes(device);
    const devices = await bundlesOf(rules, account, document, isWanted);
    return [{ account, identityKey: document.identityKey, devices }];
  });
  return (await Promise.all(bundles)).flat();
}

/** Without one-time keys once too many of them were asked for. */
function bundlesOf(
  rules: Rules,
  account: AccountId,
  { devices }: AccountDocument,
  isWanted: (device: DeviceId) => boolean,
): Promise<readonly Bundle[]> {
  const mayTake = rules.limiters.take("bundlesPerTarget", account) === 0;
  const wanted = devices.filter(({ device }) => isWanted(device));
  return Promise.all(wanted.map((device) => (mayTake ? bundle(rules, account, device) : lastResortBundle(device))));
}

async function bundle(rules: Rules, account: AccountId, device: Device): Promise<Bundle> {
  const { curve, kyber } = await takeOneTimeKeys(rules, mailboxOf(account, device));
  const base = lastResortBundle(device);
  return { ...base, kyberPrekey: kyber ?? base.kyberPrekey, oneTimePrekey: curve };
}

function lastResortBundle({ device, registrationId, signedPrekey, lastResortPrekey }: Device): Bundle {
  return { device, registrationId, signedPrekey, kyberPrekey: lastResortPrekey, oneTimePrekey: undefined };
}
