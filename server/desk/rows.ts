/**
 * The desk's rows: every table that lies in its data folder, with its key, its value, and who deletes it. A name is never used again
 * for something else. Values are records of the wire's own kind, so that what was written is checked when it is read.
 */

import {
  caseOutcomes,
  caseStages,
  decodeRecord,
  encodeRecord,
  field,
  itemRoles,
  limits,
  reportCategories,
  reportKinds,
  SEAL_PUBLIC_KEY_BYTES,
  sanctionKinds,
  type TypeOf,
  teams,
} from "@sotto/protocol";
import type { RowChange, Rows } from "./ports.js";

const { accountId, bytes, choice, deviceId, list, optional, record, text, timeMs, uint } = field;

const u32 = uint(0xffff_ffff);
const count = uint(Number.MAX_SAFE_INTEGER);
const secret = bytes(32);
const moderatorId = text(32);
const hexId = text(32, 32);
const category = choice(...reportCategories);
const layer = bytes(1, limits.reportLayerBytes.value);
const secretKeeping = record({
  kind: choice("file", "passkey"),
  credential: optional(text(2_048)),
  salt: optional(text(256)),
  wrapped: optional(text(1_024)),
});

/** Why triage does not count what it was shown. */
export const itemReasons = [
  "notIssued",
  "weakKey",
  "notSigned",
  "notStamped",
  "epoch",
  "keyGone",
  "notTheirs",
  "severalAccused",
  "wordsDiffer",
  "blobDiffers",
  "malformed",
] as const;

const itemVerdict = record({
  role: choice(...itemRoles),
  account: accountId,
  device: deviceId,
  acceptedMs: timeMs,
  verdict: choice("verified", ...itemReasons),
  dedupe: optional(bytes(32)),
});

/** Every table, by name. */
export const deskTables = {
  root: {
    key: "`root`",
    doc: "the realm's root: its public half, and its secret unless that was taken offline",
    deletedBy: "nobody",
    value: record({ publicKey: secret, secret: optional(secret) }),
  },
  ownKey: {
    key: "`signer`, `link`",
    doc: "seeds of the desk's own Ed25519 keys",
    deletedBy: "nobody",
    value: record({ seed: secret }),
  },
  issuerKey: {
    key: "epoch",
    doc: "the key that signs an epoch's tokens; its secret goes once it is published",
    deletedBy: "key upkeep, 40 epochs on",
    value: record({ publicKey: secret, seed: optional(secret), revokedAfterMs: optional(timeMs) }),
  },
  disclosedKey: {
    key: "epoch",
    doc: "the secret of an epoch that ended two days ago: published, so that its tokens prove nothing",
    deletedBy: "nobody",
    value: record({ seed: secret }),
  },
  accountKey: {
    key: "epoch",
    doc: "the key of an epoch's account tags",
    deletedBy: "key upkeep, 31 days after the epoch",
    value: record({ key: secret }),
  },
  stampKey: {
    key: "epoch",
    doc: "the relay's stamp key of an epoch",
    deletedBy: "key upkeep, 31 days after the epoch",
    value: record({ key: secret }),
  },
  triageKey: {
    key: "key id, hex",
    doc: "what layer A of reports and enrolments are sealed to",
    deletedBy: "key upkeep, 31 days after it expired",
    value: record({ seed: secret, notBeforeMs: timeMs, expiresMs: timeMs }),
  },
  teamKey: {
    key: "key id, hex",
    doc: "the public half of a team's key; the other was never here",
    deletedBy: "retention, 31 days after it expired, once nothing is sealed to it",
    value: record({
      team: choice(...teams),
      publicKey: bytes(SEAL_PUBLIC_KEY_BYTES),
      notBeforeMs: timeMs,
      expiresMs: timeMs,
    }),
  },
  teamGrant: {
    key: "key id / moderator",
    doc: "a team's key, sealed to one person",
    deletedBy: "retention with its key, leaving",
    value: record({ sealed: bytes(1, 16_384), createdMs: timeMs }),
  },
  manifest: {
    key: "`signed`, or `unsigned` while a root that is offline has to sign it",
    doc: "the newest manifest",
    deletedBy: "the next one",
    value: record({ encoded: bytes(1, 131_072) }),
  },
  /** Nothing tells which names were made up. */
  feedName: {
    key: "epoch / name, hex",
    doc: "a name that the feed lists, of a token that counts no more or made up to pad it",
    deletedBy: "the feed, 31 days after the epoch, or for want of room",
    value: record({ epoch: u32, name: bytes(8) }),
  },
  account: {
    key: "account",
    doc: "the identity key an account enrolled under, its box, its record as a reporter and as an accused",
    deletedBy: "nobody",
    value: record({
      identityKey: bytes(33),
      box: bytes(SEAL_PUBLIC_KEY_BYTES),
      /** SHA-256 of who the host says this is. */
      subject: optional(secret),
      enrolledMs: timeMs,
      /** The last day, since 1970, on which another identity key was refused and logged; SHA-256 of that key. */
      refusedDay: u32,
      refusedKey: optional(secret),
      /** SHA-256 of the identity key that the operator lets in the place of this one. */
      allowedKey: optional(secret),
    }),
  },
  device: {
    key: "account / device",
    doc: "the key under which a device's asks are MACed",
    deletedBy: "an identity that moved",
    value: record({ deskKey: secret, enrolledMs: timeMs }),
  },
  batch: {
    key: "epoch / account / device / hash of the batch, hex",
    doc: "names of the tokens of one batch, for the feed and the quota",
    deletedBy: "issuer, after the epoch",
    value: record({ names: bytes(8, 8 * 64) }),
  },
  note: {
    key: "account / number",
    doc: "a note, sealed to the account's box",
    deletedBy: "retention, 210 days on",
    value: record({ id: bytes(16), sealed: bytes(1, limits.deskNoteBytes.value), atMs: timeMs }),
  },
  noteCount: {
    key: "account",
    doc: "the number of its last note",
    deletedBy: "nobody",
    value: record({ last: count }),
  },
  untriaged: {
    key: "arrival, number at the relay, report id, hex",
    doc: "a report as it came",
    deletedBy: "triage",
    value: record({ id: bytes(16), reporter: accountId, receivedMs: timeMs, heads: layer, words: layer }),
  },
  report: {
    key: "report id, hex",
    doc: "what triage made of a report",
    deletedBy: "nobody",
    value: record({
      id: bytes(16),
      kind: choice(...reportKinds),
      reporter: accountId,
      category,
      receivedMs: timeMs,
      case: hexId,
      items: list(itemVerdict, limits.reportItems.value),
      teamKey: hexLike(16),
      contextAsks: u32,
    }),
  },
  layers: {
    key: "report id, hex",
    doc: "layer A as it came and as triage opened it, and layer B, which is sealed to a team",
    deletedBy: "retention",
    value: record({ sealedHeads: layer, heads: layer, words: layer }),
  },
  kept: {
    key: "report id, hex",
    doc: "that the layers of a report are kept, so that retention need not read them",
    deletedBy: "retention",
    value: record({ case: hexId, receivedMs: timeMs, bytes: u32 }),
  },
  /** The verdict record: what the case stands on once the keys are gone. */
  verdict: {
    key: "month / report id, hex",
    doc: "verdict record: report, accused, category, verified or why not, when, the words' hash and what tells repeats",
    deletedBy: "nobody",
    value: record({
      report: bytes(16),
      reporter: accountId,
      accused: optional(accountId),
      category: optional(category),
      kind: optional(choice(...reportKinds)),
      receivedMs: timeMs,
      trust: choice("verified", "unverified", "repeated", "limited", "unreadable"),
      items: list(
        record({
          verdict: choice("verified", ...itemReasons),
          acceptedMs: timeMs,
          wordsHash: secret,
          dedupe: optional(secret),
        }),
        limits.reportItems.value,
      ),
      signature: bytes(64),
    }),
  },
  case: {
    key: "case id",
    doc: "a case: an account, a team, where it stands. No word",
    deletedBy: "nobody",
    value: record({
      id: hexId,
      accused: accountId,
      team: choice(...teams),
      category,
      stage: choice(...caseStages),
      outcome: choice(...caseOutcomes),
      openedMs: timeMs,
      stageMs: timeMs,
      claimedBy: optional(moderatorId),
      claimedMs: timeMs,
      decidedBy: list(moderatorId, 64),
      decidedMs: optional(timeMs),
      reportCount: u32,
      unverifiedCount: u32,
      /** Bytes of what was shared in its reports and is kept. */
      keptBytes: u32,
      /** Distinct messages that passed, messages that did not, distinct accounts with one that passed. */
      verifiedItems: u32,
      refusedItems: u32,
      reporters: u32,
      brigading: choice("no", "yes"),
      overdueTold: choice("no", "yes"),
      hasAppeal: choice("no", "yes"),
      hold: choice("none", "held"),
      /** Leads who asked for a hold, or for its end; two decide. */
      holdBy: list(moderatorId, 2),
      history: list(record({ atMs: timeMs, stage: choice(...caseStages), by: text(64) }), 128),
    }),
  },
  liveCase: {
    key: "case id",
    doc: "that a case is not closed: what the queue shows and deadlines are for, however many are closed",
    deletedBy: "closing it",
    value: record({}),
  },
  openCase: {
    key: "accused / team",
    doc: "the case that new reports go to",
    deletedBy: "the decision on it",
    value: record({ case: hexId }),
  },
  caseReport: {
    key: "case / report id, hex",
    doc: "that a report is part of a case",
    deletedBy: "nobody",
    value: record({}),
  },
  caseReporter: {
    key: "case / reporter",
    doc: "an account with a verified report, and when it was made",
    deletedBy: "nobody",
    value: record({ atMs: timeMs, enrolledMs: optional(timeMs) }),
  },
  caseMessage: {
    key: "case / what tells repeats, hex / reporter",
    doc: "that a reporter showed a message in a case",
    deletedBy: "nobody",
    value: record({}),
  },
  accused: {
    key: "account",
    doc: "how often something was done about an account",
    deletedBy: "nobody",
    value: record({ upheld: u32 }),
  },
  reporter: {
    key: "account",
    doc: "how many of an account's reports were decided, and how many upheld",
    deletedBy: "nobody",
    value: record({ decided: u32, upheld: u32, lastDecidedMs: timeMs }),
  },
  reported: {
    key: "day / reporter / report id, hex",
    doc: "whom an account reported on a day, for the limits",
    deletedBy: "retention, after the day",
    value: record({ accused: accountId }),
  },
  action: {
    key: "action id",
    doc: "something that was done about an account, or waits for a second person",
    deletedBy: "nobody",
    value: record({
      id: hexId,
      case: hexId,
      account: accountId,
      kind: choice(...sanctionKinds),
      device: optional(deviceId),
      lifts: optional(hexId),
      category,
      rule: text(limits.reportNoteBytes.value),
      durationMs: optional(count),
      untilMs: optional(timeMs),
      appealUntilMs: optional(timeMs),
      atMs: timeMs,
      by: moderatorId,
      approvedBy: optional(moderatorId),
      state: choice("waiting", "inForce", "lifted", "expired", "rejected"),
      enforced: choice("no", "yes"),
    }),
  },
  caseAction: { key: "case / action id", doc: "an action of a case", deletedBy: "nobody", value: record({}) },
  standing: {
    key: "account / action id",
    doc: "a sanction in force",
    deletedBy: "its end",
    value: record({ kind: choice(...sanctionKinds), device: optional(deviceId), untilMs: optional(timeMs) }),
  },
  enforcement: {
    key: "action id",
    doc: "a signed sanction that the relay did not carry out yet",
    deletedBy: "the relay's answer",
    value: record({ account: accountId, sanction: bytes(1, 1_024) }),
  },
  moderator: {
    key: "moderator id",
    doc: "somebody who works here",
    deletedBy: "nobody",
    value: record({
      id: moderatorId,
      name: text(256, 1),
      role: choice("moderator", "lead", "auditor"),
      teams: list(choice(...teams), teams.length),
      signKey: secret,
      box: bytes(SEAL_PUBLIC_KEY_BYTES),
      keeping: secretKeeping,
      sinceMs: timeMs,
      leftMs: optional(timeMs),
    }),
  },
  invite: {
    key: "SHA-256 of the code, hex",
    doc: "an invitation to work here",
    deletedBy: "redeeming, its end",
    value: record({
      name: text(256, 1),
      role: choice("moderator", "lead", "auditor"),
      teams: list(choice(...teams), teams.length),
      expiresMs: timeMs,
    }),
  },
  opening: {
    key: "opening id",
    doc: "a case that somebody has open",
    deletedBy: "its end",
    value: record({ case: hexId, by: moderatorId, closesMs: timeMs }),
  },
  audit: { key: "number", doc: "an entry of the log, as JSON", deletedBy: "nobody", value: bytes(2, 16_384) },
  auditTip: {
    key: "`tip`",
    doc: "the last entry's number and hash",
    deletedBy: "nobody",
    value: record({ seq: count, hash: text(64, 64) }),
  },
  auditHead: {
    key: "day",
    doc: "a day's last entry, signed",
    deletedBy: "nobody",
    value: record({ seq: count, hash: text(64, 64), signature: bytes(64) }),
  },
  unscrubbed: {
    key: "a table's name",
    doc: "that rows of a table were deleted which may still lie in the files, and when the last one was",
    deletedBy: "scrubbing, once a day",
    value: record({ atMs: timeMs }),
  },
  webhook: {
    key: "number",
    doc: "a call that was not taken yet",
    deletedBy: "its delivery, or its eighth try",
    value: record({ body: text(1_024), tries: u32, dueMs: timeMs }),
  },
} as const;

function hexLike(digits: number) {
  return text(digits, digits);
}

/** A table's name. */
export type DeskTable = keyof typeof deskTables;
/** What a table's rows hold. */
export type RowOf<Name extends DeskTable> = TypeOf<(typeof deskTables)[Name]["value"]>;

/** Rows of one table that are read and written as what they are. */
export interface Table<Value> {
  get(key: string): Promise<Value | undefined>;
  /** All rows whose key begins so, ascending. */
  all(prefix?: string): Promise<readonly { readonly key: string; readonly value: Value }[]>;
  /** The first rows whose key begins so, behind `after`. */
  some(
    prefix: string,
    range: { readonly after?: string; readonly limit: number },
  ): Promise<readonly { readonly key: string; readonly value: Value }[]>;
  put(key: string, value: Value): RowChange;
  drop(key: string): RowChange;
}

/** All tables over some rows. */
export type Tables = { readonly [Name in DeskTable]: Table<RowOf<Name>> };

const PAGE = 256;

/** Opens the tables over some rows. */
export function openTables(rows: Rows): Tables {
  const names = Object.keys(deskTables) as DeskTable[];
  return Object.fromEntries(names.map((name) => [name, tableOf(rows, name)])) as unknown as Tables;
}

/** A number as part of a key, so that keys sort as numbers do. */
export function sortable(value: number): string {
  return value.toString().padStart(16, "0");
}

function tableOf<Name extends DeskTable>(rows: Rows, name: Name): Table<RowOf<Name>> {
  const codec = record({ it: deskTables[name].value as never });
  const read = (value: Uint8Array): RowOf<Name> => (decodeRecord(codec, value) as { it: RowOf<Name> }).it;
  const start = `${name}/`;

  async function some(prefix: string, { after, limit }: { readonly after?: string; readonly limit: number }) {
    const behind = after === undefined ? {} : { after: `${start}${after}` };
    const found = await rows.list(`${start}${prefix}`, { ...behind, limit });
    return found.map(({ key, value }) => ({ key: key.slice(start.length), value: read(value) }));
  }

  return {
    async get(key) {
      const value = await rows.get(`${start}${key}`);
      return value === undefined ? undefined : read(value);
    },
    async all(prefix = "") {
      const found: { key: string; value: RowOf<Name> }[] = [];
      for (;;) {
        const after = found.at(-1)?.key;
        const page = await some(prefix, after === undefined ? { limit: PAGE } : { after, limit: PAGE });
        found.push(...page);
        if (page.length < PAGE) return found;
      }
    },
    some,
    put: (key, value) => ({ key: `${start}${key}`, value: encodeRecord(codec, { it: value } as never) }),
    drop: (key) => ({ key: `${start}${key}`, value: undefined }),
  };
}
