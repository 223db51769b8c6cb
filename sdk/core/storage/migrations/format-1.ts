/** The rows of store format 1 that format 2 changed, as they lie on disk. Only migrations read them. */

import { decodeRecord, field, limits } from "@sotto/protocol";

const { accountId, bytes, choice, conversationId, deviceId, list, optional, record, text, timeMs, uint } = field;

const sequence = uint(Number.MAX_SAFE_INTEGER);
const content = bytes(0, limits.contentBytes.value);
const envelopeId = bytes(16);
const prekeyId = uint(0xff_ffff, 1);

const account = record({
  phase: choice("registering", "registered"),
  relay: text(2_048),
  userId: optional(text(256)),
  root: optional(bytes(33)),
  account: optional(accountId),
  device: optional(deviceId),
  registrationId: uint(0x3fff, 1),
  identityPublic: bytes(33),
  identityPrivate: bytes(32),
  devicePublic: bytes(32),
  devicePrivate: bytes(32),
  profileKey: bytes(32),
  name: optional(text(limits.profileNameBytes.value, 1)),
  nextPrekeyId: prekeyId,
  signedPrekeyId: prekeyId,
  lastResortPrekeyId: prekeyId,
  rotatedMs: timeMs,
});

const peer = record({
  account: accountId,
  userId: optional(text(256)),
  identityKey: optional(bytes(33)),
  verification: choice("unverified", "verified", "changed"),
  profileKey: optional(bytes(32)),
  name: optional(text(limits.profileNameBytes.value, 1)),
  devices: list(deviceId, 127),
});

const conversation = record({
  conversation: conversationId,
  peer: accountId,
  nextSequence: sequence,
  nextCounter: sequence,
});

const item = record({
  shape: choice("content", "keychange", "undecryptable", "hidden"),
  from: accountId,
  atMs: timeMs,
  content,
  status: choice("received", "pending", "accepted", "delivered", "read", "failed"),
  failure: optional(text(64)),
  edit: optional(content),
  deletedMs: optional(timeMs),
  reactions: list(record({ from: accountId, emoji: text(64, 1) }), 256),
  reason: optional(text(64)),
  envelope: optional(envelopeId),
});

const outbox = record({
  envelope: envelopeId,
  recipient: accountId,
  type: choice("content", "resend", "retry", "unavailable"),
  envelopes: list(envelopeId, 64),
  content,
  conversation: optional(conversationId),
  sequence: optional(sequence),
  createdMs: timeMs,
  state: choice("queued", "failed"),
});

const sent = record({ recipient: accountId, content, sentMs: timeMs, resends: uint(16) });

const undecryptable = record({
  sender: accountId,
  device: deviceId,
  conversation: conversationId,
  sequence,
  sinceMs: timeMs,
  askedMs: optional(timeMs),
});

const inbox = record({ cursor: sequence });

const oldRows = { account, peer, conversation, item, outbox, sent, undecryptable, inbox } as const;

/** The type of a row of format 1. */
export type OldRow<Name extends keyof typeof oldRows> = field.TypeOf<(typeof oldRows)[Name]>;

/**
 * A stored row as format 1 has it; `undefined` if it is none, because an earlier migration got that far. No bytes are
 * rows of both: the formats differ in how many fields a row has, and a row has exactly its fields.
 */
export function tryOldRow<Name extends keyof typeof oldRows>(name: Name, stored: Uint8Array): OldRow<Name> | undefined {
  try {
    return decodeRecord(oldRows[name] as field.Field<OldRow<Name>>, stored);
  } catch {
    return undefined;
  }
}
