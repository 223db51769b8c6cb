/** Payload records spelt by hand, for tests and vectors that must not trust the encoder. */

import type { Wire } from "../spelling.js";

/** The fields a payload may have beside version and type. */
type PayloadField =
  | "resendOf"
  | "envelopes"
  | "peer"
  | "atMs"
  | "body"
  | "profileKey"
  | "userId"
  | "group"
  | "frank"
  | "evidence";

/** A payload of a type by its number, as it travels; what is left out is absent. */
export function payloadWire(type: number, fields: Partial<Record<PayloadField, Wire>> = {}): Wire[] {
  const { resendOf = null, envelopes = [], peer = null, atMs = null, body = new Uint8Array(0) } = fields;
  const { profileKey = null, userId = null, group = null, frank = null, evidence = null } = fields;
  return [1, type, resendOf, envelopes, peer, atMs, body, profileKey, userId, group, frank, evidence];
}
