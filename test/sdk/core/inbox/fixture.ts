/** An inbox with a relay and peers in the test's hands. */

import {
  type AccountId,
  type Audience,
  type Content,
  type ConversationId,
  decodeGroupBody,
  decodePayload,
  encodeContent,
  encodePayload,
  type Frame,
  fromHex,
  type Payload,
  parseDeviceId,
  type Relation,
} from "@sotto/protocol";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { Arrivals } from "../../../../sdk/core/consent/arrivals.js";
import { Consent } from "../../../../sdk/core/consent/consent.js";
import { Conversations } from "../../../../sdk/core/conversations/conversations.js";
import { Counters } from "../../../../sdk/core/counters.js";
import { AccountState } from "../../../../sdk/core/devices/account-state.js";
import { FirstState } from "../../../../sdk/core/devices/first-state.js";
import { Checking } from "../../../../sdk/core/franking/checking.js";
import { EvidenceRows } from "../../../../sdk/core/franking/evidence.js";
import { handedOver } from "../../../../sdk/core/franking/handed-over.js";
import { Rosters } from "../../../../sdk/core/franking/rosters.js";
import { Invited } from "../../../../sdk/core/groups/invited.js";
import { GroupRows } from "../../../../sdk/core/groups/log/group-rows.js";
import { Distributions } from "../../../../sdk/core/groups/sending/distributions.js";
import { SenderKeys } from "../../../../sdk/core/groups/sending/sender-keys.js";
import { Shown } from "../../../../sdk/core/groups/shown.js";
import { Statements } from "../../../../sdk/core/groups/statements.js";
import { Acknowledgements } from "../../../../sdk/core/inbox/acknowledgements.js";
import { GroupContents } from "../../../../sdk/core/inbox/group-contents.js";
import { GroupMail } from "../../../../sdk/core/inbox/group-mail.js";
import { GroupVerdicts } from "../../../../sdk/core/inbox/group-verdict.js";
import { HeldMail } from "../../../../sdk/core/inbox/held-mail.js";
import { Inbox } from "../../../../sdk/core/inbox/inbox.js";
import { OwnMail } from "../../../../sdk/core/inbox/own-mail.js";
import { PeerMail } from "../../../../sdk/core/inbox/peer-mail.js";
import { nothing } from "../../../../sdk/core/inbox/plan.js";
import { Receipts } from "../../../../sdk/core/inbox/receipts.js";
import { Repairs } from "../../../../sdk/core/inbox/repairs.js";
import { Resends } from "../../../../sdk/core/inbox/resends.js";
import { UnopenedMail } from "../../../../sdk/core/inbox/unopened-mail.js";
import { Waiting } from "../../../../sdk/core/inbox/waiting.js";
import { KeyedLock } from "../../../../sdk/core/keyed-lock.js";
import { KeptSends } from "../../../../sdk/core/outbox/kept-sends.js";
import { type Engine, EngineRefusal } from "../../../../sdk/core/ports.js";
import { Registers } from "../../../../sdk/core/registers/registers.js";
import { FormerSessions } from "../../../../sdk/core/sessions/former-sessions.js";
import { IdentityChanges } from "../../../../sdk/core/sessions/identity-changes.js";
import { Peers } from "../../../../sdk/core/sessions/peers.js";
import { Roles } from "../../../../sdk/core/sessions/roles.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { nodePlatform } from "../../../../sdk/node/platform.js";
import { clientVerify } from "../../../support/franking/signatures.js";
import { everyEpoch, type Franks, franksOf, isExempt, small } from "../franking/franked.js";
import { type ManualClock, manualClock, settled } from "../link/manual-clock.js";
import { ownRow } from "../outbox/fixture.js";
import { UnsafeOutbox } from "../outbox/unsafe-outbox.js";
import { me, messageId, peer, Talk } from "../people.js";
import { openSealed } from "../storage/fixture.js";
import { UnsafeMemoryStore } from "../storage/unsafe-memory-store.js";
import { UnsafeLogs } from "./unsafe-logs.js";

export const oldIdentity = Uint8Array.of(5, ...new Uint8Array(32).fill(1));
export const newIdentity = Uint8Array.of(5, ...new Uint8Array(32).fill(2));

/** What the double's "ciphertexts" say: who sent it, with which identity, and what a true engine would find. */
export interface Sealed {
  readonly sender: AccountId;
  /** The sending device; 1 if it is not said. */
  readonly device?: number;
  readonly identity: readonly number[];
  readonly plaintext?: readonly number[];
  readonly refusal?: "noSession" | "noSenderKey" | "invalidSealed" | "duplicate";
  /** Under a sender key: which, and the group that is written on the outside. */
  readonly distribution?: readonly number[] | undefined;
  readonly group?: ConversationId | undefined;
  /** `no`: its sender's client is one that makes no franks. */
  readonly franked?: "no" | undefined;
}

/** An engine that encrypts nothing: it only keeps to the port's rules about identities and changes. */
const unsafePlaintextEngine = {
  async unseal(_records: unknown, sealed: Uint8Array) {
    const inner: Sealed = JSON.parse(new TextDecoder().decode(sealed));
    if (inner.refusal === "invalidSealed") throw new EngineRefusal("invalidSealed");
    return {
      sender: { account: inner.sender, device: parseDeviceId(inner.device ?? 1) },
      senderIdentity: Uint8Array.from(inner.identity),
      role: "person" as const,
      kind: inner.distribution === undefined ? "signal" : "senderKey",
      distribution: inner.distribution === undefined ? undefined : Uint8Array.from(inner.distribution),
      group: inner.group === undefined ? undefined : fromHex(inner.group),
      inner,
    };
  },
  async takeSenderKey(
    _records: unknown,
    address: unknown,
    { distribution, message }: { readonly distribution: Uint8Array; readonly message: Uint8Array },
  ) {
    return [{ kind: "senderKey", address, distribution, record: message }];
  },
  async decrypt(
    records: { peerIdentity(account: AccountId): Promise<Uint8Array | undefined> },
    { inner }: { inner: Sealed },
  ) {
    if (inner.refusal !== undefined) throw new EngineRefusal(inner.refusal);
    const held = await records.peerIdentity(inner.sender);
    if (inner.distribution !== undefined) return { plaintext: Uint8Array.from(inner.plaintext ?? []), changes: [] };
    if (held !== undefined && String([...held]) !== String(inner.identity))
      throw new EngineRefusal("untrustedIdentity");
    const session = {
      kind: "session",
      address: { account: inner.sender, device: parseDeviceId(inner.device ?? 1) },
      record: Uint8Array.from(inner.identity),
    };
    return { plaintext: Uint8Array.from(inner.plaintext ?? []), changes: [session] };
  },
} as unknown as Engine;

/** What a test has in its hands. */
export interface InboxFixture {
  readonly raw: UnsafeMemoryStore;
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly peers: Peers;
  readonly conversations: Conversations;
  readonly counters: Counters;
  readonly consent: Consent;
  readonly keptSends: KeptSends;
  readonly outbox: UnsafeOutbox;
  readonly logs: UnsafeLogs;
  readonly senderKeys: SenderKeys;
  readonly groupMail: GroupMail;
  readonly held: HeldMail;
  readonly invited: Invited;
  readonly clock: ManualClock;
  readonly inbox: Inbox;
  /** What the checks know of the realm. */
  readonly realm: { -readonly [Name in keyof typeof everyEpoch]: (typeof everyEpoch)[Name] };
  /** What the relay's clock is taken to say, and what comes of asking it. */
  readonly relayTime: { nowMs: number; askTime: () => Promise<"told" | "unreached"> };
  readonly evidence: EvidenceRows;
  /** How groups are shown. */
  readonly looks: Shown;
  readonly talk: Talk;
  readonly failures: readonly unknown[];
  /** What an app would be told. */
  readonly events: readonly string[];
  /** What other parts were told. */
  readonly told: readonly string[];
  readonly acknowledged: readonly number[];
  deliver(sealed: Sealed, at?: number, messageId?: Uint8Array): Promise<void>;
  /** An envelope in which the peer says something. */
  said(payload: Payload, identity?: Uint8Array): Sealed;
  text(number: number, identity?: Uint8Array, over?: Partial<Content>): Sealed;
  /** An envelope of another device of this account. */
  own(payload: Payload, identity?: Uint8Array): Sealed;
  /** Decides how this account stands to the peer. */
  relate(relation: Relation): Promise<void>;
  /** The shapes of what is in the conversation. */
  shapes(): Promise<readonly string[]>;
}

/** An inbox over a real store, with every part behind it that decides anything. */
export async function inboxFixture(raw = new UnsafeMemoryStore()): Promise<InboxFixture> {
  const store = await openSealed(raw);
  const account = OwnAccount.create(ownRow());
  const clock = manualClock();
  const counters = new Counters();
  const conversations = new Conversations(store, account);
  const peers = new Peers(store);
  const locks = new KeyedLock();
  const failures: unknown[] = [];
  const failed = (error: unknown) => failures.push(error);
  const events: string[] = [];
  const acknowledged: number[] = [];
  const former = new FormerSessions({ store, engine: unsafePlaintextEngine, clock });
  const identityChanges = new IdentityChanges({
    former,
    conversations,
    clock,
    keyChanged: () => events.push("keychange"),
  });
  const keptSends = new KeptSends({ store, clock, failed });
  const outbox = new UnsafeOutbox();
  const receipts = new Receipts({ store, clock, confirm: async () => {}, failed });
  const told: string[] = [];
  const others = () => [otherDevice];
  const accountState: AccountState = new AccountState({
    ...{ store, account, peers, roles: new Roles(store), locks, outbox, others },
    arrivals: { moved: (before, after) => arrivals.moved(before, after) },
    accessMerged: ({ profileKey }) => told.push(`access ${profileKey}`),
  });
  const arrivals: Arrivals = new Arrivals({
    ...{ store, clock, counters },
    introduce: () => told.push("introduced"),
    repair: () => told.push("repair"),
    requestsChanged: () => {},
    asked: () => told.push("asked"),
    contact: () => told.push("contact"),
    refused: (_account, why) => told.push(`refused ${why}`),
  });
  const consent = new Consent({
    ...{ store, account, peers, locks, clock, arrivals, conversations, outbox },
    known: async () => undefined,
    owe: (content) => receipts.owe(content),
    owed: () => receipts.wake(),
    access: { rotate: async () => ({ build: () => [], after: [] }), apply: async () => {} },
    tellOwn: (contacts) => accountState.queue({ contacts }),
    introduce: () => told.push("introduced"),
    repair: () => told.push("repair"),
    requestsChanged: () => {},
  });
  const logs = new UnsafeLogs();
  const repairs = new Repairs({
    ...{ store, account, peers, clock, counters, conversations, locks, failed, outbox, groupLogs: logs },
    open: async () => {},
    isOnline: () => false,
  });
  const { random } = nodePlatform;
  const engine = unsafePlaintextEngine;
  const distributions = new Distributions({
    ...{ store, account, peers, engine, random, nowMs: () => clock.now() },
    certificates: { current: async () => new Uint8Array(1) },
  });
  const senderKeys = new SenderKeys({ store, account, peers, engine, distributions, clock, counters });
  const shown = new Shown(store);
  await shown.load();
  const rows = new GroupRows(store);
  const invited = new Invited({
    ...{ store, account, clock, shown },
    logs: {
      ...{ get: (id) => logs.get(id), status: (id) => logs.status(id) },
      withInvitation: (row) => rows.withInvitation(row),
    },
    invited: (group) => told.push(`invited ${group}`),
  });
  const rosters = new Rosters({ realm: () => small.realm, membersAt: () => logs.everybody });
  const evidence = new EvidenceRows(store);
  const realm = { ...everyEpoch };
  const relayTime = { nowMs: LATER_MS, askTime: async (): Promise<"told" | "unreached"> => "told" };
  const checking = new Checking({
    ...{ realm, rosters, me, counters, verify: clientVerify },
    nowMs: () => relayTime.nowMs,
    askTime: () => relayTime.askTime(),
  });
  const statements = new Statements({
    ...{ store, account, shown, logs, conversations, outbox },
    author: { passing: () => ({}) as never },
    changed: (group) => told.push(`changed ${group}`),
  });
  const held = new HeldMail(store);
  await held.load();
  const verdicts = new GroupVerdicts({ account, logs, invited });
  const resends = new Resends({ account, counters, keptSends, outbox, logs, senderKeys });
  const acknowledgements = new Acknowledgements((upTo) => acknowledged.push(upTo));
  const waiting = new Waiting({ store, clock });
  const firstState = new FirstState({
    ...{ store, account, clock, outbox, failed },
    addedMs: () => 500,
    told: () => told.push("told everything"),
  });
  const registers = new Registers({
    ...{ store, account, locks, clock, failed },
    orders: { tell: async () => ({ changes: [], sent: () => undefined }) },
    nowMs: () => clock.now(),
    noted: (kind, conversation) => told.push(`noted ${kind} ${conversation}`),
  });
  const taking = {
    ...{
      store,
      account,
      peers,
      locks,
      conversations,
      arrivals,
      receipts,
      repairs,
      resends,
      waiting,
      counters,
      clock,
      accountState,
      registers,
      firstState,
      groupLogs: logs,
      logs,
      verdicts,
      invited,
      held,
      failed,
      checking,
      evidence,
      statements,
      seen: { heard: () => undefined },
      ownEvidence: (said: Parameters<typeof handedOver>[1], encoded: Uint8Array | undefined) =>
        handedOver({ realm: small.realm, nowMs: LATER_MS }, said, encoded),
    },
    invitedToo: (group: string) => told.push(`invited too ${group}`),
    groupMoved: (group: string) => told.push(`moved ${group}`),
    registerOrders: { missed: async () => nothing },
    sentSync: { missed: async () => plan("read marks asked for") },
    recovery: { answerMissed: async () => plan("answered what was missed") },
    history: {
      take: async () => plan("took history"),
      acknowledged: async () => plan("history acknowledged"),
      missed: async () => plan("history asked for"),
    },
    tell: (_state: unknown, { type }: { readonly type: string }) => events.push(type),
    arrived: (_state: unknown, sequence: number) => events.push(`arrived ${sequence}`),
    proven: (_state: unknown, id: string) => events.push(`proven ${id}`),
  };
  const plan = (what: string) => ({ build: () => [], after: [() => told.push(what)] });
  const contents = new GroupContents({ ...taking, repair: () => told.push("repair") });
  const groupMail = new GroupMail({ ...taking, senderKeys, contents });
  const inbox = new Inbox({
    ...{
      store,
      account,
      peers,
      roles: new Roles(store),
      engine: unsafePlaintextEngine,
      locks,
      identityChanges,
      acknowledgements,
      counters,
      failed,
    },
    ...{ former, senderKeys, groupMail, checking, clock },
    peerMail: new PeerMail(taking),
    ownMail: new OwnMail(taking),
    unopenedMail: new UnopenedMail(taking),
    log: () => {},
    isOwnDevice: (device) => device === otherDevice,
    roots: () => [],
    nowMs: () => clock.now(),
    gap: (missed) => events.push(`gap ${missed}`),
  });
  let cursor = 0;
  const next = () => {
    cursor += 1;
    return cursor;
  };
  const idAt = (at: number) =>
    Uint8Array.from({ length: 16 }, (_, byte) => (byte === 15 && at > 255 ? 255 - (at >> 8) : at));
  const deliver = async (sealed: Sealed, at = next(), messageId = idAt(at)) => {
    const acceptedMs = ACCEPTED_MS + at;
    const franks = franked(sealed, rosters, acceptedMs);
    const body = new TextEncoder().encode(JSON.stringify(franks?.sealed ?? sealed));
    const frame: Frame<"deliver"> = {
      type: "deliver",
      cursor: at,
      messageId,
      acceptedMs,
      ...(at === 0 ? {} : { commitment: franks?.commitment, stamp: franks?.stamp }),
      body,
    };
    inbox.deliver(frame);
    await inbox.settled();
    for (let turn = 0; turn < 5; turn++) await settled();
  };
  const talk = await Talk.open();
  const said = (payload: Payload, identity: Uint8Array = oldIdentity): Sealed => ({
    sender: peer,
    identity: [...identity],
    plaintext: [...encodePayload(payload)],
  });
  const text = (number: number, identity: Uint8Array = oldIdentity, over: Partial<Content> = {}) => {
    const content = {
      ...talk.content(peer, messageId(number), { kind: "text", text: `t${number}` }),
      ...over,
    } as Content;
    return said({ type: "content", content: encodeContent(content) }, identity);
  };
  /** The same from another device of this account. */
  const own = (payload: Payload, identity = ownRow().identityPublic): Sealed => ({
    sender: me,
    device: otherDevice,
    identity: [...identity],
    plaintext: [...encodePayload(payload)],
  });
  /** Decides how this account stands to the peer. */
  const relate = async (relation: Relation) => {
    await store.commit([peers.change({ ...(await peers.get(peer)), relation })]);
  };
  const shapes = async () => {
    const { timeline } = await conversations.of(peer);
    return (await timeline.latest(99)).map(({ row: { shape } }) => shape);
  };
  return {
    ...{ raw, store, account, peers, conversations, counters, failures, events, told, acknowledged },
    ...{ outbox, keptSends, consent, deliver, said, text, own, relate, shapes, talk },
    ...{ logs, senderKeys, groupMail, held, invited, clock, inbox, realm, evidence, looks: shown, relayTime },
  };
}

/** An envelope as an honest client seals it: what it says bears a frank. */
function franked(
  sealed: Sealed,
  rosters: Rosters,
  acceptedMs: number,
): (Franks & { readonly sealed: Sealed }) | undefined {
  const { plaintext, sender, device = 1 } = sealed;
  if (plaintext === undefined || sender === me || sealed.franked === "no") return undefined;
  const payload = decodePayload(Uint8Array.from(plaintext));
  if (payload.type !== "content" && payload.type !== "invitation") return undefined;
  const content = payload.type === "content" ? payload.content : decodeGroupBody("invitation", payload.body).content;
  if (isExempt(content)) return undefined;
  const roster = payload.group && sealed.distribution ? rosters.at(payload.group) : undefined;
  const audience: Audience = roster === undefined ? { kind: "account", account: me } : { kind: "group", roster };
  const franks = franksOf({ account: sender, device: parseDeviceId(device) }, content, { audience, acceptedMs, me });
  const { frank = franks.frank } = payload;
  return { ...franks, sealed: { ...sealed, plaintext: [...encodePayload({ ...payload, frank })] } };
}

/** When the relay accepted what has cursor 0; each further cursor is a millisecond later. */
export const ACCEPTED_MS = 1_000_000;
/** What the relay's clock says whenever something is checked. */
const LATER_MS = 400 * 24 * 3_600_000;
/** Another device of this account. */
export const otherDevice = parseDeviceId(2);
