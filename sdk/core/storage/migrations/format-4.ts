/** Rows of format 4 whose shape has changed, as they lie on disk. Only migrations read them. */

import { decodeRecord, field, limits } from "@sotto/protocol";

const { accountId, bytes, choice, conversationId, deviceId, list, optional, record, text, timeMs, uint } = field;

const sequence = uint(Number.MAX_SAFE_INTEGER);
const envelopeId = bytes(16);
const version = uint(0xffff_ffff);
const body = bytes(0, limits.ownBodyBytes.value);
const standing = record({ revision: version, head: bytes(32) });
const payloadType = choice(
  ...([
    ...(["content", "contact", "retry", "unavailable", "nothing", "missed", "sent", "state"] as const),
    ...(["archive", "archived", "senderKey", "invitation", "groupChange", "groups", "registers"] as const),
  ] as const),
);

const outbox = record({
  envelope: envelopeId,
  recipient: optional(accountId),
  group: optional(conversationId),
  standing: optional(standing),
  device: optional(deviceId),
  type: payloadType,
  resendOf: optional(envelopeId),
  envelopes: list(envelopeId, 64),
  peer: optional(accountId),
  atMs: optional(timeMs),
  body,
  conversation: optional(conversationId),
  sequence: optional(sequence),
  createdMs: timeMs,
  state: choice("queued", "failed"),
});

const sent = record({
  recipient: optional(accountId),
  group: optional(conversationId),
  standing: optional(standing),
  device: optional(deviceId),
  type: payloadType,
  peer: optional(accountId),
  atMs: optional(timeMs),
  body,
  sentMs: timeMs,
  acceptedMs: timeMs,
  resends: uint(0xffff),
});

const groupSecret = record({ epoch: version, secret: bytes(32), adminSecret: optional(bytes(32)) });

const group = record({
  group: conversationId,
  status: choice("invited", "waiting", "joined", "left", "declined"),
  version,
  state: optional(bytes(1, limits.groupCheckpointBytes.value)),
  claimed: optional(record({ seq: version, head: bytes(32) })),
  checkpoint: optional(choice("owed")),
  wasMember: optional(choice("yes")),
  secrets: list(groupSecret, 8),
  wrapKeys: list(bytes(32), 8),
  past: list(record({ account: accountId, since: version, until: version, untilMs: timeMs }), 1_024),
  writers: list(record({ account: accountId, since: version }), limits.groupAccounts.value),
});

const invitation = record({
  group: conversationId,
  by: accountId,
  revision: version,
  entry: bytes(32),
  epoch: version,
  secret: bytes(32),
  wrapPrivate: bytes(32),
  title: text(limits.groupTitleBytes.value),
  atMs: timeMs,
});

const held = record({
  group: conversationId,
  sender: accountId,
  device: deviceId,
  revision: version,
  envelope: envelopeId,
  acceptedMs: timeMs,
  cameMs: timeMs,
  resendOf: optional(envelopeId),
  content: bytes(0, limits.contentBytes.value),
});

const oldRows = { outbox, sent, group, invitation, held } as const;

/** The type of a row of format 4. */
type OldRow<Name extends keyof typeof oldRows> = field.TypeOf<(typeof oldRows)[Name]>;

/**
 * A stored row as format 4 has it; `undefined` if it is none, because an earlier migration got that far. No bytes are rows of
 * both: each has more fields in format 5, and a row has exactly its fields.
 */
export function tryRowOf4<Name extends keyof typeof oldRows>(name: Name, stored: Uint8Array): OldRow<Name> | undefined {
  try {
    return decodeRecord(oldRows[name] as field.Field<OldRow<Name>>, stored);
  } catch {
    return undefined;
  }
}
