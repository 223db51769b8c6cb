import {
  type AccountId,
  type Content,
  encodeContent,
  encodePayload,
  type Frame,
  type Payload,
  parseAccountId,
} from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { Conversations } from "../../../../sdk/core/conversations/conversations.js";
import { Counters } from "../../../../sdk/core/counters.js";
import { Acknowledgements } from "../../../../sdk/core/inbox/acknowledgements.js";
import { Inbox } from "../../../../sdk/core/inbox/inbox.js";
import { Receipts } from "../../../../sdk/core/inbox/receipts.js";
import { Repairs } from "../../../../sdk/core/inbox/repairs.js";
import { KeyedLock } from "../../../../sdk/core/keyed-lock.js";
import { KeptSends } from "../../../../sdk/core/outbox/kept-sends.js";
import { type Engine, EngineRefusal } from "../../../../sdk/core/ports.js";
import { decodeRow, keys, range } from "../../../../sdk/core/rows.js";
import { IdentityChanges } from "../../../../sdk/core/sessions/identity-changes.js";
import { Peers } from "../../../../sdk/core/sessions/peers.js";
import { manualClock, settled } from "../link/manual-clock.js";
import { ownRow } from "../outbox/fixture.js";
import { conversationId, device, me, messageId, peer, Talk } from "../people.js";
import { Gate, openSealed } from "../storage/fixture.js";
import { UnsafeMemoryStore } from "../storage/unsafe-memory-store.js";

const oldIdentity = Uint8Array.of(5, ...new Uint8Array(32).fill(1));
const newIdentity = Uint8Array.of(5, ...new Uint8Array(32).fill(2));

/** What the double's "ciphertexts" say: who sent it, with which identity, and what a true engine would find. */
interface Sealed {
  readonly sender: AccountId;
  readonly identity: number[];
  readonly plaintext?: number[];
  readonly refusal?: "noSession" | "invalidSealed" | "duplicate";
}

/** An engine that encrypts nothing: it only keeps to the port's rules about identities and changes. */
const unsafePlaintextEngine = {
  async unseal(_records: unknown, sealed: Uint8Array) {
    const inner: Sealed = JSON.parse(new TextDecoder().decode(sealed));
    if (inner.refusal === "invalidSealed") throw new EngineRefusal("invalidSealed");
    return {
      sender: { account: inner.sender, device },
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
      address: { account: inner.sender, device },
      record: Uint8Array.from(inner.identity),
    };
    return { plaintext: Uint8Array.from(inner.plaintext ?? []), changes: [session] };
  },
} as unknown as Engine;

async function fixture() {
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
  const identityChanges = new IdentityChanges({
    store,
    conversations,
    clock,
    keyChanged: () => events.push("keychange"),
  });
  const receipts = new Receipts({ store, clock, confirm: async () => {}, failed });
  const repairs = new Repairs({
    ...{ store, clock, counters, conversations, locks, failed, keptSends: new KeptSends({ store, clock, failed }) },
    sessions: { open: async () => {} },
    room: () => 0,
    queue: () => ({ changes: [], sent: () => {} }),
    isOnline: () => false,
  });
  const acknowledgements = new Acknowledgements((upTo) => acknowledged.push(upTo));
  const inbox = new Inbox({
    ...{ store, account, peers, engine: unsafePlaintextEngine, locks, identityChanges, conversations },
    ...{ receipts, repairs, counters, clock, acknowledgements, failed },
    log: () => {},
    roots: () => [],
    nowMs: () => clock.now(),
    tell: (_state, { type }) => events.push(type),
    arrived: (_state, sequence) => events.push(`arrived ${sequence}`),
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
      acceptedMs: 1,
      body,
    };
    inbox.deliver(frame);
    await inbox.settled();
    for (let turn = 0; turn < 5; turn++) await settled();
  };
  const talk = await Talk.open();
  const said = (payload: Payload, identity = oldIdentity): Sealed => ({
    sender: peer,
    identity: [...identity],
    plaintext: [...encodePayload(payload)],
  });
  const text = (number: number, identity = oldIdentity, over: Partial<Content> = {}) => {
    const content = {
      ...talk.content(peer, messageId(number), { kind: "text", text: `t${number}` }),
      ...over,
    } as Content;
    return said({ type: "content", content: encodeContent(content) }, identity);
  };
  return { raw, store, inbox, peers, conversations, counters, failures, events, acknowledged, deliver, said, text };
}

describe("the inbox", () => {
  it("tells and acknowledges a message only when its one commit is on disk", async () => {
    const it = await fixture();
    const gate = new Gate();
    it.raw.beforeWrite = gate.pass;
    await it.deliver(it.text(1));
    expect([it.events, it.acknowledged]).toEqual([[], []]);
    gate.open();
    for (let turn = 0; turn < 5; turn++) await settled();
    expect([it.events, it.acknowledged]).toEqual([["arrived 1"], [1]]);
    const batch = it.raw.writes.at(-1)?.map(({ key }) => key.split("/")[0]);
    expect(new Set(batch)).toEqual(
      new Set(["session", "peer", "timeline", "conversation", "message", "owed", "inbox"]),
    );
  });

  it("keeps session and identity together when a known peer's new key brings a content that is not its sender's", async () => {
    const it = await fixture();
    await it.deliver(it.text(1));
    const stranger = parseAccountId("12345678-0000-4000-8000-000000000000");
    await it.deliver(it.text(2, newIdentity, { sender: stranger }));
    expect(it.counters.snapshot()).toMatchObject({ opened: 1, unfit: 1 });
    const row = await it.peers.get(peer);
    expect(row.identityKey).toEqual(newIdentity);
    expect(await it.store.get(keys.session(it.store, peer, device))).toEqual(newIdentity);
    expect(it.events).toContain("keychange");
    expect(it.failures).toEqual([]);
  });

  it("says a changed identity in the timeline, drops the delivery key, and stops trusting one that was verified", async () => {
    const it = await fixture();
    const profileKey = new Uint8Array(32).fill(3);
    await it.deliver(it.text(1));
    await it.store.commit([it.peers.change({ ...(await it.peers.get(peer)), profileKey, verification: "verified" })]);
    await it.deliver(it.text(2, newIdentity));
    const row = await it.peers.get(peer);
    expect([row.verification, row.profileKey]).toEqual(["changed", undefined]);
    const { timeline } = await it.conversations.of(peer);
    expect((await timeline.latest(9)).map(({ row: { shape } }) => shape)).toEqual(["content", "keychange", "content"]);
  });

  it("drops what names nobody, keeps the place of what did not open once, and remembers a duplicate as read", async () => {
    const it = await fixture();
    const broken = { sender: peer, identity: [...oldIdentity] };
    await it.deliver({ ...broken, refusal: "invalidSealed" });
    await it.deliver({ ...broken, refusal: "noSession" });
    await it.deliver({ ...broken, refusal: "noSession" }, 2);
    await it.deliver({ ...broken, refusal: "duplicate" }, 3);
    expect(it.counters.snapshot()).toEqual({ rejected: 1, undecryptable: 2, duplicate: 1 });
    const stored = await it.store.list(range(keys.undecryptables, 9));
    expect(stored.map(({ value }) => decodeRow("undecryptable", value).conversation)).toEqual([conversationId]);
    expect(it.acknowledged.at(-1)).toBe(3);
  });

  it("puts a resend into the place that waits for it, and lets nobody else take that place", async () => {
    const it = await fixture();
    await it.deliver({ sender: peer, identity: [...oldIdentity], refusal: "noSession" });
    const envelope = new Uint8Array(16).fill(1);
    const talk = await Talk.open();
    const content = encodeContent(talk.content(peer, messageId(7), { kind: "text", text: "again" }));
    const { timeline } = await it.conversations.of(peer);
    const waiting = timeline.resolved(1);
    await it.deliver(it.said({ type: "resend", envelope, content }));
    await waiting;
    expect((await timeline.latest(9)).map(({ row: { shape } }) => shape)).toEqual(["content"]);
    expect(await it.store.list(range(keys.undecryptables, 9))).toEqual([]);
    await it.deliver(it.said({ type: "resend", envelope, content }));
    expect(timeline.end).toBe(1);
  });

  it("empties a place whose resend turns out to be nothing to show", async () => {
    const it = await fixture();
    await it.deliver({ sender: peer, identity: [...oldIdentity], refusal: "noSession" });
    const talk = await Talk.open();
    const reaction = { kind: "reaction", target: messageId(99), emoji: "👍", action: "add" } as const;
    const content = encodeContent(talk.content(peer, messageId(7), reaction));
    await it.deliver(it.said({ type: "resend", envelope: new Uint8Array(16).fill(1), content }));
    const { timeline } = await it.conversations.of(peer);
    expect(await timeline.row(1)).toMatchObject({ shape: "hidden" });
    expect(it.counters.snapshot()).toMatchObject({ contentRefused: 1 });
  });

  it("says how much is missing between two cursors, and takes typing without keeping anything", async () => {
    const it = await fixture();
    await it.deliver(it.text(1));
    await it.deliver(it.text(2), 5);
    const talk = await Talk.open();
    const typing = encodeContent(talk.content(peer, messageId(3), { kind: "typing", typing: "started" }));
    await it.deliver(it.said({ type: "content", content: typing }), 0);
    await it.deliver(it.text(4), 0);
    expect(it.events).toEqual(["arrived 1", "gap 3", "arrived 2", "typing"]);
    expect(it.counters.snapshot()).toMatchObject({ ephemeralDropped: 1 });
    expect(it.acknowledged).toEqual([1, 5]);
    expect(me).not.toBe(peer);
  });
});
