import { decodeContent, encodeContent, parseAccountId } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { deferred } from "../../../../sdk/core/deferred.js";
import { decodeRow, keys, range } from "../../../../sdk/core/rows.js";
import { settled } from "../link/manual-clock.js";
import { conversationId, device, me, messageId, peer, Talk } from "../people.js";
import { Gate } from "../storage/fixture.js";
import { inboxFixture, newIdentity, oldIdentity } from "./fixture.js";

describe("the inbox", () => {
  it("tells and acknowledges a message only when its one commit is on disk", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    const gate = new Gate();
    it.raw.beforeWrite = gate.pass;
    await it.deliver(it.text(1));
    expect([it.events, it.acknowledged]).toEqual([[], []]);
    gate.open();
    for (let turn = 0; turn < 5; turn++) await settled();
    expect([it.events, it.acknowledged]).toEqual([["arrived 1"], [1]]);
    const batch = it.raw.writes.at(-1)?.map(({ key }) => key.split("/")[0]);
    expect(new Set(batch)).toEqual(
      new Set([
        ...["session", "peer", "timeline", "conversation", "message", "order", "owed", "inbox"],
        ...["evidence", "evidenceof"],
      ]),
    );
  });

  it("keeps session and identity together when a known peer's new key brings a content that is not its sender's", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
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
    const it = await inboxFixture();
    await it.relate("accepted");
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
    const it = await inboxFixture();
    await it.relate("accepted");
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
    const it = await inboxFixture();
    await it.relate("accepted");
    await it.deliver({ sender: peer, identity: [...oldIdentity], refusal: "noSession" });
    const envelope = new Uint8Array(16).fill(1);
    const talk = await Talk.open();
    const content = encodeContent(talk.content(peer, messageId(7), { kind: "text", text: "again" }));
    const { timeline } = await it.conversations.of(peer);
    const waiting = timeline.resolved(1);
    await it.deliver(it.said({ type: "content", resendOf: envelope, content }));
    await waiting;
    expect((await timeline.latest(9)).map(({ row: { shape } }) => shape)).toEqual(["content"]);
    expect(await it.store.list(range(keys.undecryptables, 9))).toEqual([]);
    await it.deliver(it.said({ type: "content", resendOf: envelope, content }));
    expect(timeline.end).toBe(1);
  });

  it("empties a place whose resend turns out to be nothing to show", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    await it.deliver({ sender: peer, identity: [...oldIdentity], refusal: "noSession" });
    const talk = await Talk.open();
    const reaction = { kind: "reaction", target: messageId(99), emoji: "👍", action: "add" } as const;
    const content = encodeContent(talk.content(peer, messageId(7), reaction));
    await it.deliver(it.said({ type: "content", resendOf: new Uint8Array(16).fill(1), content }));
    const { timeline } = await it.conversations.of(peer);
    expect(await timeline.row(1)).toMatchObject({ shape: "hidden" });
  });

  it("takes other mail under a cursor that waits already behind what came before it: a crashed relay gives it anew", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    const get = it.store.get.bind(it.store);
    const reading = deferred<void>();
    it.store.get = async (key) => {
      if (key === keys.peer(it.store, peer)) await reading.promise;
      return get(key);
    };
    const all = [it.deliver(it.text(1), 1), it.deliver(it.text(2), 2)];
    await settled();
    // The first is being taken, the second waits; the relay lost both.
    const [third, fourth] = [new Uint8Array(16).fill(3), new Uint8Array(16).fill(4)];
    all.push(it.deliver(it.text(3), 1, third), it.deliver(it.text(4), 2, fourth));
    all.push(it.deliver(it.text(4), 2, fourth));
    await settled();
    reading.resolve();
    await Promise.all(all);
    const { timeline } = await it.conversations.of(peer);
    const rows = await Promise.all([1, 2, 3, 4, 5].map((sequence) => timeline.row(sequence)));
    expect(rows.map((row) => row && decodeContent(row.content))).toMatchObject([
      ...[{ text: "t1" }, { text: "t2" }, { text: "t3" }, { text: "t4" }, undefined],
    ]);
    expect(it.failures).toEqual([]);
  });

  it("says how much is missing before the first mail it ever takes: cursors begin at 1", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    await it.deliver(it.text(1), 4);
    await it.deliver(it.text(2), 5);
    expect(it.events).toEqual(["gap 3", "arrived 1", "arrived 2"]);
    const fresh = await inboxFixture();
    await fresh.relate("accepted");
    await fresh.deliver(fresh.text(1), 1);
    expect(fresh.events).toEqual(["arrived 1"]);
  });

  it("says how much is missing between two cursors, and takes typing without keeping anything", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
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
