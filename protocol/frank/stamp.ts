/** The relay's stamp: that it took a commitment for an account at a time. Only the desk can check it (PROTOCOL.md, Franking). */

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { labelled } from "../derive.js";
import { SottoError } from "../failures.js";
import type { Realm } from "./token.js";

/** Bytes of a stamp: a MAC that only the desk checks. */
export const STAMP_BYTES = 16;
/** Bytes of a commitment. Never cut short: it binds. */
export const COMMITMENT_BYTES = 32;

const STAMP_KEY_BYTES = 32;

/** What a stamp is about. */
export interface Stamped {
  readonly commitment: Uint8Array;
  /** The 16 bytes of the account it was for; of what a sender is told of its own send to a group, of the group. */
  readonly recipient: Uint8Array;
  /** The relay's clock when it took it. */
  readonly acceptedMs: number;
}

/** The stamp under the key of the day. */
export function stamp(stampKey: Uint8Array, realm: Realm, stamped: Stamped): Uint8Array<ArrayBuffer> {
  return stamper(stampKey, realm)(stamped);
}

/**
 * Makes stamps under one key: the MAC of `mac` over `labelled("frank1/stamp", realm, commitment, recipient, u64(acceptedMs))`.
 * The key and what all of them begin with are hashed once, for a relay makes one for every envelope it delivers.
 *
 * @throws invalidArgument for a key that has not exactly 32 bytes.
 */
export function stamper(stampKey: Uint8Array, realm: Realm): (stamped: Stamped) => Uint8Array<ArrayBuffer> {
  if (stampKey.length !== STAMP_KEY_BYTES) {
    throw new SottoError("invalidArgument", { detail: "a MAC key has 32 bytes" });
  }
  const begun = hmac.create(sha256, stampKey).update(labelled("frank1/stamp", realm));
  const space = begun.clone();
  return ({ commitment, recipient, acceptedMs }) => {
    const rest = new Uint8Array(4 + commitment.length + 4 + recipient.length + 4 + 8);
    const view = new DataView(rest.buffer);
    view.setUint32(0, commitment.length);
    rest.set(commitment, 4);
    view.setUint32(4 + commitment.length, recipient.length);
    rest.set(recipient, 8 + commitment.length);
    view.setUint32(rest.length - 12, 8);
    view.setBigUint64(rest.length - 8, BigInt(acceptedMs));
    const tag = begun._cloneInto(space).update(rest).digest();
    return tag.slice(0, STAMP_BYTES) as Uint8Array<ArrayBuffer>;
  };
}
