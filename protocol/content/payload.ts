/**
 * What one envelope's ciphertext holds: a content, or a word between two SDKs about an envelope that did not open.
 * Padded to size buckets before encryption, so that a ciphertext's length says little of the text's.
 */

import { decodeRecord, encodeRecord } from "../codec.js";
import { SottoError } from "../failures.js";
import { limits } from "../limits.js";
import { bytes, choice, list, optional, record, uint } from "../schema/field.js";

const envelopeId = bytes(16);

/**
 * The fields of a payload; PROTOCOL.md's table is made from this record.
 *
 * `content` carries a content; `resend` carries one again in answer to a retry, `envelopes` naming the send that did not
 * open; `retry` asks for the named sends again; `unavailable` answers that they are no longer kept. `profileKey` rides
 * beside a content, because it is never shown: from it the reader derives the key to write back sealed.
 */
export const payloadFields = {
  version: uint(1, 1),
  type: choice("content", "resend", "retry", "unavailable"),
  envelopes: list(envelopeId, 64),
  content: bytes(0, limits.contentBytes.value),
  profileKey: optional(bytes(32)),
} as const;

const fields = record(payloadFields);

/** A payload. `envelopes` are wire message ids of earlier sends. */
export type Payload =
  | { readonly type: "content"; readonly content: Uint8Array; readonly profileKey?: Uint8Array | undefined }
  | {
      readonly type: "resend";
      readonly envelope: Uint8Array;
      readonly content: Uint8Array;
      readonly profileKey?: Uint8Array | undefined;
    }
  | { readonly type: "retry"; readonly envelopes: readonly Uint8Array[] }
  | { readonly type: "unavailable"; readonly envelopes: readonly Uint8Array[] };

const NOTHING = new Uint8Array(0);

/**
 * The padded bytes of a payload, ready to encrypt.
 *
 * @throws invalidArgument if it names no envelope where its type needs one, or a field is out of bounds.
 */
export function encodePayload(payload: Payload): Uint8Array<ArrayBuffer> {
  const { type } = payload;
  const envelopes = type === "content" ? [] : type === "resend" ? [payload.envelope] : payload.envelopes;
  if (type !== "content" && envelopes.length === 0)
    throw new SottoError("invalidArgument", { detail: `a payload of type ${type} names envelopes` });
  const carries = type === "content" || type === "resend";
  const content = carries ? payload.content : NOTHING;
  const profileKey = carries ? payload.profileKey : undefined;
  return pad(encodeRecord(fields, { version: 1, type, envelopes, content, profileKey }));
}

/**
 * Reads decrypted, padded bytes. Byte fields are views of `padded`.
 *
 * @throws badFrame if the padding or the record is wrong.
 */
export function decodePayload(padded: Uint8Array): Payload {
  const { type, envelopes, content, profileKey } = decodeRecord(fields, unpad(padded));
  const [envelope] = envelopes;
  switch (type) {
    case "content":
      return envelopes.length === 0 ? { type, content, profileKey } : wrong();
    case "resend":
      return envelope !== undefined && envelopes.length === 1 ? { type, envelope, content, profileKey } : wrong();
    case "retry":
    case "unavailable":
      return envelopes.length > 0 && content.length === 0 && profileKey === undefined ? { type, envelopes } : wrong();
  }
}

function wrong(): never {
  throw new SottoError("badFrame", { detail: "a payload whose fields do not fit its type" });
}

/** The buckets: multiples of `step` up to `upTo`. Past the first bucket, padding is at most half of what is sent. */
const STEPS = [
  { upTo: 1_024, step: 256 },
  { upTo: 4_096, step: 1_024 },
  { upTo: 16_384, step: 4_096 },
  { upTo: Number.POSITIVE_INFINITY, step: 16_384 },
] as const;

/** The size a payload of this many bytes is padded to, its end mark included. */
export function paddedSize(sizeBytes: number): number {
  const needed = sizeBytes + 1;
  for (const { upTo, step } of STEPS) {
    const size = Math.ceil(needed / step) * step;
    if (size <= upTo) return size;
  }
  throw new SottoError("tooLarge");
}

function pad(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const padded = new Uint8Array(paddedSize(payload.length));
  padded.set(payload);
  padded[payload.length] = 0x80;
  return padded;
}

function unpad(padded: Uint8Array): Uint8Array {
  const end = padded.findLastIndex((byte) => byte !== 0);
  if (end < 0 || padded[end] !== 0x80 || padded.length !== paddedSize(end)) {
    throw new SottoError("badFrame", { detail: "wrong padding" });
  }
  return padded.subarray(0, end);
}
