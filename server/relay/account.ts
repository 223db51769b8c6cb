/** The account document: what the relay knows of an account, as one record. */

import {
  type AccountId,
  accountRoles,
  type DeviceId,
  decodeRecord,
  encodeRecord,
  equalBytes,
  type Frame,
  field,
  firstContactPolicies,
  keyDigest,
  limits,
  MAX_DEVICE_ID,
  parseDeviceId,
  SottoError,
  type TypeOf,
} from "@sotto/protocol";
import { type MailboxId, mailboxId } from "../ports.js";
import {
  decodeFirstAccount,
  decodeSecondAccount,
  FIRST_DOCUMENT_VERSION,
  SECOND_DOCUMENT_VERSION,
} from "./account-upgrade.js";

/** The version this file writes. Another one is a format change, which ships its migration (`account-upgrade.ts`). */
const DOCUMENT_VERSION = 3;

/** Where the version stands: behind the one byte that says how many fields follow. */
const VERSION_AT = 1;

/** Replaced delivery keys that are remembered: a contact who was away for more rotations falls back to a request. */
const MAX_FORMER_KEYS = 8;

/** Mailboxes of former devices that may wait to be dropped. */
export const MAX_RETIRED = 64;

const registrationId = field.uint(0x3fff, 1);
const prekeyId = field.uint(0xff_ffff, 1);
const signed = (size: number) => field.record({ id: prekeyId, key: field.bytes(size), signature: field.bytes(64) });

const device = field.record({
  device: field.deviceId,
  registrationId,
  authenticationKey: field.bytes(32),
  signedPrekey: signed(33),
  lastResortPrekey: signed(1569),
  /** When it joined; 0 if that was before documents said so. */
  addedMs: field.timeMs,
  /** The day it was last here, in days since 1970: no finer, so that what lies on disk is no diary. */
  seenDay: field.uint(0xffff_ffff),
  /** Sealed by the account's devices for each other. */
  name: field.optional(field.bytes(limits.sealedNameBytes.value)),
});

const document = field.record({
  version: field.uint(DOCUMENT_VERSION, DOCUMENT_VERSION),
  /** Whose users this account belongs to: names are resolved among users of the same issuer. */
  issuer: field.text(limits.tokenBytes.value),
  identityKey: field.bytes(33),
  /** What the host said it is, when a device last registered. */
  role: field.choice(...accountRoles),
  deliveryKeyHash: field.bytes(32),
  /** Hashes of the delivery keys before, the latest first. */
  formerKeyHashes: field.list(field.bytes(32), MAX_FORMER_KEYS),
  firstContact: field.choice(...firstContactPolicies),
  blocked: field.list(field.accountId, limits.blockedAccounts.value),
  devices: field.list(device, limits.devicesPerAccount.value),
  /** Mailboxes that no device owns any more and that are yet to be dropped. */
  retired: field.list(field.record({ device: field.deviceId, registrationId }), MAX_RETIRED),
  /** The device id given last. Ids go round, so that a removed device's comes back only long after its certificates ended. */
  lastDevice: field.deviceId,
});

/** One registered device: its keys as published. One-time keys are kept apart. */
export type Device = TypeOf<typeof device>;

/** What the relay knows of an account. */
export type AccountDocument = Omit<TypeOf<typeof document>, "version">;

/** The bytes of a document. */
export function encodeAccount(account: AccountDocument): Uint8Array {
  return encodeRecord(document, { version: DOCUMENT_VERSION, ...account });
}

/**
 * The document that stored bytes spell.
 *
 * @throws internal if they spell none: our own store holds something we did not write.
 */
export function decodeAccount(bytes: Uint8Array): AccountDocument {
  try {
    if (bytes[VERSION_AT] === FIRST_DOCUMENT_VERSION) return decodeFirstAccount(bytes);
    if (bytes[VERSION_AT] === SECOND_DOCUMENT_VERSION) return decodeSecondAccount(bytes);
    return decodeRecord(document, bytes);
  } catch (cause) {
    throw new SottoError("internal", { detail: "a stored account document does not parse", cause });
  }
}

/**
 * The bytes of a document that stands in for one that is not there, so that a look-up in vain costs what a look-up costs.
 * No delivery key has its hash, and nobody can be its device.
 */
export const absentAccount: Uint8Array = encodeAccount({
  issuer: "",
  identityKey: new Uint8Array(33),
  role: "person",
  deliveryKeyHash: new Uint8Array(32),
  formerKeyHashes: [],
  firstContact: "nobody",
  blocked: [],
  devices: [
    {
      device: parseDeviceId(MAX_DEVICE_ID),
      registrationId: 1,
      authenticationKey: new Uint8Array(32),
      signedPrekey: { id: 1, key: new Uint8Array(33), signature: new Uint8Array(64) },
      lastResortPrekey: { id: 1, key: new Uint8Array(1569), signature: new Uint8Array(64) },
      addedMs: 0,
      seenDay: 0,
    },
  ],
  retired: [],
  lastDevice: parseDeviceId(MAX_DEVICE_ID),
});

/** The device of an account by its id. */
export function findDevice(account: AccountDocument, id: DeviceId): Device | undefined {
  return account.devices.find((candidate) => candidate.device === id);
}

/** The document under another delivery key; the one before is remembered as a former one. The same key changes nothing. */
export function withDeliveryKey(account: AccountDocument, deliveryKeyHash: Uint8Array): AccountDocument {
  if (equalBytes(account.deliveryKeyHash, deliveryKeyHash)) return account;
  const former = [account.deliveryKeyHash, ...account.formerKeyHashes];
  const formerKeyHashes = former.filter((hash) => !equalBytes(hash, deliveryKeyHash)).slice(0, MAX_FORMER_KEYS);
  return { ...account, deliveryKeyHash: deliveryKeyHash.slice(), formerKeyHashes };
}

/** The devices of an account as its other devices need them. */
export function ownDevicesOf({ devices }: AccountDocument): Frame<"welcome">["devices"] {
  return devices.map(({ device: id, registrationId, addedMs }) => ({ device: id, registrationId, addedMs }));
}

/** The devices of an account as their owner sees them. */
export function listedDevicesOf({ devices }: AccountDocument): Frame<"deviceList">["devices"] {
  return devices.map(({ device: id, registrationId, addedMs, seenDay, name }) => ({
    device: id,
    registrationId,
    addedMs,
    seenDay,
    name,
  }));
}

/** The mailbox of one of an account's devices, present or former. */
export function mailboxOf(account: AccountId, of: Pick<Device, "device" | "registrationId">): MailboxId {
  return mailboxId(account, of.device, of.registrationId);
}

/** The digest by which a device finds out whether the relay holds the keys it published. */
export function digestOf(account: AccountDocument, of: Device): Uint8Array {
  return keyDigest({
    identityKey: account.identityKey,
    registrationId: of.registrationId,
    signedPrekey: of.signedPrekey,
    lastResortPrekey: of.lastResortPrekey,
  });
}
