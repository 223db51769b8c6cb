import {
  askBodies,
  askTopics,
  decodeAsk,
  decodeAskBody,
  decodeDeskAnswer,
  decodeFeed,
  decodeHeadLayer,
  decodeManifest,
  decodeNote,
  decodeRealm,
  decodeSanction,
  decodeSealedReport,
  decodeWordsLayer,
  deskAnswers,
  encodeAsk,
  encodeDeskAnswer,
  encodeFeed,
  encodeHeadLayer,
  encodeManifest,
  encodeNote,
  encodeRealm,
  encodeSanction,
  encodeSealedReport,
  encodeWordsLayer,
  field,
  headFields,
  headLayerFields,
  limits,
  type Manifest,
  manifestFields,
  noteBodies,
  sanctionFields,
  wordsLayerFields,
} from "@sotto/protocol";
import { decodeRecord, encodeRecord } from "../../../protocol/codec.js";
import { secretOf } from "../../support/franking/realm.js";
import { spell, type Wire } from "../spelling.js";
import { describeRecord } from "./record-suite.js";

const SIGNATURE = new Uint8Array(64).fill(0x5a);
const realm = secretOf("realm").subarray(0, 16);
const sign = () => SIGNATURE;
const takesAll = () => true;
const signed = (record: Uint8Array) => spell([record, SIGNATURE]);
const fieldsOf = (record: field.Field<unknown>) => {
  if (record.shape.kind !== "record") throw new Error("a body is a record");
  return Object.fromEntries(Object.entries(record.shape.fields).map(([name, shape]) => [name, { shape }])) as Record<
    string,
    field.Field<unknown>
  >;
};

const head = field.record(headFields);
describeRecord("the head of a message", {
  fields: headFields,
  decode: (bytes) => decodeRecord(head, bytes),
  encode: (value) => encodeRecord(head, value),
});
describeRecord("layer A of a report", { fields: headLayerFields, decode: decodeHeadLayer, encode: encodeHeadLayer });
describeRecord("layer B of a report", { fields: wordsLayerFields, decode: decodeWordsLayer, encode: encodeWordsLayer });
describeRecord("a manifest", {
  fields: manifestFields,
  decode: (bytes) => decodeManifest(bytes, takesAll),
  encode: ({ hash: _hash, ...manifest }) => encodeManifest(manifest, sign),
  wrap: signed,
  fits: (record) => record.length <= 65_536,
});
describeRecord("a sanction", {
  fields: sanctionFields,
  decode: (bytes) => decodeSanction(bytes, realm, secretOf("signer"), takesAll),
  encode: (sanction) => encodeSanction(sanction, realm, sign),
  wrap: signed,
});

const feedFields = { version: field.uint(1, 1), atMs: field.timeMs, names: field.bytes(0, 65_536 * 8) };
describeRecord("a revocation feed", {
  fields: feedFields,
  decode: (bytes) => decodeFeed(bytes, { root: secretOf("root"), deskSigner: secretOf("desk") } as Manifest, takesAll),
  encode: (feed) => encodeFeed(feed, realm, sign),
  wrap: signed,
  fits: (record) => namesOf(decodeRecord(field.record(feedFields), record).names),
});
describeRecord("a realm document", {
  fields: {
    manifest: field.bytes(1, 131_072),
    feed: field.bytes(1, 65_536 * 8 + 256),
    statement: field.text(16_384),
    disclosed: field.list(field.record({ epoch: field.uint(0xffff_ffff), secret: field.bytes(32) }), 128),
  },
  decode: decodeRealm,
  encode: encodeRealm,
});
describeRecord("a report as the relay keeps it", {
  fields: {
    version: field.uint(1, 1),
    id: field.bytes(16),
    reporter: field.accountId,
    receivedMs: field.timeMs,
    heads: field.bytes(1, limits.reportLayerBytes.value),
    words: field.bytes(1, limits.reportLayerBytes.value),
  },
  decode: decodeSealedReport,
  encode: encodeSealedReport,
});

describeRecord("an ask", {
  fields: {
    version: field.uint(1, 1),
    topic: field.choice(...askTopics),
    body: field.bytes(0, limits.deskAskBytes.value),
    mac: field.optional(field.bytes(32)),
  },
  decode: decodeAsk,
  // Encoding makes the MAC; what is held to one spelling here is what was read.
  encode: ({ topic, body, mac }) => spell([1, askTopics.indexOf(topic), body, mac ?? null]),
});
for (const topic of askTopics) {
  const encode = (value: object): Uint8Array => decodeAsk(encodeAsk(topic, value as never)).body;
  describeRecord(`the body of an ask: ${topic}`, {
    fields: fieldsOf(askBodies[topic] as field.Field<unknown>),
    decode: (bytes) => decodeAskBody(topic, bytes) as object,
    encode,
    fits: (record) => record.length <= limits.deskAskBytes.value,
  });
}
for (const [place, kind] of (["enrolled", "tokens", "notes", "refused"] as const).entries()) {
  describeRecord(`the desk's answer: ${kind}`, {
    fields: fieldsOf(deskAnswers[kind] as field.Field<unknown>),
    decode: decodeDeskAnswer,
    encode: encodeDeskAnswer,
    wrap: (record) => spell([1, place, record]),
    fits: (record) => record.length <= limits.deskAnswerBytes.value,
  });
}
for (const [place, kind] of (["receipt", "statement", "contextRequest"] as const).entries()) {
  const atMs: Wire = 1_800_000_000_000;
  describeRecord(`the desk's note: ${kind}`, {
    fields: fieldsOf(noteBodies[kind] as field.Field<unknown>),
    decode: decodeNote,
    encode: encodeNote,
    wrap: (record) => spell([1, atMs, place, record]),
    fits: (record) => record.length <= limits.deskNoteBytes.value,
  });
}

/** Names of 8 bytes each, ascending. */
function namesOf(names: Uint8Array): boolean {
  if (names.length % 8 !== 0) return false;
  for (let at = 8; at < names.length; at += 8) {
    if (Buffer.compare(names.subarray(at - 8, at), names.subarray(at, at + 8)) >= 0) return false;
  }
  return true;
}
