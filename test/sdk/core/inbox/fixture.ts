/** An inbox with a relay and peers in the test's hands. */

import {
  type AccountId,
  type Content,
  encodeContent,
  encodePayload,
  type Frame,
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
import { Acknowledgements } from "../../../../sdk/core/inbox/acknowledgements.js";
import { Inbox } from "../../../../sdk/core/inbox/inbox.js";
import { OwnMail } from "../../../../sdk/core/inbox/own-mail.js";
import { PeerMail } from "../../../../sdk/core/inbox/peer-mail.js";
import { Receipts } from "../../../../sdk/core/inbox/receipts.js";
import { Repairs } from "../../../../sdk/core/inbox/repairs.js";
import { Resends } from "../../../../sdk/core/inbox/resends.js";
import { UnopenedMail } from "../../../../sdk/core/inbox/unopened-mail.js";
import { Waiting } from "../../../../sdk/core/inbox/waiting.js";
import { KeyedLock } from "../../../../sdk/core/keyed-lock.js";
import { KeptSends } from "../../../../sdk/core/outbox/kept-sends.js";
import { type Engine, EngineRefusal } from "../../../../sdk/core/ports.js";
import { FormerSessions } from "../../../../sdk/core/sessions/former-sessions.js";
import { IdentityChanges } from "../../../../sdk/core/sessions/identity-changes.js";
import { Peers } from "../../../../sdk/core/sessions/peers.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { manualClock, settled } from "../link/manual-clock.js";
import { ownRow } from "../outbox/fixture.js";
import { UnsafeOutbox } from "../outbox/unsafe-outbox.js";
import { me, messageId, peer, Talk } from "../people.js";
import { openSealed } from "../storage/fixture.js";
import { UnsafeMemoryStore } from "../storage/unsafe-memory-store.js";

export const oldIdentity = Uint8Array.of(5, ...new Uint8Array(32).fill(1));
export const newIdentity = Uint8Array.of(5, ...new Uint8Array(32).fill(2));

/** What the double's "ciphertexts" say: who sent it, with which identity, and what a true engine would find. */
export interface Sealed {
  readonly sender: AccountId;
  /** The sending device; 1 if it is not said. */
  readonly device?: number;
  readonly identity: readonly number[];
  readonly plaintext?: readonly number[];
  readonly refusal?: "noSession" | "invalidSealed" | "duplicate";
}

/** An engine that encrypts nothing: it only keeps to the port's rules about identities and changes. */
const unsafePlaintextEngine = {
  async unseal(_records: unknown, sealed: Uint8Array) {
    const inner: Sealed = JSON.parse(new TextDecoder().decode(sealed));
    if (inner.refusal === "invalidSealed") throw new EngineRefusal("invalidSealed");
    return {
      sender: { account: inner.sender, device: parseDeviceId(inner.device ?? 1) },
      senderIdentity: Uint8Array.from(inner.identity),
      kind: "signal",
      inner,
    };
  },
  async decrypt(
    records: { peerIdentity(account: AccountId): Promise<Uint8Array | undefined> },
    { inner }: { inner: Sealed },
  ) {
    if (inner.refusal !== undefined) throw new EngineRefusal(inner.refusal);
    const held = await records.peerIdentity(inner.sender);
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
  readonly talk: Talk;
  readonly failures: readonly unknown[];
  /** What an app would be told. */
  readonly events: readonly string[];
  /** What other parts were told. */
  readonly told: readonly string[];
  readonly acknowledged: readonly number[];
  deliver(sealed: Sealed, at?: number): Promise<void>;
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
export async function inboxFixture(): Promise<InboxFixture> {
  const raw = new UnsafeMemoryStore();
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
    ...{ store, account, peers, locks, outbox, others },
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
  const repairs = new Repairs({
    ...{ store, account, peers, clock, counters, conversations, locks, failed, outbox },
    sessions: { open: async () => {} },
    isOnline: () => false,
  });
  const resends = new Resends({ account, counters, keptSends, outbox });
  const acknowledgements = new Acknowledgements((upTo) => acknowledged.push(upTo));
  const waiting = new Waiting({ store, clock });
  const firstState = new FirstState({
    ...{ store, account, clock, outbox, failed },
    addedMs: () => 500,
    told: () => told.push("told everything"),
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
      firstState,
    },
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
  const inbox = new Inbox({
    ...{
      store,
      account,
      peers,
      engine: unsafePlaintextEngine,
      locks,
      identityChanges,
      acknowledgements,
      counters,
      failed,
    },
    former,
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
  const deliver = async (sealed: Sealed, at = next()) => {
    const body = new TextEncoder().encode(JSON.stringify(sealed));
    const frame: Frame<"deliver"> = {
      type: "deliver",
      cursor: at,
      messageId: Uint8Array.from({ length: 16 }, () => at),
      acceptedMs: ACCEPTED_MS + at,
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
  };
}

/** When the relay accepted what has cursor 0; each further cursor is a millisecond later. */
export const ACCEPTED_MS = 1_000_000;
/** Another device of this account. */
export const otherDevice = parseDeviceId(2);
