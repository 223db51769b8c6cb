import { encodeContent } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import type { Saying } from "../../../../sdk/core/conversations/author.js";
import { Genuine } from "../../../../sdk/core/franking/genuine.js";
import { decodeRow, keys, range } from "../../../../sdk/core/rows.js";
import { me, messageId, peer } from "../people.js";
import { ACCEPTED_MS, type InboxFixture, inboxFixture, oldIdentity } from "./fixture.js";

const profileKey = new Uint8Array(32).fill(9);

/** An envelope in which the peer says something, with its key and name. */
function introduced(it: InboxFixture, number: number, saying: Saying, resendOf?: Uint8Array) {
  const content = encodeContent(it.talk.content(peer, messageId(number), saying));
  return it.said({ type: "content", content, profileKey, userId: "mallory", resendOf });
}

describe("mail of a stranger", () => {
  it("is a request with its one text: no message, no receipt, no name, but the key to answer with", async () => {
    const it = await inboxFixture();
    await it.deliver(introduced(it, 1, { kind: "text", text: "hi" }));
    expect(it.told).toEqual(["asked"]);
    expect(it.events).toEqual([]);
    expect(await it.store.list(range(keys.owedAll, 9))).toEqual([]);
    expect(await it.peers.get(peer)).toMatchObject({ relation: "received", claimedUserId: "mallory", profileKey });
    expect(await it.shapes()).toEqual(["content"]);
    const [request] = await it.store.list(range(keys.requests, 9));
    expect(decodeRow("request", request?.value ?? new Uint8Array(0))).toMatchObject({ account: peer, sequence: 1 });
  });

  it("is a request without words if it only asks", async () => {
    const it = await inboxFixture();
    await it.deliver(it.said({ type: "contact", profileKey }));
    expect(it.told).toEqual(["asked"]);
    expect(await it.shapes()).toEqual([]);
  });

  it("is dropped and counted beyond that: a second text, a name, something else than a text, a repair", async () => {
    const it = await inboxFixture();
    await it.deliver(introduced(it, 1, { kind: "profile", name: "Bank" }));
    await it.deliver(it.said({ type: "retry", envelopes: [new Uint8Array(16)] }));
    await it.deliver(it.said({ type: "missed", atMs: 1 }));
    await it.deliver(introduced(it, 2, { kind: "text", text: "hi" }));
    await it.deliver(introduced(it, 3, { kind: "text", text: "hi again" }));
    expect(it.counters.snapshot()).toMatchObject({ requestRefused: 4 });
    expect(it.told.filter((what) => what.startsWith("refused"))).toEqual([
      "refused notText",
      "refused notAsked",
      "refused notAsked",
      "refused pending",
    ]);
    expect((await it.peers.get(peer)).name).toBeUndefined();
    expect(await it.shapes()).toEqual(["content"]);
    expect(it.outbox.sent).toEqual([]);
    // The ratchet moved on all the same.
    expect(it.acknowledged.at(-1)).toBe(5);
  });

  it("asks nobody to send again what did not open, and keeps its place for after the acceptance", async () => {
    const it = await inboxFixture();
    await it.deliver({ sender: peer, identity: [...oldIdentity], refusal: "noSession" });
    expect(it.told).toEqual(["asked"]);
    expect(it.events).toEqual([]);
    expect((await it.peers.get(peer)).relation).toBe("received");
    await it.deliver({ sender: peer, identity: [...oldIdentity], refusal: "noSession" });
    expect(await it.store.list(range(keys.undecryptables, 9))).toHaveLength(1);

    await it.consent.accept(peer);
    await it.deliver(introduced(it, 1, { kind: "text", text: "hi" }, new Uint8Array(16).fill(1)));
    expect(await it.shapes()).toEqual(["content"]);
    const { timeline } = await it.conversations.of(peer);
    expect(await timeline.row(1)).toMatchObject({ acceptedMs: ACCEPTED_MS + 1 });
    expect(await it.store.list(range(keys.undecryptables, 9))).toEqual([]);
  });

  it("says nothing that passes through", async () => {
    const it = await inboxFixture();
    await it.deliver(introduced(it, 1, { kind: "typing", typing: "started" }), 0);
    await it.deliver(introduced(it, 2, { kind: "text", text: "hi" }), 0);
    expect([it.told, it.events]).toEqual([[], []]);
    expect(it.counters.snapshot()).toMatchObject({ ephemeralDropped: 2 });
    expect((await it.peers.get(peer)).relation).toBe("none");
  });

  it.each(["blocked", "declined"] as const)("shows nothing of somebody who is %s", async (relation) => {
    const it = await inboxFixture();
    await it.relate(relation);
    await it.deliver(introduced(it, 1, { kind: "text", text: "hi" }));
    await it.deliver({ sender: peer, identity: [...oldIdentity], refusal: "noSession" });
    expect(await it.shapes()).toEqual([]);
    const row = await it.peers.get(peer);
    expect([row.relation, row.profileKey]).toEqual([relation, undefined]);
  });
});

describe("mail of somebody this account asked", () => {
  it("accepts, whatever it says first, and is taken like a contact's", async () => {
    const it = await inboxFixture();
    await it.relate("sent");
    await it.deliver(introduced(it, 1, { kind: "text", text: "hi" }));
    expect(await it.peers.get(peer)).toMatchObject({ relation: "accepted", profileKey });
    expect(it.told).toEqual(expect.arrayContaining(["introduced", "contact"]));
    expect(it.events).toEqual(["arrived 1"]);
    expect(await it.store.list(range(keys.owedAll, 9))).toHaveLength(1);
  });

  it("does not accept by asking to send again", async () => {
    const it = await inboxFixture();
    await it.relate("sent");
    await it.deliver(it.said({ type: "retry", envelopes: [new Uint8Array(16)] }));
    expect((await it.peers.get(peer)).relation).toBe("sent");
    expect(it.outbox.sent).toMatchObject([{ type: "unavailable", recipient: peer }]);
  });
});

describe("mail of a contact", () => {
  it("gives its name, and takes a new key from a word without words", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    await it.deliver(introduced(it, 1, { kind: "profile", name: "Bob" }));
    const other = new Uint8Array(32).fill(8);
    await it.deliver(it.said({ type: "contact", profileKey: other }));
    expect(await it.peers.get(peer)).toMatchObject({ name: "Bob", profileKey: other });
  });

  it("is called what it said last, also where an earlier name did not open and comes again behind that", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    await it.deliver({ sender: peer, identity: [...oldIdentity], refusal: "noSession" });
    const again = introduced(it, 1, { kind: "profile", name: "Bob" }, new Uint8Array(16).fill(1));
    await it.deliver(introduced(it, 2, { kind: "profile", name: "Robert" }));
    await it.deliver(again);
    expect(await it.peers.get(peer)).toMatchObject({ name: "Robert" });
    await it.deliver({ sender: peer, identity: [...oldIdentity], refusal: "noSession" });
    await it.deliver(introduced(it, 3, { kind: "profile", name: "Rob" }, new Uint8Array(16).fill(4)));
    expect(await it.peers.get(peer)).toMatchObject({ name: "Rob" });
  });

  it("stands where it was said first, also if what did not open had itself been sent again", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    await it.deliver({ sender: peer, identity: [...oldIdentity], refusal: "noSession" });
    const content = encodeContent(it.talk.content(peer, messageId(1), { kind: "text", text: "hi" }));
    const resendOf = new Uint8Array(16).fill(1);
    await it.deliver(it.said({ type: "content", content, resendOf, atMs: ACCEPTED_MS - 2_400 }));
    const { timeline } = await it.conversations.of(peer);
    expect(await timeline.row(1)).toMatchObject({ shape: "content", acceptedMs: ACCEPTED_MS - 2_400 });
  });

  it("has a given-up message sent once more that it confirms", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    const { timeline, writer } = await it.conversations.of(peer);
    const mine = it.talk.content(me, messageId(1), { kind: "text", text: "hi" });
    const said = await writer.write({
      said: Genuine.saidHere({ content: mine, encoded: encodeContent(mine) }),
      atMs: 1,
      status: "pending",
    });
    await it.store.commit(said.build().changes);
    const item = await timeline.row(1);
    if (item === undefined) throw new Error("nothing was said");
    await it.store.commit([timeline.replace(1, { ...item, status: "failed", failure: "requestPending" })]);
    const receipt = { kind: "receipt", receipt: "delivered", targets: [messageId(1)] } as const;
    await it.deliver(introduced(it, 2, receipt));
    expect(it.events).toContain(`proven ${messageId(1)}`);
    expect(await timeline.row(1)).toMatchObject({ status: "delivered", acceptedMs: ACCEPTED_MS + 1 });
  });

  it("empties the place of what turns out to have been nothing to show", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    const unopened = { sender: peer, identity: [...oldIdentity], refusal: "noSession" } as const;
    await it.deliver(unopened);
    await it.deliver(unopened);
    const { timeline } = await it.conversations.of(peer);
    const waiting = [timeline.resolved(1), timeline.resolved(2)];
    await it.deliver(it.said({ type: "nothing", resendOf: new Uint8Array(16).fill(1) }));
    await it.deliver(it.said({ type: "contact", profileKey, resendOf: new Uint8Array(16).fill(2) }));
    await Promise.all(waiting);
    expect(await it.shapes()).toEqual([]);
    expect(await it.store.list(range(keys.undecryptables, 9))).toEqual([]);
  });

  it("is answered when it lost what came", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    await it.deliver(it.said({ type: "missed", atMs: 1 }));
    expect(it.told).toEqual(["answered what was missed"]);
  });

  it("may not speak as a device of this account", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    await it.deliver(it.said({ type: "state", body: new Uint8Array(0) }));
    await it.deliver(it.said({ type: "archived", body: new Uint8Array(0) }));
    expect(it.counters.snapshot()).toMatchObject({ unfit: 2 });
    expect(it.told).toEqual([]);
  });
});
