/** Account documents as earlier relays wrote them. Their fields never change any more; each is written back as today's with its next change. */

import { decodeRecord, field, limits, parseDeviceId } from "@sotto/protocol";
import type { AccountDocument } from "./account.js";

/** Before devices had names and dates. */
export const FIRST_DOCUMENT_VERSION = 1;
/** Before the host said what an account is. */
export const SECOND_DOCUMENT_VERSION = 2;

const registrationId = field.uint(0x3fff, 1);
const prekeyId = field.uint(0xff_ffff, 1);
const signed = (size: number) => field.record({ id: prekeyId, key: field.bytes(size), signature: field.bytes(64) });

const firstDevice = field.record({
  device: field.deviceId,
  registrationId,
  authenticationKey: field.bytes(32),
  signedPrekey: signed(33),
  lastResortPrekey: signed(1569),
});

const firstDocument = field.record({
  version: field.uint(FIRST_DOCUMENT_VERSION, FIRST_DOCUMENT_VERSION),
  issuer: field.text(limits.tokenBytes.value),
  identityKey: field.bytes(33),
  deliveryKeyHash: field.bytes(32),
  firstContact: field.choice("everyone", "nobody"),
  blocked: field.list(field.accountId, 1_000),
  devices: field.list(firstDevice, 16),
  retired: field.list(field.record({ device: field.deviceId, registrationId }), 64),
});

const secondDevice = field.record({
  device: field.deviceId,
  registrationId,
  authenticationKey: field.bytes(32),
  signedPrekey: signed(33),
  lastResortPrekey: signed(1569),
  addedMs: field.timeMs,
  seenDay: field.uint(0xffff_ffff),
  name: field.optional(field.bytes(92)),
});

const secondDocument = field.record({
  version: field.uint(SECOND_DOCUMENT_VERSION, SECOND_DOCUMENT_VERSION),
  issuer: field.text(limits.tokenBytes.value),
  identityKey: field.bytes(33),
  deliveryKeyHash: field.bytes(32),
  formerKeyHashes: field.list(field.bytes(32), 8),
  firstContact: field.choice("everyone", "grant", "contacts", "nobody"),
  blocked: field.list(field.accountId, 1_000),
  devices: field.list(secondDevice, 16),
  retired: field.list(field.record({ device: field.deviceId, registrationId }), 64),
  lastDevice: field.deviceId,
});

/**
 * The document that bytes of the first version spell, as one of today.
 *
 * @throws badFrame if they spell none.
 */
export function decodeFirstAccount(bytes: Uint8Array): AccountDocument {
  const { version: _, devices, ...kept } = decodeRecord(firstDocument, bytes);
  return {
    ...kept,
    role: "person",
    formerKeyHashes: [],
    lastDevice: parseDeviceId(Math.max(1, ...[...devices, ...kept.retired].map((one) => one.device))),
    devices: devices.map((one) => ({ ...one, addedMs: 0, seenDay: 0 })),
  };
}

/**
 * The document that bytes of the second version spell, as one of today.
 *
 * @throws badFrame if they spell none.
 */
export function decodeSecondAccount(bytes: Uint8Array): AccountDocument {
  const { version: _, ...kept } = decodeRecord(secondDocument, bytes);
  return { ...kept, role: "person" };
}
