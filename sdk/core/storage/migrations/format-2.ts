/** Rows of format 2 whose shape has changed, as they lie on disk. Only migrations read them. */

import { decodeRecord, field, limits } from "@sotto/protocol";

const { accountId, bytes, choice, conversationId, deviceId, list, optional, record, timeMs, uint } = field;

const sequence = uint(Number.MAX_SAFE_INTEGER);
const envelopeId = bytes(16);
const body = bytes(0, limits.ownBodyBytes.value);
const payloadType = choice(
  ...([
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
  ] as const),
);

const outbox = record({
  envelope: envelopeId,
  recipient: accountId,
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
  recipient: accountId,
  device: optional(deviceId),
  type: payloadType,
  peer: optional(accountId),
  atMs: optional(timeMs),
  body,
  sentMs: timeMs,
  acceptedMs: timeMs,
  resends: uint(16),
});

const oldRows = { outbox, sent } as const;

/** The type of a row of format 2. */
type OldRow<Name extends keyof typeof oldRows> = field.TypeOf<(typeof oldRows)[Name]>;

/**
 * A stored row as format 2 has it; `undefined` if it is none, because an earlier migration got that far. No bytes are rows
 * of both: format 3 has two fields more, and a row has exactly its fields.
 */
export function tryRowOf2<Name extends keyof typeof oldRows>(name: Name, stored: Uint8Array): OldRow<Name> | undefined {
  try {
    return decodeRecord(oldRows[name] as field.Field<OldRow<Name>>, stored);
  } catch {
    return undefined;
  }
}
