/**
 * The catalogue of what the SDK keeps: every key prefix with its value and who deletes it. Values are encrypted by the
 * sealed store; parts of keys that would name somebody are blinded by it first.
 */

import { type AccountId, decodeRecord, encodeRecord, field, limits, SottoError, toHex } from "@sotto/protocol";
import type { StoreRange } from "./ports.js";
import type { SealedStore } from "./storage/sealed-store.js";

const { accountId, bytes, choice, conversationId, deviceId, list, messageId, optional, record, text, timeMs, uint } =
  field;

const sequence = uint(Number.MAX_SAFE_INTEGER);
const content = bytes(0, limits.contentBytes.value);
const envelopeId = bytes(16);

/** This account and device: one row, written at registration and when keys rotate. */
const account = record({
  phase: choice("registering", "registered"),
  relay: text(2_048),
  userId: optional(text(limits.userIdBytes.value)),
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
  nextPrekeyId: uint(0xff_ffff, 1),
  signedPrekeyId: uint(0xff_ffff, 1),
  lastResortPrekeyId: uint(0xff_ffff, 1),
  rotatedMs: timeMs,
});

/** What is known of another account. */
const peer = record({
  account: accountId,
  userId: optional(text(limits.userIdBytes.value)),
  identityKey: optional(bytes(33)),
  /** `changed`: verified once, and another key came since; sending waits for the user. */
  verification: choice("unverified", "verified", "changed"),
  profileKey: optional(bytes(32)),
  name: optional(text(limits.profileNameBytes.value, 1)),
  devices: list(deviceId, 127),
});

/** A prekey with all that publishing it again needs. */
const prekey = record({
  record: bytes(1, 16_384),
  key: bytes(1, 2_048),
  signature: optional(bytes(64)),
  use: choice("oneTime", "lastResort"),
  createdMs: timeMs,
});

/** A conversation's counters. */
const conversation = record({
  conversation: conversationId,
  peer: accountId,
  /** The next position in its timeline. */
  nextSequence: sequence,
  /** The next counter this device puts into a content. */
  nextCounter: sequence,
});

/** One place of a timeline. Never deleted, only replaced: an undecryptable by what it resolved to, a text by its tombstone. */
const item = record({
  shape: choice("content", "keychange", "undecryptable", "hidden"),
  from: accountId,
  atMs: timeMs,
  /** Canonical content bytes; empty once deleted for everyone, and where the shape has none. */
  content,
  status: choice("received", "pending", "accepted", "delivered", "read", "failed"),
  failure: optional(text(64)),
  /** The content of the last edit. */
  edit: optional(content),
  deletedMs: optional(timeMs),
  reactions: list(record({ from: accountId, emoji: text(limits.reactionBytes.value, 1) }), 256),
  reason: optional(text(64)),
  envelope: optional(envelopeId),
});

/** Where a message stands in its timeline, found by sender and id: dedupes, and resolves targets. */
const messageIndex = record({ sequence, hash: bytes(32) });

/** Something to send, in the order it was asked for. Deleted when accepted, cancelled or given up by the user. */
const outbox = record({
  envelope: envelopeId,
  recipient: accountId,
  type: choice("content", "resend", "retry", "unavailable"),
  /** The send that did not open (`resend`), or those asked for (`retry`, `unavailable`). */
  envelopes: list(envelopeId, 64),
  content,
  conversation: optional(conversationId),
  sequence: optional(sequence),
  createdMs: timeMs,
  state: choice("queued", "failed"),
});

/** An edit or delete that came before its target, which did not open yet; deleted when the target arrives. */
const early = record({ content });

/** What was sent, kept for retries for some days, then purged. */
const sent = record({ recipient: accountId, content, sentMs: timeMs, resends: uint(16) });

/** A delivery receipt that is owed; deleted with the commit that queues the receipt. */
const owed = record({ recipient: accountId, messageId });

/** An envelope that did not open, and whether its sender was asked; deleted when it resolves or is lost. */
const undecryptable = record({
  sender: accountId,
  device: deviceId,
  conversation: conversationId,
  sequence,
  sinceMs: timeMs,
  askedMs: optional(timeMs),
});

/** How far the mailbox was read. */
const inbox = record({ cursor: sequence });

/** A cached sender certificate; replaced before it expires. */
const certificate = record({ certificate: bytes(1, 1_024), expiresMs: timeMs });

/** The row types by name. */
export const rows = {
  account,
  peer,
  prekey,
  conversation,
  item,
  messageIndex,
  early,
  outbox,
  sent,
  owed,
  undecryptable,
  inbox,
  certificate,
} as const;

/** The type of a row. */
export type Row<Name extends keyof typeof rows> = field.TypeOf<(typeof rows)[Name]>;

/** The stored bytes of a row. */
export function encodeRow<Name extends keyof typeof rows>(name: Name, value: Row<Name>): Uint8Array {
  return encodeRecord(rows[name] as field.Field<Row<Name>>, value);
}

/**
 * Reads a stored row.
 *
 * @throws storeCorrupt if the bytes are no such row.
 */
export function decodeRow<Name extends keyof typeof rows>(name: Name, stored: Uint8Array): Row<Name> {
  try {
    return decodeRecord(rows[name] as field.Field<Row<Name>>, stored);
  } catch (cause) {
    throw new SottoError("storeCorrupt", { detail: `a stored ${name} row does not parse`, cause });
  }
}

/** Fixed width, so that the order of keys is the order of numbers. */
const ordered = (value: number): string => value.toString(36).padStart(11, "0");

/** Every key. A prefix ends in `/`; the character behind `/` is `0`, so `prefix` to `prefix0` spans its rows. */
export const keys = {
  account: "account",
  inbox: "inbox",
  certificate: "certificate",
  peer: (store: SealedStore, id: AccountId) => `peer/${store.blind("peer", id)}`,
  peers: "peer/",
  userId: (store: SealedStore, userId: string) => `user/${store.blind("user", userId)}`,
  session: (store: SealedStore, id: AccountId, device: number) => `session/${store.blind("peer", id)}/${device}`,
  curvePrekey: (id: number) => `prekey/curve/${ordered(id)}`,
  signedPrekey: (id: number) => `prekey/signed/${ordered(id)}`,
  kyberPrekey: (id: number) => `prekey/kyber/${ordered(id)}`,
  curvePrekeys: "prekey/curve/",
  signedPrekeys: "prekey/signed/",
  kyberPrekeys: "prekey/kyber/",
  lastResortUsed: (store: SealedStore, use: string) => `prekey/used/${store.blind("use", use)}`,
  conversation: (store: SealedStore, id: string) => `conversation/${store.blind("conversation", id)}`,
  conversations: "conversation/",
  timeline: (store: SealedStore, id: string) => `timeline/${store.blind("conversation", id)}/`,
  item: (store: SealedStore, id: string, at: number) => `timeline/${store.blind("conversation", id)}/${ordered(at)}`,
  message: (store: SealedStore, conversation: string, sender: AccountId, id: string) =>
    `message/${store.blind("message", `${conversation}/${sender}/${id}`)}`,
  early: (store: SealedStore, conversation: string, sender: AccountId, target: string) =>
    `early/${store.blind("message", `${conversation}/${sender}/${target}`)}`,
  earlies: "early/",
  outbox: (order: number) => `outbox/${ordered(order)}`,
  outboxAll: "outbox/",
  sent: (envelope: Uint8Array) => `sent/${toHex(envelope)}`,
  sentAll: "sent/",
  owed: (order: number) => `owed/${ordered(order)}`,
  owedAll: "owed/",
  undecryptable: (envelope: Uint8Array) => `undecryptable/${toHex(envelope)}`,
  undecryptables: "undecryptable/",
} as const;

/** The number at the end of an ordered key. */
export function orderOf(key: string): number {
  return Number.parseInt(key.slice(key.lastIndexOf("/") + 1), 36);
}

/** Rows read at once by `eachRow`: contents are up to 64 KiB each. */
const PAGE = 128;

/** Every row of a prefix in order, read in pages, so that a long list never lies in memory at once. */
export async function* eachRow(
  store: Pick<SealedStore, "list">,
  prefix: string,
): AsyncGenerator<{ readonly key: string; readonly value: Uint8Array }> {
  let spanned = range(prefix, PAGE);
  for (;;) {
    const page = await store.list(spanned);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    spanned = { ...spanned, after: last.key };
  }
}

/** The range of a prefix, in order, after an optional position. */
export function range(prefix: string, limit: number, after?: number): StoreRange {
  return {
    after: after === undefined ? prefix : `${prefix}${ordered(after)}`,
    before: `${prefix.slice(0, -1)}0`,
    limit,
    order: "ascending",
  };
}
