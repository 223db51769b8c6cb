/**
 * What one envelope's ciphertext holds: a content, or a word between SDKs. Padded to size buckets before encryption, so
 * that a ciphertext's length says little of the text's.
 */

import { decodeRecord, encodeRecord } from "../codec.js";
import { SottoError } from "../failures.js";
import { MAX_EVIDENCE_BYTES } from "../frank/evidence.js";
import { FRANK_BYTES } from "../frank/frank.js";
import type { AccountId } from "../ids.js";
import { limits } from "../limits.js";
import {
  accountId,
  bytes,
  choice,
  conversationId,
  list,
  optional,
  record,
  type TypeOf,
  text,
  timeMs,
  uint,
} from "../schema/field.js";

const envelopeId = bytes(16);

/** Every type of payload, in the order of their numbers on the wire and in stores: new ones go to the end. */
export const payloadTypes = [
  "content",
  "contact",
  "retry",
  "unavailable",
  "nothing",
  "missed",
  "sent",
  "state",
  "archive",
  "archived",
  "senderKey",
  "invitation",
  "groupChange",
  "groups",
  "registers",
] as const;

/**
 * The fields of a payload; PROTOCOL.md's table is made from this record.
 *
 * Between any two accounts: `content` carries a content; `contact` hands over the sender's profile key and says nothing
 * else: from a stranger it asks for contact, to one who asked it accepts, later it replaces a key; `retry` asks for the
 * named sends again; `unavailable` answers that they are no longer kept; `nothing` answers that there is nothing to show;
 * `missed` asks for everything sent since `atMs`, because it was lost here.
 *
 * In a group: `content` with `group`, which says up to which entry its sender has read the log, and what that entry's hash
 * is; `groupChange` says only that. Between two members: `senderKey` hands over the key that its sender's device encrypts to
 * this group with; `content` with `group` is sent again to one who could not open it, and the words about that say `group` too. `invitation` asks an account to join
 * (group/bodies.ts).
 *
 * Only between devices of one account: `sent` carries a content of this account to `peer`, or to `group`, accepted by
 * the relay at `atMs`; `groups` says where this account stands in its groups (group/bodies.ts); `state` and `archive` carry account state and history (own-devices.ts); `registers` carries drafts, pins, labels and their like (registers.ts); `archived` acknowledges a part of an
 * archive; `missed` asks for the history since `atMs`.
 *
 * `resendOf` names the send that did not open and that this one answers; a content then says in `atMs` when the relay
 * accepted that one, for a reader that never had it. `profileKey` rides beside a content, because it is never shown: from
 * it the reader derives the key to write back sealed. `userId` claims the sender's name at the host; a reader shows it only
 * once the relay confirmed it.
 *
 * `frank` is what makes a content, or the content of an invitation, one that can be reported; only receipts and typing go without
 * (PROTOCOL.md, Franking). `evidence` of a `sent` content is what its sender's device keeps of its frank.
 */
export const payloadFields = {
  version: uint(1, 1),
  type: choice(...payloadTypes),
  resendOf: optional(envelopeId),
  envelopes: list(envelopeId, 64),
  peer: optional(accountId),
  atMs: optional(timeMs),
  body: bytes(0, limits.ownBodyBytes.value),
  profileKey: optional(bytes(32)),
  userId: optional(text(limits.userIdBytes.value, 1)),
  group: optional(record({ id: conversationId, revision: uint(0xffff_ffff), head: bytes(32) })),
  frank: optional(bytes(FRANK_BYTES)),
  evidence: optional(bytes(1, MAX_EVIDENCE_BYTES)),
} as const;

const fields = record(payloadFields);

/** What may answer a retry says which send it answers, by its wire message id. */
interface Answering {
  readonly resendOf?: Uint8Array | undefined;
}

/** What is shown can be reported. */
interface Franked {
  readonly frank?: Uint8Array | undefined;
}

/** What tells the reader how to write back. */
interface Introducing {
  readonly profileKey?: Uint8Array | undefined;
  readonly userId?: string | undefined;
}

/** Which group something is said in, and what its sender has read of the log: the last entry's number, and the hash of the last valid one. */
export type GroupStanding = NonNullable<TypeOf<typeof payloadFields.group>>;

/** A word between members about a send of a group says which one, for it is none of the conversation between the two. */
interface AboutGroup {
  readonly group?: GroupStanding | undefined;
}

/** A payload. `envelopes` are wire message ids of earlier sends; `content` and `body` are canonical bytes. */
export type Payload =
  | ({
      readonly type: "content";
      readonly content: Uint8Array;
      readonly atMs?: number | undefined;
      readonly group?: GroupStanding | undefined;
    } & Franked &
      Introducing &
      Answering)
  | ({ readonly type: "contact"; readonly profileKey: Uint8Array; readonly userId?: string | undefined } & Answering)
  | ({ readonly type: "retry" | "unavailable"; readonly envelopes: readonly Uint8Array[] } & AboutGroup)
  | ({ readonly type: "nothing"; readonly resendOf: Uint8Array } & AboutGroup)
  | { readonly type: "missed"; readonly atMs: number }
  | ({
      readonly type: "sent";
      /** Exactly one of `peer` and `group` is there. */
      readonly peer?: AccountId | undefined;
      readonly group?: GroupStanding | undefined;
      readonly atMs: number;
      readonly content: Uint8Array;
      readonly evidence?: Uint8Array | undefined;
    } & Answering)
  | ({
      readonly type: "state" | "archive" | "archived" | "groups" | "registers";
      readonly body: Uint8Array;
    } & Answering)
  | ({ readonly type: "senderKey"; readonly group: GroupStanding; readonly body: Uint8Array } & Answering)
  | ({
      readonly type: "invitation";
      readonly group: GroupStanding;
      readonly body: Uint8Array;
    } & Franked &
      Introducing &
      Answering)
  | { readonly type: "groupChange"; readonly group: GroupStanding };

/** The types that only devices of one account say to each other; from anybody else they are unfit. */
export const ownPayloadTypes: ReadonlySet<Payload["type"]> = new Set([
  "sent",
  "state",
  "archive",
  "archived",
  "groups",
  "registers",
]);

const NOTHING = new Uint8Array(0);

/**
 * The padded bytes of a payload, ready to encrypt.
 *
 * @throws invalidArgument if it names no envelope where its type needs one, or a field is out of bounds.
 */
export function encodePayload(payload: Payload): Uint8Array<ArrayBuffer> {
  const { type } = payload;
  const envelopes = "envelopes" in payload ? payload.envelopes : [];
  if (type === "sent" && (payload.peer === undefined) === (payload.group === undefined))
    throw new SottoError("invalidArgument", { detail: "what was sent went to one account or one group" });
  if ((type === "retry" || type === "unavailable") && envelopes.length === 0)
    throw new SottoError("invalidArgument", { detail: `a payload of type ${type} names envelopes` });
  const body = "content" in payload ? payload.content : "body" in payload ? payload.body : NOTHING;
  if ("content" in payload && body.length > limits.contentBytes.value)
    throw new SottoError("invalidArgument", { detail: "a content above the limit" });
  return pad(
    encodeRecord(fields, {
      version: 1,
      type,
      resendOf: "resendOf" in payload ? payload.resendOf : undefined,
      envelopes,
      peer: "peer" in payload ? payload.peer : undefined,
      atMs: "atMs" in payload ? payload.atMs : undefined,
      body,
      profileKey: "profileKey" in payload ? payload.profileKey : undefined,
      userId: "userId" in payload ? payload.userId : undefined,
      group: "group" in payload ? payload.group : undefined,
      frank: "frank" in payload ? payload.frank : undefined,
      evidence: "evidence" in payload ? payload.evidence : undefined,
    }),
  );
}

/**
 * Reads decrypted, padded bytes. Byte fields are views of `padded`.
 *
 * @throws badFrame if the padding or the record is wrong, or a field is there that its type does not have.
 */
export function decodePayload(padded: Uint8Array): Payload {
  const read = decodeRecord(fields, unpad(padded));
  const { type, resendOf, envelopes, peer, atMs, body, profileKey, userId, group, frank, evidence } = read;
  const payload = build();
  if (!hasOnly(payload, read)) return wrong();
  return payload;

  function build(): Payload {
    switch (type) {
      case "content":
        if (atMs !== undefined && resendOf === undefined) return wrong();
        return { type, content: asContent(body), profileKey, userId, resendOf, atMs, group, frank };
      case "contact":
        return profileKey === undefined ? wrong() : { type, profileKey, userId, resendOf };
      case "retry":
      case "unavailable":
        return envelopes.length === 0 ? wrong() : { type, envelopes, group };
      case "nothing":
        return resendOf === undefined ? wrong() : { type, resendOf, group };
      case "missed":
        return atMs === undefined ? wrong() : { type, atMs };
      case "sent":
        return (peer === undefined) === (group === undefined) || atMs === undefined
          ? wrong()
          : { type, peer, group, atMs, content: asContent(body), resendOf, evidence };
      case "state":
      case "archive":
      case "archived":
      case "groups":
      case "registers":
        return { type, body, resendOf };
      case "senderKey":
        return group === undefined ? wrong() : { type, group, body, resendOf };
      case "invitation":
        return group === undefined ? wrong() : { type, group, body, profileKey, userId, resendOf, frank };
      case "groupChange":
        return group === undefined ? wrong() : { type, group };
      default:
        return type satisfies never;
    }
  }
}

/** A field that the type does not have must not be there: every payload has one spelling. */
function hasOnly(
  payload: Payload,
  read: {
    readonly resendOf?: Uint8Array | undefined;
    readonly envelopes: readonly Uint8Array[];
    readonly peer?: AccountId | undefined;
    readonly atMs?: number | undefined;
    readonly body: Uint8Array;
    readonly profileKey?: Uint8Array | undefined;
    readonly userId?: string | undefined;
    readonly group?: GroupStanding | undefined;
    readonly frank?: Uint8Array | undefined;
    readonly evidence?: Uint8Array | undefined;
  },
): boolean {
  const isThere = {
    resendOf: read.resendOf !== undefined,
    envelopes: read.envelopes.length > 0,
    peer: read.peer !== undefined,
    atMs: read.atMs !== undefined,
    profileKey: read.profileKey !== undefined,
    userId: read.userId !== undefined,
    group: read.group !== undefined,
    frank: read.frank !== undefined,
    evidence: read.evidence !== undefined,
  };
  if (read.body.length > 0 && !("content" in payload) && !("body" in payload)) return false;
  return Object.entries(isThere).every(([name, there]) => !there || name in payload);
}

function asContent(body: Uint8Array): Uint8Array {
  return body.length > limits.contentBytes.value ? wrong() : body;
}

function wrong(): never {
  throw new SottoError("badFrame", { detail: "a payload whose fields do not fit its type" });
}

/**
 * The buckets: multiples of `step` up to `upTo`. The first is as large as a short text with its frank, so that a receipt, which has
 * none, is not told from it. Past the first bucket, padding is at most half of what is sent.
 */
const STEPS = [
  { upTo: 512, step: 512 },
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
