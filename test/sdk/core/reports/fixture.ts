/** Reports of one account over a sealed store in memory, a miniature realm, and a desk and relay that are only doubles. */

import {
  type AccountId,
  accountIdToBytes,
  type Content,
  type ConversationId,
  type DeskAnswer,
  type DeskKey,
  type DeskNote,
  decodeHeadLayer,
  decodeWordsLayer,
  deskBox,
  deskKeyId,
  directConversationId,
  encodeContent,
  encodeNote,
  fromHex,
  groupRoster,
  type HeadLayer,
  headLayerHash,
  layerContext,
  type Manifest,
  type MessageId,
  noteContext,
  parseConversationId,
  REPORT_WINDOW_MS,
  type Roster,
  type SottoError,
  seal,
  sealKeysOf,
  type Team,
  toHex,
  unseal,
  type WordsLayer,
} from "@sotto/protocol";
import { expect } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { Conversations } from "../../../../sdk/core/conversations/conversations.js";
import { Counters } from "../../../../sdk/core/counters.js";
import { EvidenceRows } from "../../../../sdk/core/franking/evidence.js";
import { KeyedLock } from "../../../../sdk/core/keyed-lock.js";
import { DeskNotes } from "../../../../sdk/core/reports/desk-notes.js";
import { Moderation } from "../../../../sdk/core/reports/moderation.js";
import { type Report, reportOf, type Statement, statementOf } from "../../../../sdk/core/reports/report.js";
import { ReportRows } from "../../../../sdk/core/reports/report-rows.js";
import { Reports, type ReportsParts } from "../../../../sdk/core/reports/reports.js";
import { ReportSending } from "../../../../sdk/core/reports/sending.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { nodePlatform } from "../../../../sdk/node/platform.js";
import {
  accountOf,
  type Device,
  EPOCH,
  evidenceOf,
  NOW_MS,
  SmallRealm,
  secretOf,
} from "../../../support/franking/realm.js";
import { manualClock } from "../link/manual-clock.js";
import { ownRow } from "../outbox/fixture.js";
import { openSealed } from "../storage/fixture.js";

export const realm = new SmallRealm();
export const me = accountOf("alice");
export const bob = realm.device("bob");
export const carol = realm.device("carol");
export const alice = realm.device("alice");
export const withBob = directConversationId(me, bob.account);
export const group = parseConversationId(toHex(secretOf("group").subarray(0, 16)));
const HEAD = secretOf("head");
const MEMBERS = [alice.account, bob.account, carol.account];

/** The desk's secret keys. */
export const desk = {
  triage: sealKeysOf(secretOf("triage")),
  community: sealKeysOf(secretOf("community")),
  platform: sealKeysOf(secretOf("platform")),
  safety: sealKeysOf(secretOf("safety")),
};
const box = deskBox(ownRow().identityPrivate);

/** A report as a desk opens it. */
export interface Opened {
  readonly heads: HeadLayer;
  readonly words: WordsLayer;
}

/** What left for the relay. */
export interface Submitted {
  readonly report: Uint8Array;
  readonly heads: Uint8Array;
  readonly words: Uint8Array;
}

/** One device's reports. */
export interface Fixture {
  readonly store: SealedStore;
  readonly clock: ReturnType<typeof manualClock>;
  readonly reports: Reports;
  readonly moderation: Moderation;
  readonly rows: ReportRows;
  readonly sending: ReportSending;
  readonly notes: DeskNotes;
  readonly counters: Counters;
  readonly conversations: Conversations;
  readonly submitted: Submitted[];
  readonly asked: number[];
  readonly told: Report[];
  readonly statements: Statement[];
  teams: readonly Team[];
  state: "ready" | "waiting";
  refusal: SottoError | undefined;
  /** Sealed notes as the desk hands them out. */
  readonly mail: { seq: number; id: Uint8Array; sealed: Uint8Array }[];
  write(note: DeskNote, to?: AccountId): void;
  keep(content: Content, kept?: { readonly untilMs?: number }): Promise<MessageId>;
}

let counter = 0;

/** What anybody says to anybody, taken a second after what was said before. */
export function said<Kind extends Content["kind"]>(
  from: Device,
  conversation: ConversationId,
  saying: Extract<Content, { readonly kind: Kind }> extends infer C ? Partial<C> & { readonly kind: Kind } : never,
): Content {
  counter += 1;
  return {
    ...realm.text(from, from.account === me ? bob.account : me, ""),
    text: undefined,
    conversation,
    revision: conversation === group ? 3 : undefined,
    counter,
    sentAtMs: NOW_MS - 3_600_000 + counter * 1_000,
    ...saying,
  } as never;
}

/** Opens reports over a store; the same store again is a restart. */
export async function openReports(opened?: SealedStore): Promise<Fixture> {
  const store = opened ?? (await openSealed());
  const clock = manualClock(NOW_MS);
  const account = OwnAccount.create({ ...ownRow(), account: me });
  const conversations = new Conversations(store, account);
  const counters = new Counters();
  const evidence = new EvidenceRows(store);
  const roster = groupRoster(realm.realm, { group, revision: 3, head: HEAD }, MEMBERS);
  const rosterOf: ReportsParts["rosters"] = {
    at: ({ revision }): Roster | undefined => (revision === 3 ? roster : undefined),
  };
  const realmView = {
    isKnown: true,
    id: realm.realm,
    get current() {
      return manifestOf(fixture.teams);
    },
    statement: "what moderators can do",
  };
  const relay = {
    device: {
      get state() {
        return fixture.state;
      },
      request: (async (frame: Submitted) => {
        if (fixture.refusal !== undefined) throw fixture.refusal;
        fixture.submitted.push(frame);
        return { type: "done", id: 1 };
      }) as never,
    },
  };
  const failed = (error: unknown) => {
    throw error;
  };
  const rows = new ReportRows({
    ...{ store, locks: new KeyedLock() },
    reportChanged: (row) => void fixture.told.push(reportOf(row)),
    stated: (row) => void fixture.statements.push(statementOf(row)),
  });
  const sending = new ReportSending({ store, rows, relay, clock, random: nodePlatform.random, counters, failed });
  const asks = {
    ask: async (_topic: unknown, { after }: { after: number }): Promise<DeskAnswer> => {
      fixture.asked.push(after);
      const behind = fixture.mail.filter(({ seq }) => seq > after);
      return { kind: "notes", notes: behind.slice(0, 16), more: behind.length > 16 ? "yes" : "no" };
    },
  };
  const notes = new DeskNotes({
    ...{ store, account, rows, clock, counters, failed, relay, realm: realmView },
    asks: asks as never,
  });
  const parts = {
    ...{ me, evidence, conversations, rows, sending, realm: realmView, rosters: rosterOf },
    random: nodePlatform.random,
    nowMs: () => clock.now(),
  };
  const fixture: Fixture = {
    ...{ store, clock, rows, sending, notes, counters, conversations },
    ...{ submitted: [], asked: [], told: [], statements: [], mail: [] },
    teams: ["community", "platform", "safety"],
    state: "ready",
    refusal: undefined,
    reports: new Reports(parts),
    moderation: new Moderation({ ...parts, relayCheck: { check: async () => "nothing" } }),
    write(note, to = me) {
      const seq = (fixture.mail.at(-1)?.seq ?? 0) + 1;
      const id = secretOf(`note ${seq}`).slice(0, 16);
      const sealed = seal(box.publicKey, noteContext(realm.realm, to, id), encodeNote(note));
      fixture.mail.push({ seq, id, sealed });
    },
    async keep(content, { untilMs = content.sentAtMs + REPORT_WINDOW_MS } = {}) {
      await store.commit(evidence.keeping({ ...evidenceFor(content, roster), untilMs }));
      return content.messageId;
    },
  };
  return fixture;
}

/** A sealed report as the desk reads it: nothing but what the layers hold. */
export function opened({ report, heads, words }: Submitted, team: Team): Opened {
  const named = { id: report, reporter: me } as const;
  const open = (secret: Uint8Array, layer: "heads" | "words", sealed: Uint8Array, headHash?: Uint8Array) => {
    const context = layerContext(realm.realm, { ...named, layer, ...(headHash && { headHash }) });
    const plaintext = unseal(secret, context, sealed);
    if (plaintext === undefined) throw new Error(`the ${layer} do not open`);
    return plaintext;
  };
  const headBytes = open(desk.triage.secretKey, "heads", heads);
  const wordBytes = open(desk[team].secretKey, "words", words, headLayerHash(headBytes));
  return { heads: decodeHeadLayer(headBytes), words: decodeWordsLayer(wordBytes) };
}

function evidenceFor(content: Content, roster: Roster) {
  const from = [alice, bob, carol].find(({ account }) => account === content.sender) as Device;
  const isGroup = content.conversation === group;
  const acceptedMs = content.sentAtMs;
  const recipient = content.sender === me ? bob.account : me;
  const sent = realm.send(from, isGroup ? { kind: "group", roster } : recipient, content, { acceptedMs });
  const isMine = content.sender === me;
  const stampedFor = isMine && isGroup ? fromHex(group) : accountIdToBytes(recipient);
  const checked = realm.check(sent, isMine && !isGroup ? recipient : me, {
    stamp: realm.stampFor(stampedFor, sent),
    stampedFor,
  });
  const standing = isMine && isGroup ? { revision: 3, head: HEAD } : undefined;
  return { evidence: evidenceOf(checked), content: encodeContent(content), acceptedMs, standing };
}

function manifestOf(present: readonly Team[]): Manifest {
  const keyOf = (role: DeskKey["role"]): DeskKey => {
    const { publicKey: key } = desk[role];
    return { role, id: deskKeyId(key), key, notBeforeMs: 0, expiresMs: NOW_MS + REPORT_WINDOW_MS * 9 };
  };
  return {
    root: realm.root.publicKey,
    number: 7,
    previous: new Uint8Array(32),
    issuedMs: NOW_MS,
    minFrankVersion: 1,
    epochs: [{ epoch: EPOCH, issuerKey: realm.issuer().publicKey }],
    deskKeys: [keyOf("triage"), ...present.map(keyOf)],
    deskSigner: realm.root.publicKey,
    statementHash: new Uint8Array(32),
  };
}

/** An error of a code. */
export const failure = (code: string) => expect.objectContaining({ code });
