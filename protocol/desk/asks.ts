/**
 * What a device asks the desk, through the relay, and what it answers. The relay adds who asks, hands on, and can neither ask in
 * somebody's name nor change an answer unseen: a device enrols once, under its identity key and sealed to the desk, and shows by a
 * MAC under the key it left there that later asks are its own. A MAC, not a signature: the desk could make it too, so that nothing
 * of this proves to others who sent a message (PROTOCOL.md, Desk).
 */

import { decodeRecord, encodeRecord } from "../codec.js";
import { labelled } from "../derive.js";
import { mac } from "../frank/encoding.js";
import { SEAL_PUBLIC_KEY_BYTES } from "../frank/seal.js";
import { STAMP_BYTES } from "../frank/stamp.js";
import { type FrankSpeaker, type Realm, TOKENS_PER_BATCH } from "../frank/token.js";
import { accountIdToBytes } from "../ids.js";
import { limits } from "../limits.js";
import { bytes, choice, list, optional, record, type TypeOf, text, timeMs, uint } from "../schema/field.js";

const encoder = new TextEncoder();
const u32 = uint(0xffff_ffff);
const hash = bytes(32);

/** What a device can ask. */
export const askTopics = ["enrol", "tokens", "notes", "stamp"] as const;
/** What a device can ask. */
export type AskTopic = (typeof askTopics)[number];

/** Bodies by topic; PROTOCOL.md's tables are made from them. */
export const askBodies = {
  /** Sealed to the desk's triage key, named by its id, for `enrolmentContext`. */
  enrol: record({ key: bytes(8), sealed: bytes(1, limits.deskAskBytes.value) }),
  /** Keys to issue tokens for, always as many. */
  tokens: record({ epoch: u32, keys: list(hash, TOKENS_PER_BATCH, TOKENS_PER_BATCH) }),
  /** What the desk has for this account behind a number. */
  notes: record({ after: uint(Number.MAX_SAFE_INTEGER) }),
  /** Something that came to this account, as the relay stamped it: whether the stamp is one that a report could rest on. */
  stamp: record({ commitment: hash, acceptedMs: timeMs, stamp: bytes(STAMP_BYTES) }),
} as const;

/** What the desk can say of a stamp. `unknown`: of a day whose key it does not hold. */
export const stampVerdicts = ["good", "bad", "unknown"] as const;
/** What the desk can say of a stamp. */
export type StampVerdict = (typeof stampVerdicts)[number];

const ask = record({
  version: uint(1, 1),
  topic: choice(...askTopics),
  body: bytes(0, limits.deskAskBytes.value),
  /** Under the key the device enrolled with; absent of `enrol` itself. */
  mac: optional(hash),
});

/** An ask, as it was read; its MAC is not checked yet. */
export type DeskAsk = Omit<TypeOf<typeof ask>, "version">;
/** The body of a topic. */
export type AskBody<Topic extends AskTopic> = TypeOf<(typeof askBodies)[Topic]>;

/** What a device enrols with, before it is sealed. */
export const enrolment = record({
  /** The MAC key of later asks. */
  deskKey: hash,
  identityKey: bytes(33),
  /** What the desk seals its notes to: the same for all devices of an account. */
  box: bytes(SEAL_PUBLIC_KEY_BYTES),
  /** A statement of the host on who this is, where the desk asks for one; the relay never sees it. */
  hostToken: optional(text(limits.tokenBytes.value, 1)),
  /** XEdDSA by the identity key over `enrolmentText`. */
  signature: bytes(64),
});
/** What a device enrols with. */
export type Enrolment = TypeOf<typeof enrolment>;

/** Why the desk refuses. `unknownDevice`: enrol first · `identityMoved`: the account enrolled under another identity key · `hostToken`: one is asked for, or it is none. */
export const deskRefusals = [
  "unknownDevice",
  "identityMoved",
  "hostToken",
  "badAsk",
  "epoch",
  "quota",
  "muted",
  "suspended",
  "deviceRevoked",
] as const;
/** Why the desk refuses. */
export type DeskRefusal = (typeof deskRefusals)[number];

/** Answers by kind; PROTOCOL.md's tables are made from them. */
export const deskAnswers = {
  enrolled: record({}),
  /** In the order of the keys. */
  tokens: record({
    epoch: u32,
    tokens: list(record({ accountTag: hash, signature: bytes(64) }), TOKENS_PER_BATCH, TOKENS_PER_BATCH),
  }),
  /** In order; `more` says that there are others behind them. */
  notes: record({
    notes: list(
      record({ seq: uint(Number.MAX_SAFE_INTEGER, 1), id: bytes(16), sealed: bytes(1, limits.deskNoteBytes.value) }),
      16,
    ),
    more: choice("no", "yes"),
  }),
  refused: record({ reason: choice(...deskRefusals), untilMs: optional(timeMs) }),
  /** `mac` is `stampAnswerMac`: the relay, whose stamp it is about, carries this. */
  stampChecked: record({ verdict: choice(...stampVerdicts), mac: hash }),
} as const;
const answerKinds = ["enrolled", "tokens", "notes", "refused", "stampChecked"] as const;
/** What the desk answers. */
export type DeskAnswer = {
  [Kind in keyof typeof deskAnswers]: { readonly kind: Kind } & TypeOf<(typeof deskAnswers)[Kind]>;
}[keyof typeof deskAnswers];

const answer = record({
  version: uint(1, 1),
  kind: choice(...answerKinds),
  body: bytes(0, limits.deskAnswerBytes.value),
});

/** The bytes of an ask, with its MAC where it has a key. */
export function encodeAsk<Topic extends AskTopic>(
  topic: Topic,
  body: AskBody<Topic>,
  by?: { readonly realm: Realm; readonly speaker: FrankSpeaker; readonly deskKey: Uint8Array },
): Uint8Array<ArrayBuffer> {
  const encoded = encodeRecord(askBodies[topic] as never, body as never);
  const proof = by === undefined ? undefined : askMac(by.deskKey, by.realm, by.speaker, { topic, body: encoded });
  return encodeRecord(ask, { version: 1, topic, body: encoded, mac: proof });
}

/** Reads an ask. @throws badFrame if the bytes are none. */
export function decodeAsk(encoded: Uint8Array): DeskAsk {
  const { version: _version, ...read } = decodeRecord(ask, encoded);
  return read;
}

/** Reads the body of a topic. @throws badFrame if the bytes are none. */
export function decodeAskBody<Topic extends AskTopic>(topic: Topic, encoded: Uint8Array): AskBody<Topic> {
  return decodeRecord(askBodies[topic] as never, encoded) as AskBody<Topic>;
}

/** What shows that an ask is a device's own. */
export function askMac(
  deskKey: Uint8Array,
  realm: Realm,
  { account, device }: FrankSpeaker,
  { topic, body }: Pick<DeskAsk, "topic" | "body">,
): Uint8Array<ArrayBuffer> {
  return mac(
    deskKey,
    "frank1/ask",
    realm,
    accountIdToBytes(account),
    Uint8Array.of(device),
    encoder.encode(topic),
    body,
  );
}

/** What shows that an answer about a stamp is the desk's own, and to this ask. */
export function stampAnswerMac(
  deskKey: Uint8Array,
  realm: Realm,
  asked: AskBody<"stamp">,
  verdict: StampVerdict,
): Uint8Array<ArrayBuffer> {
  const place = Uint8Array.of(stampVerdicts.indexOf(verdict));
  return mac(deskKey, "frank1/stampAnswer", realm, encodeRecord(askBodies.stamp, asked), place);
}

/** The bytes of an answer. */
export function encodeDeskAnswer(value: DeskAnswer): Uint8Array<ArrayBuffer> {
  const body = encodeRecord(deskAnswers[value.kind] as never, value as never);
  return encodeRecord(answer, { version: 1, kind: value.kind, body });
}

/** Reads an answer. @throws badFrame if the bytes are none. */
export function decodeDeskAnswer(encoded: Uint8Array): DeskAnswer {
  const { kind, body } = decodeRecord(answer, encoded);
  return { kind, ...(decodeRecord(deskAnswers[kind] as never, body) as object) } as DeskAnswer;
}

/** What an enrolment is sealed for. */
export function enrolmentContext(realm: Realm, { account, device }: FrankSpeaker): Uint8Array<ArrayBuffer> {
  return labelled("frank1/enrol", realm, accountIdToBytes(account), Uint8Array.of(device));
}

/** What the identity key signs of an enrolment: that this device of this account left this key, and that box. */
export function enrolmentText(
  realm: Realm,
  { account, device }: FrankSpeaker,
  { deskKey, box }: Pick<Enrolment, "deskKey" | "box">,
): Uint8Array<ArrayBuffer> {
  return labelled("frank1/enrolment", realm, accountIdToBytes(account), Uint8Array.of(device), deskKey, box);
}

/** The bytes of an enrolment. */
export function encodeEnrolment(value: Enrolment): Uint8Array<ArrayBuffer> {
  return encodeRecord(enrolment, value);
}

/** Reads an enrolment. Its signature is not checked yet. @throws badFrame if the bytes are none. */
export function decodeEnrolment(encoded: Uint8Array): Enrolment {
  return decodeRecord(enrolment, encoded);
}
