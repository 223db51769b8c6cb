/** A device's published keys: added, counted, and taken one at a time. */

import { type Frame, limits, SottoError } from "@sotto/protocol";
import type { MailboxId } from "../ports.js";
import { type AccountDocument, type Device, digestOf, findDevice } from "./account.js";
import { checkKyberPrekey, checkRisingIds, checkSignedPrekey } from "./registration-keys.js";
import type { DeviceCaller, DeviceIdentity, Rules } from "./rules.js";

const MAX_KEYS = limits.oneTimePrekeys.value;

/** Ids of prekeys have 24 bits. */
const BEYOND_EVERY_ID = 0x100_0000;

/** A Kyber one-time key is stored as its 1,569 bytes with the signature behind them. */
const SIGNATURE_BYTES = 64;

interface OneTimeKeys {
  readonly curve: { readonly id: number; readonly key: Uint8Array } | undefined;
  readonly kyber: { readonly id: number; readonly key: Uint8Array; readonly signature: Uint8Array } | undefined;
}

/** How many one-time keys the relay holds for a device. */
export async function countOneTimeKeys(
  { store }: Rules,
  mailbox: MailboxId,
): Promise<{ readonly oneTimeCount: number; readonly kyberCount: number }> {
  const [oneTimeCount, kyberCount] = await Promise.all([
    store.directory.countPrekeys(mailbox, "curve"),
    store.directory.countPrekeys(mailbox, "kyber"),
  ]);
  return { oneTimeCount, kyberCount };
}

/** The highest id a device ever published a key under, of whatever kind. */
export async function highestPrekeyId(
  { store }: Rules,
  mailbox: MailboxId,
  { signedPrekey, lastResortPrekey }: Device,
): Promise<number> {
  const [curve, kyber] = await Promise.all([
    store.directory.highestPrekey(mailbox, "curve"),
    store.directory.highestPrekey(mailbox, "kyber"),
  ]);
  return Math.max(curve, kyber, signedPrekey.id, lastResortPrekey.id);
}

/** Takes a one-time key of each kind, where there is one; tells the device when few are left. */
export async function takeOneTimeKeys({ bus, policy, store }: Rules, mailbox: MailboxId): Promise<OneTimeKeys> {
  const [curve, kyber] = await Promise.all([
    store.directory.takePrekey(mailbox, "curve"),
    store.directory.takePrekey(mailbox, "kyber"),
  ]);
  const oneTimeCount = curve?.left ?? 0;
  const kyberCount = kyber?.left ?? 0;
  if (Math.min(oneTimeCount, kyberCount) < policy.keysLowAt) {
    bus.publish(mailbox, { kind: "keysLow", oneTimeCount, kyberCount });
  }
  return {
    curve: curve === undefined ? undefined : { id: curve.id, key: curve.key },
    kyber: kyber === undefined ? undefined : splitKyber(kyber),
  };
}

/**
 * Answers `publishKeys`. Every key is checked before anything is written; a repeat of the same upload changes nothing.
 *
 * @throws badKeys, badSignature
 */
export async function publishKeys(rules: Rules, caller: DeviceCaller, frame: Frame<"publishKeys">): Promise<void> {
  const { account, mailbox } = caller.device;
  rules.limiters.spend("publishesPerAccount", account);
  const own = await rules.accounts.load(account);
  const { identityKey } = own === undefined ? removed() : own.document;
  checkUpload(rules, identityKey, frame);

  const { signedPrekey, lastResortPrekey } = frame;
  const document = await rules.accounts.change(account, (current) => {
    const device = ownDevice(current, caller.device);
    if (signedPrekey === undefined && lastResortPrekey === undefined) return undefined;
    const renewed = {
      ...device,
      signedPrekey: signedPrekey ?? device.signedPrekey,
      lastResortPrekey: lastResortPrekey ?? device.lastResortPrekey,
    };
    return { ...current, devices: current.devices.map((one) => (one === device ? renewed : one)) };
  });
  if (document === undefined) return removed();
  if (frame.oneTime === "replace") await discardBefore(rules, mailbox, frame);
  const [oneTimeCount, kyberCount] = await Promise.all([
    rules.store.directory.addPrekeys(mailbox, "curve", frame.oneTimePrekeys, MAX_KEYS),
    rules.store.directory.addPrekeys(mailbox, "kyber", frame.kyberPrekeys.map(joinKyber), MAX_KEYS),
  ]);
  await dropIfRemoved(rules, caller.device);
  const digest = digestOf(document, ownDevice(document, caller.device));
  caller.answer({ type: "published", id: frame.id, keyDigest: digest, oneTimeCount, kyberCount });
}

/**
 * Deletes what was written behind the end of a device that was removed meanwhile: its mailbox was dropped with the keys it had
 * then, and nobody looks for more under its name.
 *
 * @throws notAuthenticated if it was removed.
 */
async function dropIfRemoved({ accounts, store }: Rules, device: DeviceIdentity): Promise<void> {
  const loaded = await accounts.load(device.account);
  const held = loaded === undefined ? undefined : findDevice(loaded.document, device.device);
  if (held?.registrationId === device.registrationId) return;
  await store.mail.drop(device.mailbox);
  removed();
}

/**
 * Discards the one-time keys that an upload replaces: those with an id below its lowest, all where it has none. So a repeat
 * of the upload, after its answer was lost, does not discard the keys it has added itself.
 */
async function discardBefore({ store }: Rules, mailbox: MailboxId, frame: Frame<"publishKeys">): Promise<void> {
  const lowest = (keys: readonly { readonly id: number }[]) => keys[0]?.id ?? BEYOND_EVERY_ID;
  await Promise.all([
    store.directory.discardPrekeys(mailbox, "curve", lowest(frame.oneTimePrekeys)),
    store.directory.discardPrekeys(mailbox, "kyber", lowest(frame.kyberPrekeys)),
  ]);
}

function checkUpload({ signatures }: Rules, identityKey: Uint8Array, frame: Frame<"publishKeys">): void {
  checkRisingIds(frame.oneTimePrekeys);
  checkRisingIds(frame.kyberPrekeys);
  for (const { key } of frame.oneTimePrekeys) {
    if (!signatures.isCurveKey(key)) throw new SottoError("badKeys", { detail: "a one-time prekey" });
  }
  if (frame.signedPrekey !== undefined) checkSignedPrekey(signatures, identityKey, frame.signedPrekey);
  if (frame.lastResortPrekey !== undefined) checkKyberPrekey(signatures, identityKey, frame.lastResortPrekey);
  for (const prekey of frame.kyberPrekeys) checkKyberPrekey(signatures, identityKey, prekey);
}

/** The caller's own device in its account's document. @throws notAuthenticated if it was removed meanwhile */
export function ownDevice(document: AccountDocument, { device, registrationId }: DeviceIdentity): Device {
  const own = findDevice(document, device);
  return own === undefined || own.registrationId !== registrationId ? removed() : own;
}

function removed(): never {
  throw new SottoError("notAuthenticated", { detail: "the device was removed" });
}

function joinKyber({
  id,
  key,
  signature,
}: {
  readonly id: number;
  readonly key: Uint8Array;
  readonly signature: Uint8Array;
}) {
  const joined = new Uint8Array(key.length + signature.length);
  joined.set(key);
  joined.set(signature, key.length);
  return { id, key: joined };
}

function splitKyber({ id, key }: { readonly id: number; readonly key: Uint8Array }) {
  const end = key.length - SIGNATURE_BYTES;
  return { id, key: key.subarray(0, end), signature: key.subarray(end) };
}
