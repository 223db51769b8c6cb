/**
 * The catalogue of what the SDK keeps: every key prefix with its value and who deletes it. Values are encrypted by the
 * sealed store; parts of keys that would name somebody are blinded by it first.
 */

import {
  type AccountId,
  accountRoles,
  COMMITMENT_BYTES,
  decodeRecord,
  encodeRecord,
  FRANK_BYTES,
  field,
  firstContactPolicies,
  limits,
  MAX_EVIDENCE_BYTES,
  MAX_REGISTER_MS,
  payloadTypes,
  type Register,
  registerKinds,
  registerScope,
  relations,
  reportCategories,
  reportKinds,
  SottoError,
  STAMP_BYTES,
  sanctionKinds,
  toHex,
} from "@sotto/protocol";
import type { StoreRange } from "./ports.js";
import { reportStages } from "./reports/progress.js";
import type { SealedStore } from "./storage/sealed-store.js";

const { accountId, bytes, choice, conversationId, deviceId, list, messageId, optional, record, text, timeMs, uint } =
  field;

const sequence = uint(Number.MAX_SAFE_INTEGER);
const content = bytes(0, limits.contentBytes.value);
const envelopeId = bytes(16);
const version = uint(0xffff_ffff);
const payloadType = choice(...payloadTypes);
const body = bytes(0, limits.ownBodyBytes.value);
const ownDevice = record({ device: deviceId, registrationId: uint(0x3fff, 1), addedMs: timeMs });
/** How far somebody has read a group's log: the last entry, and the hash of the last valid one. */
const standing = record({ revision: version, head: bytes(32) });

/** Reactions to one message, twice as many as the largest group has accounts. */
export const MAX_REACTION_WORDS = 2 * limits.groupAccounts.value;

/** Identities of one peer that are remembered beside the present one. */
export const MAX_FORMER_IDENTITIES = 4;

/** This account and device: one row, written at registration and when keys rotate. */
const account = record({
  phase: choice("registering", "registered"),
  /** How it registers: as a new account, or as a further device that was handed the identity. */
  mode: choice("first", "add"),
  /**
   * A linked device that no other device told everything yet: it takes no stranger for one. `stateAndMail`: it also dropped
   * mail of such strangers meanwhile.
   */
  awaiting: optional(choice("state", "stateAndMail")),
  /** It took the place of a device that knows the profile key, and there is no other key yet. */
  owing: optional(choice("rotation")),
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
  profileKeyVersion: version,
  name: optional(text(limits.profileNameBytes.value, 1)),
  nameVersion: version,
  policy: choice(...firstContactPolicies),
  policyVersion: version,
  deviceName: optional(text(limits.deviceNameBytes.value, 1)),
  /** The token that was left with the relay when this device last closed; gone as soon as it was shown. */
  resume: optional(bytes(16)),
  nextPrekeyId: uint(0xff_ffff, 1),
  signedPrekeyId: uint(0xff_ffff, 1),
  lastResortPrekeyId: uint(0xff_ffff, 1),
  rotatedMs: timeMs,
});

/** What is known of another account, and what this one decided about it. For the own account: its other devices. */
const peer = record({
  account: accountId,
  userId: optional(text(limits.userIdBytes.value)),
  /** What it says its name at the host is; becomes `userId` once the relay confirmed it, and is shown to nobody before. */
  claimedUserId: optional(text(limits.userIdBytes.value)),
  relation: choice(...relations),
  relationVersion: version,
  identityKey: optional(bytes(33)),
  /** `changed`: verified once, and another key came since; sending waits for the user. */
  verification: choice("unverified", "verified", "changed"),
  profileKey: optional(bytes(32)),
  name: optional(text(limits.profileNameBytes.value, 1)),
  devices: list(deviceId, 127),
  /** Keys it had before, newest first; mail the relay accepted under one until then still opens, and changes nothing else. */
  formerIdentities: list(record({ key: bytes(33), untilMs: timeMs }), MAX_FORMER_IDENTITIES),
});

/** A prekey with all that publishing it again needs. */
const prekey = record({
  record: bytes(1, 16_384),
  key: bytes(1, 2_048),
  signature: optional(bytes(64)),
  use: choice("oneTime", "lastResort"),
  createdMs: timeMs,
});

/** A conversation's counters. Of a group there is no peer, and its id is the conversation's. */
const conversation = record({
  conversation: conversationId,
  peer: optional(accountId),
  /** The next position in its timeline. */
  nextSequence: sequence,
  /** The next counter this device puts into a content. */
  nextCounter: sequence,
  /** The latest time this device put into a content; the next one is no earlier, whatever the clock says. */
  lastSentMs: timeMs,
});

/** One place of a timeline. Never deleted, only replaced: an undecryptable by what it resolved to, a text by its tombstone. */
const item = record({
  /** `group`: something that an entry of the group's log did; `content` holds what (group-change.ts). */
  shape: choice("content", "keychange", "undecryptable", "hidden", "group"),
  from: accountId,
  atMs: timeMs,
  /** The relay's clock when it accepted the message: what the conversation is ordered by. Absent while it is on its way. */
  acceptedMs: optional(timeMs),
  /** Kept of a message that was deleted for everyone; else it is in the content. */
  messageId: optional(messageId),
  counter: optional(sequence),
  /** Canonical content bytes; empty once deleted for everyone, and where the shape has none. */
  content,
  status: choice("received", "pending", "accepted", "delivered", "read", "failed"),
  failure: optional(text(64)),
  /** The content of the last edit. */
  edit: optional(content),
  deletedMs: optional(timeMs),
  /** The last word of each account on each emoji, also if it took it back; the latest by time, device and counter counts. */
  reactions: list(
    record({
      from: accountId,
      emoji: text(limits.reactionBytes.value, 1),
      action: choice("add", "remove"),
      sentAtMs: timeMs,
      device: uint(127),
      counter: sequence,
    }),
    MAX_REACTION_WORDS,
  ),
  reason: optional(text(64)),
  envelope: optional(envelopeId),
});

/** Where a message stands in its timeline, found by sender and id: dedupes, and resolves targets. */
const messageIndex = record({ sequence, hash: bytes(32) });

/**
 * Something to send, in the order it was asked for: a payload but for its keys. To an account; to all of a group, which then
 * names no recipient; or to one account on behalf of a group, whose members may write to each other for that. Deleted when
 * accepted, cancelled or given up by the user.
 */
const outbox = record({
  envelope: envelopeId,
  recipient: optional(accountId),
  group: optional(conversationId),
  /** What it says of the group's log; if absent, how far this device has read it when the row leaves. */
  standing: optional(standing),
  /** For one own device only. */
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
  /** Of what own devices are told of a send: what this one keeps of its frank. */
  evidence: optional(bytes(1, MAX_EVIDENCE_BYTES)),
});

/** An edit or delete that came before its target, which did not open yet; deleted when the target arrives. */
const early = record({ content });

/** The last vote of one voter in a poll that is here, also if it took its vote back; deleted with the poll. */
const vote = record({
  voter: accountId,
  messageId,
  choices: list(uint(limits.pollOptions.value - 1), limits.pollOptions.value),
  sentAtMs: timeMs,
  device: uint(127),
  counter: sequence,
});

/** A receipt that came before the message of mine it is for, which another device sent; deleted when the message comes. */
const earlyReceipt = record({ status: choice("delivered", "read"), atMs: timeMs });

/** What was sent, kept for retries and for devices that join for some days, then purged. */
const sent = record({
  recipient: optional(accountId),
  group: optional(conversationId),
  /** What it said of the group's log: who was no member then was not written to. */
  standing: optional(standing),
  device: optional(deviceId),
  type: payloadType,
  peer: optional(accountId),
  atMs: optional(timeMs),
  body,
  sentMs: timeMs,
  /** The relay's clock when it accepted it. */
  acceptedMs: timeMs,
  /** Of what went to a group, by all its members together. */
  resends: uint(0xffff),
  /** Of what own devices were told of a send. */
  evidence: optional(bytes(1, MAX_EVIDENCE_BYTES)),
});

/** A delivery receipt that is owed; deleted with the commit that queues the receipt. */
const owed = record({ recipient: accountId, messageId });

/** An envelope that did not open, and whether its sender was asked; deleted when it resolves or is lost. */
const undecryptable = record({
  sender: accountId,
  device: deviceId,
  /** Where it is shown; nowhere if it came from a device of this account. */
  conversation: optional(conversationId),
  sequence: optional(sequence),
  sinceMs: timeMs,
  acceptedMs: timeMs,
  askedMs: optional(timeMs),
});

/** How far the mailbox was read. */
const inbox = record({ cursor: sequence, acceptedMs: timeMs });

/** The devices of this account as this one last heard of them, itself included; what is new among them is sent what it missed. */
const ownDevices = record({
  devices: list(ownDevice, limits.devicesPerAccount.value),
  /** Devices that are gone, latest first, and until when by the relay's clock what they told counts. */
  left: list(record({ device: deviceId, untilMs: timeMs }), 127),
});

/** Somebody who asked for contact and waits for an answer; deleted with the decision. */
const request = record({
  account: accountId,
  /** The place of its one text; none if it asked without words, or if the text did not open yet. */
  sequence: optional(sequence),
  atMs: timeMs,
  /** What the account sent beside its one text and was not kept; it is asked for again once the request is accepted. */
  dropped: uint(0xffff),
});

/** History on its way to another own device; deleted when its last part was acknowledged. */
const transfer = record({
  device: deviceId,
  transfer: bytes(16),
  /** Only what the relay accepted at or after this. */
  sinceMs: timeMs,
  /** The conversation it is in, and the last place that was sent; conversations go in the order of their ids. */
  conversation: optional(conversationId),
  after: sequence,
  part: uint(0xffff_ffff),
  acknowledged: uint(0xffff_ffff),
  done: sequence,
  total: sequence,
  state: choice("sending", "sent"),
});

/** History that a device which is not registered yet is to be sent, by its registration id; becomes its transfer. */
const historyWish = record({ registrationId: uint(0x3fff, 1), sinceMs: timeMs });

/** History on its way from another own device. */
const arriving = record({
  transfer: bytes(16),
  from: deviceId,
  part: uint(0xffff_ffff),
  done: sequence,
  total: sequence,
});

/** A session of a state that may be older than the newest: it opens mail, and encrypts nothing. Deleted after a month. */
const formerSession = record({
  session: bytes(1, 1_048_576),
  sinceMs: timeMs,
  /** The peer's identity key it was with, if the peer has another one now. */
  identityKey: optional(bytes(33)),
});

/**
 * A sender key as the engine keeps it: an own one encrypts to a group, another device's opens what that one sent. Deleted
 * with its group, its device or its distribution.
 */
const senderKey = record({ record: bytes(1, 262_144) });

/** Something was lost here, and nobody was asked for it yet; deleted with the commit that queues the questions. */
const lost = record({
  /** Everything the relay accepted before this is here. */
  sinceMs: timeMs,
  /** Whether contacts are asked too, or only own devices. */
  whom: choice("ownDevices", "everybody"),
});

/** The secrets of a group's epochs that this account holds; of an admin's epoch the admins' secret, which gives the other. */
const groupSecret = record({ epoch: version, secret: bytes(32), adminSecret: optional(bytes(32)) });

/** A group this account is, was or is asked to be in. Kept after it left, so that an old word of it brings nothing back. */
const group = record({
  group: conversationId,
  /** `waiting`: it accepted, and an admin has to let it in. */
  status: choice("invited", "waiting", "joined", "left", "declined"),
  /** Of two words of own devices on the status, the higher counts. */
  version,
  /** The encoded state up to the last entry that was read; none before this device has read any. */
  state: optional(bytes(1, limits.groupCheckpointBytes.value)),
  /** How far another own device had read, until this one has: a log that does not lead there is another one. */
  claimed: optional(record({ seq: version, head: bytes(32) })),
  /** `owed`: this device's checkpoint is in the log, and what it stands for is not with the relay yet. */
  checkpoint: optional(choice("owed")),
  /** This device knows of a time when the account was a member: there is something to look at, wherever it stands now. */
  wasMember: optional(choice("yes")),
  /** Newest first. */
  secrets: list(groupSecret, 8),
  /** Private keys that new secrets may be sealed to, newest first. */
  wrapKeys: list(bytes(32), 8),
  /**
   * Who could write from which entry up to which, closed by the relay's time: what was accepted before that still counts. The
   * rest may write since `since`.
   */
  past: list(record({ account: accountId, since: version, until: version, untilMs: timeMs }), 1_024),
  writers: list(record({ account: accountId, since: version }), limits.groupAccounts.value),
  /** Who was a member from which entry up to which; nothing is known of entries before `from`, and within gaps. */
  spans: optional(
    record({
      from: version,
      gaps: list(record({ since: version, until: version }), 16),
      past: list(record({ account: accountId, since: version, until: version }), 1_024),
      present: list(record({ account: accountId, since: version }), limits.groupAccounts.value),
    }),
  ),
});

/** The hash of the last valid entry after an entry of a group's log; the newest few hundred are kept, to see forks. */
const groupHead = record({ head: bytes(32), acceptedMs: timeMs });

/** An invitation that waits for an answer; deleted with it, and when it is taken back. */
const invitation = record({
  group: conversationId,
  by: accountId,
  /** The invite entry: its number, and its hash. */
  revision: version,
  entry: bytes(32),
  epoch: version,
  secret: bytes(32),
  wrapPrivate: bytes(32),
  title: text(limits.groupTitleBytes.value),
  /** What its inviter said, as it goes on to other own devices. */
  content: optional(bytes(1, 1_024)),
  atMs: timeMs,
});

/** How a group was stated to be called and to look. Kept as long as its group is. */
const shown = record({
  group: conversationId,
  by: accountId,
  title: text(limits.groupTitleBytes.value),
  avatar: bytes(0, limits.groupAvatarBytes.value),
  /** Of title and avatar together; of others than these where another own device was shown them before the log was read here. */
  hash: bytes(32),
  /** Hashes of titles and of avatars that were stated, latest first. */
  stated: list(bytes(32), 64),
});

/** The sender key this device uses in a group, and the audience it was made for; replaced when that changes. */
const distribution = record({ group: conversationId, distribution: bytes(16), audience: version });

/** The devices of one account that hold this device's sender key of a group. Deleted with the key. */
const shared = record({
  distribution: bytes(16),
  devices: list(record({ device: deviceId, registrationId: uint(0x3fff, 1) }), 127),
});

/** Which group another device's sender key is for. Deleted a month after its account left: what it said before still counts. */
const senderKeyGroup = record({ group: conversationId, sinceMs: timeMs, leftMs: optional(timeMs) });

/** Something said in a group whose log this device has not read far enough to judge it; deleted when it has. */
const held = record({
  group: conversationId,
  sender: accountId,
  device: deviceId,
  revision: version,
  envelope: envelopeId,
  /** What it is ordered by: its sender may say so. */
  acceptedMs: timeMs,
  /** The relay's clock when something of it first came here: what decides whether its sender was a member. */
  cameMs: timeMs,
  /** The send it answers, because that did not open. */
  resendOf: optional(envelopeId),
  content,
  /** What its frank is checked by once the log was read. */
  head: bytes(32),
  meantFor: choice("group", "account"),
  frank: optional(bytes(FRANK_BYTES)),
  commitment: optional(bytes(COMMITMENT_BYTES)),
  stamp: optional(bytes(STAMP_BYTES)),
  stampedMs: timeMs,
});

/**
 * What is kept of a frank that passed, and the words it is about; deleted when it cannot be reported any more (30 days after the
 * relay took it, and 24 hours after a message that disappears did).
 */
const evidence = record({
  conversation: conversationId,
  evidence: bytes(1, MAX_EVIDENCE_BYTES),
  content,
  acceptedMs: timeMs,
  /** Of what this account said to a group. */
  standing: optional(standing),
  untilMs: timeMs,
});

/** Where evidence is, found by the message it is of or about; deleted with it. */
const evidenceIndex = record({ key: text(256, 1) });

/** The end of evidence that goes before its time; deleted with it. */
const evidenceEnd = record({ conversation: conversationId, key: text(256, 1) });

/** What an account is that is no person; deleted when the host says that it is one. */
const role = record({ role: choice(...accountRoles) });

/**
 * An upload that is not finished, written before anything leaves that was sealed under its key; deleted when it is finished or
 * discarded, or the relay has let go of it.
 */
const upload = record({
  uploadId: bytes(16),
  key: bytes(32),
  /** The source's identity, blinded. None if nobody can bring the same source again. */
  identity: optional(text(32, 32)),
  name: optional(text(limits.fileNameBytes.value, 1)),
  sizeBytes: uint(limits.attachmentBytes.value),
  startedMs: timeMs,
  /** When the relay lets go of it. */
  expiresMs: timeMs,
  /** Bytes of the blob that the relay had when this was written. */
  durable: sequence,
  /** Nothing beyond these chunks was sealed under this key: how many, and the SHA-256 of the plaintext in them. */
  mark: record({ chunks: uint(0xffff_ffff), digest: bytes(32) }),
});

/** What deletes a finished upload at the relay; kept until the relay does it by itself. */
const uploaded = record({ uploadId: bytes(16), expiresMs: timeMs });

/** A stream that is kept until its length is known and it is uploaded; its pieces are rows of bare bytes. */
const spool = record({
  state: choice("writing", "ended", "leaving"),
  /** Whether a later run may go on with it. */
  use: choice("again", "once"),
  name: optional(text(limits.fileNameBytes.value, 1)),
  pieces: uint(0xffff_ffff),
  sizeBytes: sequence,
  startedMs: timeMs,
});

/** A register of this account (registers/), the latest word on it; without a value it was emptied. That is deleted in time. */
const register = record({
  kind: choice(...registerKinds),
  key: text(limits.registerKeyBytes.value, 1),
  atMs: uint(MAX_REGISTER_MS),
  device: deviceId,
  value: optional(bytes(0, limits.registerBytes.value)),
});

/** When the time of a message in a place began to run; deleted with the message, at its end. */
const lifetime = record({ timerMs: uint(limits.timerMs.value, 1), startedMs: timeMs });

/** The end of a message, found by its time; deleted with the message, and one that was moved to an earlier end at this one. */
const due = record({
  conversation: conversationId,
  /** Of a direct conversation. */
  peer: optional(accountId),
  sequence,
  timerMs: uint(limits.timerMs.value, 1),
});

/** That something is there: what, its key says. */
const mark = record({});

/** How long messages of a direct conversation are kept, by the last word of either side; 0 = for ever. */
const timer = record({
  durationMs: uint(limits.timerMs.value),
  sentAtMs: timeMs,
  device: uint(127),
  counter: sequence,
  messageId,
  /** `header`: no word on it came here, and a message said what its sender holds it to be. Any word counts more. */
  basis: choice("word", "header"),
});

/** The latest time of the relay that this device knows to have passed. */
const relayTime = record({ atMs: timeMs });

/** How far a conversation is in the search index, and the number it has there. */
const searchMark = record({ conversation: conversationId, number: uint(0x1f_ffff, 1), upTo: sequence });

/** Some thousand messages of the search index, as text. Written anew when one of them changes. */
const searchSegment = record({ index: text(268_435_456, 1) });

/** A place that the search index has, and that changed since; deleted when that was taken in. */
const searchChange = record({ conversation: conversationId, sequence });

/** The realm document that was checked last; a later one takes its place. */
const realm = record({ document: bytes(1, limits.realmBytes.value) });

/** What this device left at the desk: the key of its asks. Written before it is sent; another realm or identity makes another. */
const enrolled = record({
  deskKey: bytes(32),
  realm: bytes(16),
  identityKey: bytes(33),
  /** Whether the desk said that it has it. */
  state: choice("asked", "known"),
});

/** A token of this device: its key signs what this device says. Deleted once it was used, the last one when its epoch ended. */
const token = record({
  epoch: uint(0xffff_ffff),
  publicKey: bytes(32),
  privateKey: bytes(32),
  accountTag: bytes(32),
  signature: bytes(64),
  use: choice("unused", "used"),
});

/** What an order of the outbox is franked with, durable before it leaves; deleted with the order. */
const frank = record({
  frank: bytes(FRANK_BYTES),
  commitment: bytes(32),
  epoch: uint(0xffff_ffff),
  /** Whom it is for: an account's 16 bytes, or the root of a group's roster. */
  audience: bytes(16, 32),
  /** Of a group: as of which entry its members are meant. */
  standing: optional(standing),
});

/** A report this account made, or that the desk told of; the oldest that was decided goes where there are too many. */
const report = record({
  id: bytes(16),
  stage: choice(...reportStages),
  changedMs: timeMs,
  /** What this device knows of it if it made it: another one hears only how it stands. */
  made: optional(
    record({
      kind: choice(...reportKinds),
      about: optional(bytes(16)),
      accused: accountId,
      conversation: optional(conversationId),
      category: choice(...reportCategories),
      madeMs: timeMs,
    }),
  ),
  /** Why the relay refused it, or has not taken it yet. */
  failure: optional(text(64)),
  /** What the desk asked for last. */
  wanted: optional(
    record({
      gaps: list(record({ account: accountId, after: sequence, before: sequence }), 64),
      note: text(limits.reportNoteBytes.value),
      atMs: timeMs,
    }),
  ),
});

/** A report on its way to the relay, sealed; deleted when it has it, or refused it for good. */
const reportLayers = record({
  heads: bytes(1, limits.reportLayerBytes.value),
  words: bytes(1, limits.reportLayerBytes.value),
});

/** What the desk did to this account, and why; the oldest goes where there are too many. */
const statement = record({
  statement: bytes(16),
  sanction: choice(...sanctionKinds),
  device: optional(deviceId),
  category: choice(...reportCategories),
  rule: text(limits.reportNoteBytes.value),
  untilMs: optional(timeMs),
  appealUntilMs: optional(timeMs),
  atMs: timeMs,
});

/** How far this device has read what the desk of a realm has for this account. */
const deskNotes = record({ realm: bytes(16), after: sequence });

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
  vote,
  earlyReceipt,
  outbox,
  sent,
  owed,
  undecryptable,
  inbox,
  ownDevices,
  request,
  transfer,
  historyWish,
  arriving,
  formerSession,
  senderKey,
  lost,
  group,
  groupHead,
  invitation,
  shown,
  distribution,
  shared,
  senderKeyGroup,
  held,
  evidence,
  evidenceIndex,
  evidenceEnd,
  role,
  upload,
  uploaded,
  spool,
  register,
  lifetime,
  due,
  mark,
  timer,
  relayTime,
  searchMark,
  searchSegment,
  searchChange,
  realm,
  enrolled,
  token,
  frank,
  report,
  reportLayers,
  statement,
  deskNotes,
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

/** What orders a message among others: the relay's time, then the sender's counter, then its id. The same on every device. */
export interface Placement {
  readonly acceptedMs: number;
  readonly counter: number;
  readonly messageId: string;
}

/** Some 34 years: shifted times stay within eleven digits. */
const MAX_SHIFT_MS = 2 ** 40;

function shiftOf(store: SealedStore, name: string): number {
  return Number.parseInt(store.blind("shift", name).slice(0, 10), 16) % MAX_SHIFT_MS;
}

function spellPlacement(store: SealedStore, id: string, { acceptedMs, counter, messageId: name }: Placement): string {
  return `${ordered(acceptedMs + shiftOf(store, id))}.${ordered(counter)}.${name}`;
}

/** Every key. A prefix ends in `/`; the character behind `/` is `0`, so `prefix` to `prefix0` spans its rows. */
export const keys = {
  account: "account",
  inbox: "inbox",
  certificate: "certificate",
  ownDevices: "devices",
  peer: (store: SealedStore, id: AccountId) => `peer/${store.blind("peer", id)}`,
  peers: "peer/",
  userId: (store: SealedStore, userId: string) => `user/${store.blind("user", userId)}`,
  role: (store: SealedStore, id: AccountId) => `role/${store.blind("peer", id)}`,
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
  /** Places in the order of acceptance. The time is shifted by a secret amount for each conversation, so that the key names no hour. */
  order: (store: SealedStore, id: string, placed: Placement) =>
    `${keys.orders(store, id)}${spellPlacement(store, id, placed)}`,
  orders: (store: SealedStore, id: string) => `order/${store.blind("conversation", id)}/`,
  item: (store: SealedStore, id: string, at: number) => `timeline/${store.blind("conversation", id)}/${ordered(at)}`,
  message: (store: SealedStore, conversation: string, sender: AccountId, id: string) =>
    `message/${store.blind("message", `${conversation}/${sender}/${id}`)}`,
  /** In a group an id is bound to who gave it, so that it alone finds a message. */
  groupMessage: (store: SealedStore, group: string, id: string) =>
    `message/${store.blind("message", `${group}/${id}`)}`,
  early: (store: SealedStore, conversation: string, sender: AccountId, target: string) =>
    `early/${store.blind("message", `${conversation}/${sender}/${target}`)}`,
  earlies: "early/",
  vote: (store: SealedStore, conversation: string, { poll, voter }: { poll: string; voter: AccountId }) =>
    `${keys.votesIn(store, conversation, poll)}${store.blind("peer", voter)}`,
  votesIn: (store: SealedStore, conversation: string, poll: string) =>
    `vote/${store.blind("message", `${conversation}/${poll}`)}/`,
  earlyReceipt: (store: SealedStore, conversation: string, target: string) =>
    `${keys.earlyReceiptsOf(store, conversation)}${store.blind("message", `${conversation}/${target}`)}`,
  earlyReceiptsOf: (store: SealedStore, conversation: string) =>
    `receipt/${store.blind("conversation", conversation)}/`,
  earlyReceipts: "receipt/",
  request: (store: SealedStore, id: AccountId) => `request/${store.blind("peer", id)}`,
  requests: "request/",
  transfer: (device: number) => `transfer/${ordered(device)}`,
  transfers: "transfer/",
  historyWish: (registrationId: number) => `wish/${ordered(registrationId)}`,
  historyWishes: "wish/",
  arriving: "arriving",
  sessions: "session/",
  formerSessionsOf: (store: SealedStore, id: AccountId, device: number) =>
    `former/${store.blind("peer", id)}/${device}/`,
  formerSessions: "former/",
  senderKey: (store: SealedStore, id: AccountId, device: number, distribution: Uint8Array) =>
    `${keys.senderKeysOf(store, id, device)}${store.blind("distribution", toHex(distribution))}`,
  senderKeys: "senderkey/",
  senderKeysOf: (store: SealedStore, id: AccountId, device: number) =>
    `senderkey/${store.blind("peer", id)}/${device}/`,
  lost: "lost",
  group: (store: SealedStore, id: string) => `group/${store.blind("conversation", id)}`,
  groups: "group/",
  groupHead: (store: SealedStore, id: string, seq: number) => `${keys.groupHeads(store, id)}${ordered(seq)}`,
  groupHeads: (store: SealedStore, id: string) => `head/${store.blind("conversation", id)}/`,
  invitation: (store: SealedStore, id: string) => `invitation/${store.blind("conversation", id)}`,
  invitations: "invitation/",
  shown: (store: SealedStore, id: string) => `shown/${store.blind("conversation", id)}`,
  showns: "shown/",
  distribution: (store: SealedStore, id: string) => `distribution/${store.blind("conversation", id)}`,
  distributions: "distribution/",
  shared: (store: SealedStore, id: string, account: AccountId) =>
    `${keys.sharedOf(store, id)}${store.blind("peer", account)}`,
  sharedOf: (store: SealedStore, id: string) => `shared/${store.blind("conversation", id)}/`,
  senderKeyGroup: (store: SealedStore, account: AccountId, device: number, distribution: Uint8Array) =>
    `${keys.senderKeyGroupsOf(store, account)}${device}/${store.blind("distribution", toHex(distribution))}`,
  senderKeyGroupsOf: (store: SealedStore, account: AccountId) => `keygroup/${store.blind("peer", account)}/`,
  senderKeyGroups: "keygroup/",
  /** Senders name envelopes as they like: each has names of its own. */
  held: (store: SealedStore, id: string, { sender, envelope }: Pick<Row<"held">, "sender" | "envelope">) =>
    `${keys.heldOf(store, id)}${store.blind("peer", sender)}/${toHex(envelope)}`,
  heldAll: "held/",
  heldOf: (store: SealedStore, id: string) => `held/${store.blind("conversation", id)}/`,
  /** In the order of acceptance, as `order`; two senders may give one id. */
  evidence: (store: SealedStore, id: string, placed: Placement & { readonly sender: AccountId }) =>
    `${keys.evidencesIn(store, id)}${spellPlacement(store, id, placed)}.${store.blind("peer", placed.sender)}`,
  evidenceFrom: (store: SealedStore, id: string, acceptedMs: number) =>
    `${keys.evidencesIn(store, id)}${ordered(Math.max(0, acceptedMs + shiftOf(store, id)))}`,
  evidencesIn: (store: SealedStore, id: string) => `evidence/${store.blind("conversation", id)}/`,
  evidences: "evidence/",
  evidenceOf: (
    store: SealedStore,
    id: string,
    { sender, messageId, about }: { readonly sender: AccountId; readonly messageId: string; readonly about: string },
  ) => `${keys.evidenceAbout(store, id, about)}${store.blind("message", `${id}/${sender}/${messageId}`)}`,
  evidenceAbout: (store: SealedStore, id: string, about: string) =>
    `evidenceof/${store.blind("message", `${id}/${about}`)}/`,
  /** In the order of time, shifted as `due` is. */
  evidenceEnd: (store: SealedStore, untilMs: number, key: string) =>
    `${keys.evidenceEndsAt(store, untilMs)}${store.blind("evidence", key)}`,
  evidenceEndsAt: (store: SealedStore, untilMs: number) =>
    `evidenceend/${ordered(untilMs + shiftOf(store, "evidenceend"))}/`,
  evidenceEnds: "evidenceend/",
  register: (store: SealedStore, named: Pick<Register, "kind" | "key">) =>
    `${keys.registersOf(store, named.kind, registerScope(named))}${store.blind("register", named.key)}`,
  /** Of a conversation, or where there is none of the account. */
  registersOf: (store: SealedStore, kind: Register["kind"], conversation: string) =>
    `register/${kind}/${store.blind("conversation", conversation)}/`,
  registers: "register/",
  lifetime: (store: SealedStore, conversation: string, at: number) =>
    `lifetime/${store.blind("conversation", conversation)}/${ordered(at)}`,
  /** In the order of time, which is shifted by a secret amount, so that the key names no hour. */
  due: (store: SealedStore, dueMs: number, { conversation, sequence }: Pick<Row<"due">, "conversation" | "sequence">) =>
    `${keys.duesAt(store, dueMs)}${store.blind("conversation", conversation)}/${ordered(sequence)}`,
  duesAt: (store: SealedStore, dueMs: number) => `due/${ordered(dueMs + shiftOf(store, "due"))}/`,
  dues: "due/",
  /** A word about a message that has a timer, by the places of both. */
  wordAbout: (store: SealedStore, conversation: string, at: number, word: number) =>
    `${keys.wordsAbout(store, conversation, at)}${ordered(word)}`,
  wordsAbout: (store: SealedStore, conversation: string, at: number) =>
    `word/${store.blind("conversation", conversation)}/${ordered(at)}/`,
  /** The sends under which a message that has a timer, and what is said about it, is kept. */
  keptAs: (store: SealedStore, conversation: string, message: string, envelope: Uint8Array) =>
    `${keys.keptAsAll(store, conversation, message)}${toHex(envelope)}`,
  keptAsAll: (store: SealedStore, conversation: string, message: string) =>
    `kept/${store.blind("message", `${conversation}/${message}`)}/`,
  timer: (store: SealedStore, conversation: string) => `timer/${store.blind("conversation", conversation)}`,
  relayTime: "relaytime",
  searchMark: (store: SealedStore, id: string) => `searchmark/${store.blind("conversation", id)}`,
  searchMarks: "searchmark/",
  searchSegment: (number: number) => `searchsegment/${ordered(number)}`,
  searchSegments: "searchsegment/",
  searchChange: (store: SealedStore, id: string, at: number) =>
    `searchchange/${store.blind("conversation", id)}/${ordered(at)}`,
  searchChanges: "searchchange/",
  realm: "realm",
  enrolled: "enrolled",
  /** By epoch, so that those of a past one are found. */
  token: (epoch: number, publicKey: Uint8Array) => `${keys.tokensOf(epoch)}${toHex(publicKey)}`,
  tokensOf: (epoch: number) => `token/${ordered(epoch)}/`,
  tokens: "token/",
  frank: (envelope: Uint8Array) => `frank/${toHex(envelope)}`,
  franks: "frank/",
  /** Report ids are random, and statements' are the desk's. */
  report: (id: Uint8Array) => `report/${toHex(id)}`,
  reports: "report/",
  reportLayers: (id: Uint8Array) => `reportlayers/${toHex(id)}`,
  reportLayersAll: "reportlayers/",
  statement: (id: Uint8Array) => `statement/${toHex(id)}`,
  statements: "statement/",
  deskNotes: "desknotes",
  outbox: (order: number) => `outbox/${ordered(order)}`,
  outboxAll: "outbox/",
  sent: (envelope: Uint8Array) => `sent/${toHex(envelope)}`,
  sentAll: "sent/",
  owed: (order: number) => `owed/${ordered(order)}`,
  owedAll: "owed/",
  undecryptable: (envelope: Uint8Array) => `undecryptable/${toHex(envelope)}`,
  undecryptables: "undecryptable/",
  /** By the blinded name of the place its source is at. */
  upload: (place: string) => `upload/${place}`,
  uploads: "upload/",
  uploaded: (store: SealedStore, blob: Uint8Array) => `uploaded/${store.blind("blob", toHex(blob))}`,
  uploadeds: "uploaded/",
  spool: (place: string) => `spool/${place}`,
  spools: "spool/",
  spoolPiece: (place: string, piece: number) => `${keys.spoolPieces(place)}${ordered(piece)}`,
  spoolPieces: (place: string) => `piece/${place}/`,
} as const;

/** The number at the end of an ordered key. */
export function orderOf(key: string): number {
  return Number.parseInt(key.slice(key.lastIndexOf("/") + 1), 36);
}

/** The time in the key of a `due` row. */
export function dueMsOf(store: SealedStore, key: string): number {
  return Number.parseInt(key.slice(keys.dues.length, key.indexOf("/", keys.dues.length)), 36) - shiftOf(store, "due");
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
