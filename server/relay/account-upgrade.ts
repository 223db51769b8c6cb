/** Account documents of the first version, as the relay wrote them before devices had names and dates. */

import { decodeRecord, field, limits, parseDeviceId } from "@sotto/protocol";
import type { AccountDocument } from "./account.js";

/** The version this file reads. Its fields never change any more. */
export const FIRST_DOCUMENT_VERSION = 1;

const registrationId = field.uint(0x3fff, 1);
const prekeyId = field.uint(0xff_ffff, 1);
const signed = (size: number) => field.record({ id: prekeyId, key: field.bytes(size), signature: field.bytes(64) });

const device = field.record({
  device: field.deviceId,
  registrationId,
  authenticationKey: field.bytes(32),
  signedPrekey: signed(33),
  lastResortPrekey: signed(1569),
});

const document = field.record({
  version: field.uint(FIRST_DOCUMENT_VERSION, FIRST_DOCUMENT_VERSION),
  issuer: field.text(limits.tokenBytes.value),
  identityKey: field.bytes(33),
  deliveryKeyHash: field.bytes(32),
  firstContact: field.choice("everyone", "nobody"),
  blocked: field.list(field.accountId, 1_000),
  devices: field.list(device, 16),
  retired: field.list(field.record({ device: field.deviceId, registrationId }), 64),
});

/**
 * The document that bytes of the first version spell, as one of today. It is written back as such with its next change.
 *
 * @throws badFrame if they spell none.
 */
export function decodeFirstAccount(bytes: Uint8Array): AccountDocument {
  const { version: _, devices, ...kept } = decodeRecord(document, bytes);
  return {
    ...kept,
    formerKeyHashes: [],
    lastDevice: parseDeviceId(Math.max(1, ...[...devices, ...kept.retired].map((one) => one.device))),
    devices: devices.map((one) => ({ ...one, addedMs: 0, seenDay: 0 })),
  };
}
