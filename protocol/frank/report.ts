/**
 * A report in two sealed layers: who said something when, for the triage worker, which sees no word; and the words, for a team
 * of moderators. Each is bound to the report, its reporter and the other layer (PROTOCOL.md, Reports).
 */

import { blobFields } from "../attachment/reference.js";
import { decodeRecord, encodeRecord } from "../codec.js";
import { digest, labelled } from "../derive.js";
import { type AccountId, accountIdToBytes } from "../ids.js";
import { limits } from "../limits.js";
import { accountId, bytes, choice, list, optional, record, type TypeOf, text, timeMs, uint } from "../schema/field.js";
import { frankHead } from "./evidence.js";
import { type Team, teams } from "./manifest.js";
import type { Realm } from "./token.js";

const encoder = new TextEncoder();
const { value: MAX_ITEMS } = limits.reportItems;

/** What somebody is reported for. New ones go to the end. */
export const reportCategories = [
  "spam",
  "harassment",
  "hate",
  "threat",
  "sexual",
  "childSafety",
  "selfHarm",
  "scam",
  "impersonation",
  "illegal",
  "other",
] as const;
/** What somebody is reported for. */
export type ReportCategory = (typeof reportCategories)[number];

/**
 * `report`: a recipient reports an account. `context`: the reporter adds what the desk asked for, to report `about`. `appeal`: the
 * account that was acted against has its say, on the case of statement `about`.
 */
export const reportKinds = ["report", "context", "appeal"] as const;
/** What a submission is. */
export type ReportKind = (typeof reportKinds)[number];

/** What one disclosed message is in a report: what it is about, what others said around it, or what the reporter said itself. */
export const itemRoles = ["reported", "context", "own"] as const;
/** What one disclosed message is in a report. */
export type ItemRole = (typeof itemRoles)[number];

/** Layer A, for the triage worker; PROTOCOL.md's table is made from it. */
export const headLayerFields = {
  version: uint(1, 1),
  kind: choice(...reportKinds),
  category: choice(...reportCategories),
  /** Whom it is about; of an appeal, who appeals. */
  accused: accountId,
  /** The report that context is for, or the statement that is appealed against. */
  about: optional(bytes(16)),
  /** Which team's key the other layer is sealed to. */
  team: choice(...teams),
  teamKey: bytes(8),
  items: list(record({ role: choice(...itemRoles), head: frankHead }), MAX_ITEMS),
} as const;

/** One disclosed message's words. */
const wordsItem = record({
  wordsKey: bytes(32),
  /** The committed form of the content. */
  committed: bytes(1, limits.contentBytes.value),
  /** What opens the blobs the reporter chose to show: which one, in the order of the committed form, and its reference. */
  blobs: list(record({ index: uint(64), ...blobFields }), 64),
});

/** Layer B, for a team of moderators; PROTOCOL.md's table is made from it. */
export const wordsLayerFields = {
  version: uint(1, 1),
  /** The SHA-256 of the other layer before it was sealed. */
  headHash: bytes(32),
  note: text(limits.reportNoteBytes.value),
  /** In the order of the other layer's. */
  items: list(wordsItem, MAX_ITEMS),
} as const;

const headLayer = record(headLayerFields);
const wordsLayer = record(wordsLayerFields);

/** Layer A. */
export type HeadLayer = Omit<TypeOf<typeof headLayer>, "version">;
/** Layer B. */
export type WordsLayer = Omit<TypeOf<typeof wordsLayer>, "version">;
/** One disclosed message in layer A. */
export type HeadItem = HeadLayer["items"][number];
/** One disclosed message in layer B. */
export type WordsItem = WordsLayer["items"][number];

/** The canonical bytes of layer A. @throws invalidArgument for a field out of bounds. */
export function encodeHeadLayer(layer: HeadLayer): Uint8Array<ArrayBuffer> {
  return encodeRecord(headLayer, { version: 1, ...layer });
}

/** Reads layer A. @throws badFrame if the bytes are none. */
export function decodeHeadLayer(encoded: Uint8Array): HeadLayer {
  const { version: _version, ...layer } = decodeRecord(headLayer, encoded);
  return layer;
}

/** The canonical bytes of layer B. @throws invalidArgument for a field out of bounds. */
export function encodeWordsLayer(layer: WordsLayer): Uint8Array<ArrayBuffer> {
  return encodeRecord(wordsLayer, { version: 1, ...layer });
}

/** Reads layer B. @throws badFrame if the bytes are none. */
export function decodeWordsLayer(encoded: Uint8Array): WordsLayer {
  const { version: _version, ...layer } = decodeRecord(wordsLayer, encoded);
  return layer;
}

/** What binds the two layers. */
export function headLayerHash(encoded: Uint8Array): Uint8Array<ArrayBuffer> {
  return digest(labelled("frank1/head-layer", encoded));
}

/** What a report's layers are sealed for. `headHash` goes with the words only: they open beside their own heads and no others. */
export function layerContext(
  realm: Realm,
  report: {
    readonly id: Uint8Array;
    readonly reporter: AccountId;
    readonly layer: "heads" | "words";
    readonly headHash?: Uint8Array;
  },
): Uint8Array<ArrayBuffer> {
  const { id, reporter, layer, headHash = new Uint8Array(32) } = report;
  return labelled("frank1/info", realm, id, accountIdToBytes(reporter), encoder.encode(layer), headHash);
}

/** What the desk seals to an account: who it is for, and which of its notes it is. */
export function noteContext(realm: Realm, account: AccountId, note: Uint8Array): Uint8Array<ArrayBuffer> {
  return labelled("frank1/note", realm, accountIdToBytes(account), note);
}

/** A report as a file for `sotto-desk verify-report`, and as the relay keeps it. */
export const sealedReport = record({
  version: uint(1, 1),
  id: bytes(16),
  reporter: accountId,
  receivedMs: timeMs,
  heads: bytes(1, limits.reportLayerBytes.value),
  words: bytes(1, limits.reportLayerBytes.value),
});
/** A report as the relay keeps it. */
export type SealedReport = TypeOf<typeof sealedReport>;

/** The bytes of a sealed report. */
export function encodeSealedReport(report: Omit<SealedReport, "version">): Uint8Array<ArrayBuffer> {
  return encodeRecord(sealedReport, { version: 1, ...report });
}

/** Reads a sealed report. @throws badFrame if the bytes are none. */
export function decodeSealedReport(encoded: Uint8Array): SealedReport {
  return decodeRecord(sealedReport, encoded);
}

/** The team that a category goes to at first, where it has a key. */
export function firstTeam(category: ReportCategory): Team {
  return category === "childSafety" ? "safety" : "community";
}
