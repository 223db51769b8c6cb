/** What the desk tells the relay to do about an account: signed, timed, and taken back by another one (PROTOCOL.md, Desk). */

import { decodeRecord, encodeRecord } from "../codec.js";
import { labelled } from "../derive.js";
import { SottoError } from "../failures.js";
import type { Sign, Verify } from "../frank/frank.js";
import type { Realm } from "../frank/token.js";
import { accountId, bytes, choice, deviceId, optional, record, type TypeOf, timeMs, uint } from "../schema/field.js";

/**
 * What can be done about an account, from the mildest: say so; no first contacts; no tokens, so that nobody is shown what it
 * says, and no uploads; one device gone; nothing sent at all. `lift` ends what was done before.
 */
export const sanctionKinds = ["warn", "noNewConversations", "mute", "revokeDevice", "suspend", "lift"] as const;
/** What can be done about an account. */
export type SanctionKind = (typeof sanctionKinds)[number];

/** The fields of a sanction; PROTOCOL.md's table is made from this record. */
export const sanctionFields = {
  version: uint(1, 1),
  /** Of several words under one id the first counts. */
  id: bytes(16),
  account: accountId,
  kind: choice(...sanctionKinds),
  /** Of `revokeDevice`. */
  device: optional(deviceId),
  /** Of `lift`: what it ends. */
  lifts: optional(bytes(16)),
  /** Absent: until it is lifted. */
  untilMs: optional(timeMs),
  atMs: timeMs,
} as const;

const signedPart = record(sanctionFields);
const outer = record({ signed: bytes(1, 512), signature: bytes(64) });

/** A sanction. */
export type Sanction = Omit<TypeOf<typeof signedPart>, "version">;

/** The bytes of a sanction. `sign` is Ed25519 by the desk's signer. */
export function encodeSanction(sanction: Sanction, realm: Realm, sign: Sign): Uint8Array<ArrayBuffer> {
  const signed = encodeRecord(signedPart, { version: 1, ...sanction });
  return encodeRecord(outer, { signed, signature: sign(sanctionText(realm, signed)) });
}

/** Reads a sanction. @throws badFrame if the bytes are none, or this signer did not sign them. */
export function decodeSanction(encoded: Uint8Array, realm: Realm, signer: Uint8Array, verify: Verify): Sanction {
  const { signed, signature } = decodeRecord(outer, encoded);
  const { version: _version, ...sanction } = decodeRecord(signedPart, signed);
  if (!verify(signer, sanctionText(realm, signed), signature)) {
    throw new SottoError("badFrame", { detail: "a sanction that the desk did not sign" });
  }
  return sanction;
}

function sanctionText(realm: Realm, signed: Uint8Array): Uint8Array<ArrayBuffer> {
  return labelled("frank1/sanction", realm, signed);
}
