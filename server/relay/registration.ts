/** Registration: a host's user becomes an account, a key-holder one of its devices. */

import {
  type AccountId,
  equalBytes,
  type Frame,
  limits,
  MAX_DEVICE_ID,
  parseDeviceId,
  SottoError,
} from "@sotto/protocol";
import { type CertifiedUser, mailboxId } from "../ports.js";
import {
  type AccountDocument,
  type Device,
  findDevice,
  listedDevicesOf,
  MAX_RETIRED,
  mailboxOf,
  withDeliveryKey,
} from "./account.js";
import type { LoadedAccount } from "./accounts.js";
import { type Challenge, dayOf } from "./authentication.js";
import { tellDevices } from "./device-news.js";
import { checkRegistrationKeys } from "./registration-keys.js";
import { dropRetired, retire } from "./retired.js";
import type { DeviceIdentity, Rules } from "./rules.js";
import { accountOfUser, claimAccount, registeringUser, userKey } from "./user.js";

/** How often a registration is tried against others of the same account. */
const ATTEMPTS = 8;

/** What became of a registration. */
export type Registration =
  | { readonly kind: "registered"; readonly device: DeviceIdentity }
  /** The account has all the devices it may have: these. */
  | { readonly kind: "deviceLimit"; readonly devices: Frame<"refused">["devices"] };

/**
 * Registers a device.
 *
 * Everything is checked before anything is written. Then, in this order: the user's row with the account's random id,
 * the device's mailbox, the account's document. A crash in between leaves an account id without a document, which the
 * next registration of the user goes on with, and an empty mailbox that nobody can address; its device id stays unused
 * for that registration id. Former devices are let go by the document first and dropped after it; one that is replaced
 * leaves in the very change in which the new one joins.
 *
 * Idempotent: a device that never heard the answer, and asks again with the same keys, is the same device.
 *
 * @throws SottoError with the code of the refusal.
 */
export async function register(
  rules: Rules,
  frame: Frame<"register">,
  { challenge, remoteAddress }: { readonly challenge: Challenge; readonly remoteAddress: string },
): Promise<Registration> {
  rules.limiters.spend("registrationsPerAddress", remoteAddress);
  if (frame.replaces !== undefined && frame.mode !== "add") {
    throw new SottoError("badFrame", { detail: "only a device that is added replaces one" });
  }
  const user = await registeringUser(rules, frame);
  const key = userKey(rules, user);
  rules.limiters.spend("registrationsPerUser", key);
  checkRegistrationKeys(rules.signatures, frame, challenge);

  const account = frame.mode === "add" ? await accountOfUser(rules, key) : await claimAccount(rules, key);
  if (account === undefined) throw new SottoError("unknownUser");
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const loaded = await rules.accounts.load(account);
    const known = loaded === undefined ? undefined : sameDevice(loaded.document, frame);
    if (known !== undefined) return { kind: "registered", device: identity(account, known) };
    checkMode(frame, loaded);
    const full = atLimit(rules, frame, loaded);
    if (full !== undefined) {
      tellDevices(rules, account, full, "deviceLimit");
      return { kind: "deviceLimit", devices: listedDevicesOf(full) };
    }
    if (await hasNoRoomToRetire(rules, frame, account, loaded)) continue;

    const device = await createMailbox(rules, account, frame, loaded);
    const document = withDevice(frame, device, loaded?.document, user);
    if (!(await rules.accounts.replace(account, loaded?.revision, document))) {
      await rules.store.mail.drop(mailboxOf(account, device));
      continue;
    }
    tellDevices(rules, account, document, "devicesChanged", device.device);
    await dropRetired(rules, account);
    rules.metrics.count("registrations", frame.mode);
    return { kind: "registered", device: identity(account, device) };
  }
  throw new SottoError("busy", { detail: "others keep registering under this user" });
}

function sameDevice({ devices, identityKey }: AccountDocument, frame: Frame<"register">): Device | undefined {
  if (!equalBytes(identityKey, frame.identityKey)) return undefined;
  return devices.find(
    ({ authenticationKey, registrationId }) =>
      registrationId === frame.registrationId && equalBytes(authenticationKey, frame.authenticationKey),
  );
}

function checkMode({ mode, identityKey, replaces }: Frame<"register">, loaded: LoadedAccount | undefined): void {
  switch (mode) {
    case "first":
      if (loaded !== undefined) throw new SottoError("accountExists");
      return;
    case "add":
      if (loaded === undefined) throw new SottoError("unknownUser");
      if (!equalBytes(loaded.document.identityKey, identityKey)) throw new SottoError("accountExists");
      if (replaces !== undefined && findDevice(loaded.document, replaces) === undefined) {
        throw new SottoError("unknownDevice");
      }
      return;
    case "reset":
      return;
  }
}

/** The account, if it has no place for one more device. Only asked of who proved the account's identity key. */
function atLimit(
  { policy }: Rules,
  { mode, replaces }: Frame<"register">,
  loaded: LoadedAccount | undefined,
): AccountDocument | undefined {
  if (mode !== "add" || loaded === undefined) return undefined;
  const staying = loaded.document.devices.filter(({ device }) => device !== replaces);
  const limit = Math.min(policy.deviceLimit, limits.devicesPerAccount.value);
  return staying.length < limit ? undefined : loaded.document;
}

/** True if it must wait for former mailboxes to be dropped; they are then, and the document has changed. */
async function hasNoRoomToRetire(
  rules: Rules,
  { mode, replaces }: Frame<"register">,
  account: AccountId,
  loaded: LoadedAccount | undefined,
): Promise<boolean> {
  if (loaded === undefined) return false;
  const leaving = mode === "reset" ? loaded.document.devices.length : replaces === undefined ? 0 : 1;
  if (leaving === 0 || loaded.document.retired.length + leaving <= MAX_RETIRED) return false;
  await dropRetired(rules, account);
  return true;
}

/** Finds the next device id whose mailbox does not exist, present and former devices left out, and creates it. */
async function createMailbox(
  { clock, store }: Rules,
  account: AccountId,
  frame: Frame<"register">,
  loaded: LoadedAccount | undefined,
): Promise<Device> {
  const taken = new Set<number>();
  for (const { device } of loaded?.document.devices ?? []) taken.add(device);
  for (const { device } of loaded?.document.retired ?? []) taken.add(device);
  const { registrationId, authenticationKey, signedPrekey, lastResortPrekey, name } = frame;
  const addedMs = clock.now();
  const kept = { registrationId, authenticationKey, signedPrekey, lastResortPrekey, name };
  const last = loaded?.document.lastDevice ?? 0;
  for (let step = 0; step < MAX_DEVICE_ID; step++) {
    const id = ((last + step) % MAX_DEVICE_ID) + 1;
    if (taken.has(id)) continue;
    const device = parseDeviceId(id);
    if (!(await store.mail.create(mailboxId(account, device, registrationId)))) continue;
    return { device, ...kept, addedMs, seenDay: dayOf(addedMs) };
  }
  throw new SottoError("busy", { detail: "no device id is free" });
}

/** The document with the new device. Whom the account refuses stays, whatever becomes of its keys; what it is, the host says anew each time. */
function withDevice(
  frame: Frame<"register">,
  device: Device,
  current: AccountDocument | undefined,
  { issuer, role }: Pick<CertifiedUser, "issuer" | "role">,
): AccountDocument {
  const { deliveryKeyHash, identityKey, mode, replaces } = frame;
  if (current === undefined) {
    const access = { deliveryKeyHash, formerKeyHashes: [], firstContact: "everyone", blocked: [] } as const;
    return { issuer, identityKey, role, ...access, devices: [device], retired: [], lastDevice: device.device };
  }
  const leaving = mode === "add" ? current.devices.filter((one) => one.device === replaces) : current.devices;
  const rest = retire(current, leaving);
  const joined = { ...rest, role, devices: [...rest.devices, device], lastDevice: device.device };
  return mode === "add" ? joined : { ...withDeliveryKey(joined, deliveryKeyHash), issuer, identityKey };
}

function identity(account: AccountId, { device, registrationId }: Device): DeviceIdentity {
  return { account, device, registrationId, mailbox: mailboxId(account, device, registrationId) };
}
