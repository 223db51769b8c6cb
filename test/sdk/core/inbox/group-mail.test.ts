/** What members of groups say, from the envelope to the timeline. */

import { type ConversationId, encodeContent } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { Genuine } from "../../../../sdk/core/franking/genuine.js";
import { MAX_HELD } from "../../../../sdk/core/inbox/held-mail.js";
import { keys } from "../../../../sdk/core/rows.js";
import { carol, group, mallory } from "../conversations/members.js";
import { me, messageId, peer } from "../people.js";
import { ACCEPTED_MS, newIdentity, oldIdentity } from "./fixture.js";
import { distribution, everybody, groupFixture, standing } from "./group-fixture.js";

const unopened = (at: number) => new Uint8Array(16).fill(at);
const noSession = { sender: peer, identity: [...oldIdentity], refusal: "noSession" } as const;
const DAY_MS = 24 * 3_600_000;
/** Without this account. */
const others = everybody.filter(({ account }) => account !== me);

describe("what a member says", () => {
  it("is shown if the log lets it, told once, and its author becomes no contact by it", async () => {
    const it = await groupFixture();
    await it.deliver(it.key(carol));
    const payload = { type: "content", content: it.content(carol, 1), group: standing(9) } as const;
    await it.deliver(it.sealed(carol, payload));
    expect(await it.shown()).toEqual(["g1"]);
    expect(it.events).toEqual(["arrived 1"]);
    expect(await it.peers.get(carol)).toMatchObject({ relation: "none", identityKey: oldIdentity, devices: [1] });
    expect([await it.peers.contacts(), await it.conversations.peers()]).toEqual([[], []]);
    expect([it.told, await it.count(keys.requests), await it.count(keys.owedAll)]).toEqual([[], 0, 0]);
  });

  it("leaves the moved ratchet and nothing else if it is nobody's business there", async () => {
    const it = await groupFixture({ past: [{ account: mallory, since: 1, until: 5, untilMs: ACCEPTED_MS }] });
    await it.deliver(it.text(mallory, 1));
    await it.deliver(it.text(mallory, 2, { revision: 4 }));
    expect(await it.shown()).toEqual([]);
    expect(it.counters.snapshot()).toMatchObject({ groupRefused: 2 });
    expect(await it.count(keys.sessions)).toBe(1);
    expect(it.acknowledged.at(-1)).toBe(2);
  });

  it("counts from somebody who was removed if the relay took it before", async () => {
    const it = await groupFixture({ past: [{ account: mallory, since: 1, until: 5, untilMs: ACCEPTED_MS + 1 }] });
    await it.deliver(it.text(mallory, 1, { revision: 4 }));
    expect(await it.shown()).toEqual(["g1"]);
  });

  it("is not heard in a group that this account has nothing to do with, nor remembered", async () => {
    const it = await groupFixture("unknown");
    await it.deliver(it.text(carol, 1));
    await it.deliver(it.key(carol));
    expect(it.counters.snapshot()).toMatchObject({ groupRefused: 2 });
    expect([await it.count(keys.heldAll), await it.count(keys.senderKeys)]).toEqual([0, 0]);
  });

  it("is not heard of who is blocked, but what they tell of the log is", async () => {
    const it = await groupFixture();
    await it.relate("blocked");
    await it.deliver(it.text(peer, 1));
    await it.deliver(it.inSession(peer, { type: "groupChange", group: standing(12) }));
    expect(await it.shown()).toEqual([]);
    expect(it.counters.snapshot()).toMatchObject({ blockedDropped: 1 });
    expect(it.logs.told).toEqual([`${group} 12 ${peer}`]);
  });

  it("shows nothing that passes through", async () => {
    const it = await groupFixture();
    await it.deliver(it.text(carol, 1), 0);
    expect([await it.shown(), it.events, it.counters.snapshot().ephemeralDropped]).toEqual([[], [], 1]);
  });

  it("is not for who waits to be let in", async () => {
    const it = await groupFixture({ status: "waiting", members: others });
    await it.deliver(it.text(carol, 1));
    await it.deliver(it.text(carol, 2, { revision: 10 }));
    expect(await it.shown()).toEqual([]);
    await it.progress({ seq: 10 });
    expect(await it.shown()).toEqual(["g2"]);
  });

  it("is for who waits to be let in again, as far as it was said while it was a member before", async () => {
    const it = await groupFixture({
      status: "waiting",
      members: others,
      past: [{ account: me, since: 1, until: 5, untilMs: ACCEPTED_MS + 1 }],
    });
    await it.deliver(it.text(carol, 1, { revision: 4 }));
    await it.deliver(it.text(carol, 2, { revision: 5 }));
    expect(await it.shown()).toEqual(["g1"]);
  });

  it("still counts after this account left, as far as it was said before", async () => {
    const it = await groupFixture({ status: "left" });
    await it.deliver(it.text(carol, 1, { revision: 8 }));
    await it.deliver(it.text(carol, 2, { revision: 9 }));
    await it.deliver(it.text(carol, 3, { revision: 10 }));
    expect(await it.shown()).toEqual(["g1"]);
  });

  it("is not believed under another identity than the log names", async () => {
    const it = await groupFixture();
    await it.deliver(it.text(carol, 1));
    const payload = { type: "content", content: it.content(carol, 2), group: standing(9) } as const;
    await it.deliver(it.inSession(carol, payload, newIdentity));
    await it.deliver(it.key(carol, { identity: newIdentity }));
    expect(await it.shown()).toEqual(["g1"]);
    expect([it.counters.snapshot().groupRefused, await it.count(keys.senderKeys)]).toEqual([2, 0]);
    // It is a change all the same, as between two.
    expect((await it.peers.get(carol)).identityKey).toEqual(newIdentity);
  });

  it("counts under a former identity as far as it was on its way, and nothing else does, nor puts it back", async () => {
    const it = await groupFixture();
    await it.deliver(it.key(carol));
    const { store, peers } = it;
    const formerIdentities = [{ key: oldIdentity, untilMs: ACCEPTED_MS + 3 }];
    const today = { ...(await peers.get(carol)), identityKey: newIdentity, devices: [], formerIdentities };
    await store.commit([peers.change(today)]);
    const content = (number: number) =>
      ({ type: "content", content: it.content(carol, number), group: standing(9) }) as const;
    await it.deliver(it.sealed(carol, content(1)));
    await it.deliver(it.sealed(carol, { type: "groupChange", group: standing(99) }));
    await it.deliver(it.sealed(carol, content(2)));
    expect(await it.shown()).toEqual(["g1"]);
    expect(it.counters.snapshot()).toMatchObject({ groupRefused: 1, rejected: 1 });
    expect(it.logs.told).not.toContain(`${group} 99 ${carol}`);
    expect(await peers.get(carol)).toEqual(today);
  });
});

describe("a sender key", () => {
  it("opens what is said in its group, and nothing that is said in another", async () => {
    const it = await groupFixture();
    const other = "ffffffffffffffffffffffffffffffff" as ConversationId;
    it.logs.read(other, { members: everybody });
    await it.deliver(it.key(carol));
    const elsewhere = { type: "content", content: it.content(carol, 1), group: standing(9, other) } as const;
    await it.deliver(it.sealed(carol, elsewhere));
    await it.deliver(it.sealed(carol, { type: "groupChange", group: standing(9, other) }));
    expect(it.counters.snapshot()).toMatchObject({ unfit: 2 });
    expect(it.logs.told).toEqual([`${group} 9 ${carol}`]);
  });

  it("is taken of who may only listen: it tells of the log under it", async () => {
    const it = await groupFixture({
      members: [...everybody.slice(0, 2), { ...everybody[2], account: carol, voice: "silent" }],
    });
    await it.deliver(it.key(carol));
    await it.deliver(it.sealed(carol, { type: "groupChange", group: standing(12) }));
    const payload = { type: "content", content: it.content(carol, 1), group: standing(9) } as const;
    await it.deliver(it.sealed(carol, payload));
    expect(it.logs.told).toContain(`${group} 12 ${carol}`);
    expect([await it.shown(), it.counters.snapshot().undecryptable]).toEqual([[], undefined]);
  });

  it("is not taken of who is no member, and of who may be one by now", async () => {
    const it = await groupFixture();
    await it.deliver(it.key(mallory));
    expect(await it.count(keys.senderKeys)).toBe(0);
    await it.deliver(it.key(mallory, { revision: 10 }));
    expect(await it.count(keys.senderKeys)).toBe(1);
  });
});

describe("what was said further on in the log than it was read here", () => {
  it("waits unseen, and is shown in the order in which the relay accepted it", async () => {
    const it = await groupFixture();
    for (const number of [3, 1, 2]) {
      const atMs = ACCEPTED_MS - 1_000 + number;
      await it.deliver(it.text(carol, number, { revision: 10, resendOf: unopened(99 - number), atMs }));
    }
    expect([await it.shown(), it.events]).toEqual([[], []]);
    expect(it.acknowledged.at(-1)).toBe(3);
    expect(it.logs.told.at(-1)).toBe(`${group} 10 ${carol}`);
    await it.progress({ seq: 10 });
    expect(await it.shown()).toEqual(["g1", "g2", "g3"]);
    expect(it.events).toEqual(["arrived 1", "arrived 2", "arrived 3"]);
    expect([await it.count(keys.heldAll), it.held.groups()]).toEqual([0, []]);
  });

  it("shows nothing of who turns out to be removed, or was blocked meanwhile", async () => {
    const it = await groupFixture();
    await it.deliver(it.text(carol, 1, { revision: 10 }));
    await it.deliver(it.text(peer, 2, { revision: 10 }));
    await it.relate("blocked");
    await it.progress({ seq: 10, members: everybody.slice(0, 2) });
    expect([await it.shown(), await it.count(keys.heldAll)]).toEqual([[], 0]);
  });

  it("waits on if the log was read, and not so far", async () => {
    const it = await groupFixture();
    await it.deliver(it.text(carol, 1, { revision: 11 }));
    await it.deliver(it.text(carol, 2, { revision: 10 }));
    await it.progress({ seq: 10 });
    expect([await it.shown(), await it.count(keys.heldAll)]).toEqual([["g2"], 1]);
  });

  it("is shown by the next run, if this one ended between the log's progress and it", async () => {
    const it = await groupFixture();
    await it.deliver(it.text(carol, 1, { revision: 10 }));
    await it.store.close();
    const again = await groupFixture({ seq: 10 }, it.raw);
    again.groupMail.start();
    await again.groupMail.settled();
    expect([await again.shown(), again.events]).toEqual([["g1"], ["arrived 1"]]);
  });

  it("is judged no more once the client closes", async () => {
    const it = await groupFixture();
    await it.deliver(it.text(carol, 1, { revision: 10 }));
    it.groupMail.close();
    await it.progress({ seq: 10 });
    expect([await it.shown(), await it.count(keys.heldAll)]).toEqual([[], 1]);
  });

  it("of one who claims what nobody wrote leaves the others room, and what is beyond a bound is asked for again", async () => {
    const it = await groupFixture();
    for (let number = 1; number <= MAX_HELD.ofOne + 2; number++)
      await it.deliver(it.text(carol, number, { revision: 999 }));
    expect([await it.count(keys.heldAll), await it.count(keys.undecryptables)]).toEqual([MAX_HELD.ofOne, 2]);
    expect(it.told).toContain("repair");
    await it.deliver(it.text(peer, 1, { revision: 10 }));
    await it.progress({ seq: 10 });
    expect(await it.shown()).toEqual(["g1"]);
    await it.progress({ seq: 999 });
    expect(it.events.at(-1)).toBe(`arrived ${MAX_HELD.ofOne + 1}`);
  });

  it("is let go after a month, if the log never led there", async () => {
    const it = await groupFixture();
    await it.deliver(it.text(carol, 1, { revision: 999 }));
    it.clock.setNow(ACCEPTED_MS + 30 * DAY_MS);
    await it.progress({ seq: 10 });
    expect(await it.count(keys.heldAll)).toBe(1);
    it.clock.setNow(ACCEPTED_MS + 32 * DAY_MS);
    await it.progress({ seq: 11 });
    expect([await it.count(keys.heldAll), await it.shown()]).toEqual([0, []]);
  });

  it("is in nobody's way who names its envelope alike", async () => {
    const it = await groupFixture();
    await it.deliver(it.text(carol, 1, { revision: 10 }), 1);
    await it.deliver(it.text(peer, 2, { revision: 10, resendOf: unopened(1) }), 2);
    await it.progress({ seq: 10 });
    expect(await it.shown()).toEqual(["g1", "g2"]);
  });

  it("is one if it comes twice", async () => {
    const it = await groupFixture();
    await it.deliver(it.text(carol, 1, { revision: 10, resendOf: unopened(50), atMs: ACCEPTED_MS }));
    await it.deliver(it.text(carol, 1, { revision: 10, resendOf: unopened(50), atMs: ACCEPTED_MS }));
    expect(await it.count(keys.heldAll)).toBe(1);
    await it.progress({ seq: 10 });
    expect([await it.shown(), it.held.groups()]).toEqual([["g1"], []]);
  });
});

describe("what is said in a group that only another device of this account has joined yet", () => {
  it("is kept, with its key, from the invitation on", async () => {
    const it = await groupFixture("unknown");
    const { store } = it;
    const content = it.talk.content(peer, messageId(1), { kind: "invitation", group: standing(5).id, title: "" });
    const opened = Genuine.saidHere({ content, encoded: encodeContent(content) });
    const body = { epoch: 1, secret: new Uint8Array(32), wrapPrivate: new Uint8Array(32), content: opened.encoded };
    const payload = { type: "invitation", group: standing(5), body: new Uint8Array(0) } as const;
    await store.commit((await it.invited.arrived(peer, { payload, body, opened })).build());
    await it.deliver(it.key(carol));
    const said = { type: "content", content: it.content(carol, 1), group: standing(9) } as const;
    await it.deliver(it.sealed(carol, said));
    expect(await it.shown()).toEqual([]);
    await it.progress({ seq: 9 });
    expect(await it.shown()).toEqual(["g1"]);
  });

  it("is kept while a new device was not told everything", async () => {
    const it = await groupFixture("unknown");
    it.account.change({ awaiting: "state" });
    await it.deliver(it.text(carol, 1));
    it.logs.unread(group, "joined");
    await it.deliver(it.text(carol, 2));
    await it.progress({ seq: 9 });
    expect(await it.shown()).toEqual(["g1", "g2"]);
  });
});

describe("what did not open", () => {
  const lacking = { ...noSession, sender: carol, distribution: [...distribution], group } as const;

  it("keeps a place in the group that its outside names, and what comes again takes it", async () => {
    const it = await groupFixture();
    await it.deliver(it.text(carol, 9));
    await it.deliver(lacking);
    expect(await it.shown()).toEqual(["g9", "undecryptable"]);
    expect(it.events).toEqual(["arrived 1", "arrived 2"]);
    const { timeline } = await it.conversations.group(group);
    const waiting = timeline.resolved(2);
    await it.deliver(it.text(carol, 1, { resendOf: unopened(2), atMs: ACCEPTED_MS + 2 }));
    await waiting;
    expect([await it.shown(), await it.count(keys.undecryptables)]).toEqual([["g9", "g1"], 0]);
    expect((await it.rows())[1]).toMatchObject({ acceptedMs: ACCEPTED_MS + 2 });
  });

  it("takes no other's answer, and gets empty if there was nothing to show", async () => {
    const it = await groupFixture();
    await it.deliver(it.text(carol, 9));
    await it.deliver(lacking);
    await it.deliver(it.text(peer, 1, { resendOf: unopened(2) }));
    expect(await it.shown()).toEqual(["g9", "undecryptable", "g1"]);
    await it.deliver(it.inSession(carol, { type: "nothing", resendOf: unopened(2), group: standing(9) }));
    expect(await it.shown()).toEqual(["g9", "g1"]);
  });

  it("keeps its place while its answer waits for the log, and loses it if that was nobody's to say", async () => {
    const it = await groupFixture();
    await it.deliver(it.text(carol, 9));
    await it.deliver(lacking);
    await it.deliver(it.text(carol, 1, { resendOf: unopened(2), revision: 10 }));
    expect(await it.shown()).toEqual(["g9", "undecryptable"]);
    await it.progress({ seq: 10, members: everybody.slice(0, 2) });
    expect([await it.shown(), await it.count(keys.undecryptables)]).toEqual([["g9"], 0]);
  });

  it("is lost where its device says so", async () => {
    const it = await groupFixture();
    await it.deliver(it.text(carol, 9));
    await it.deliver(lacking);
    await it.deliver(it.inSession(peer, { type: "unavailable", envelopes: [unopened(2)], group: standing(9) }));
    expect((await it.rows())[1]?.reason).not.toBe("lost");
    await it.deliver(it.inSession(carol, { type: "unavailable", envelopes: [unopened(2)], group: standing(9) }));
    expect((await it.rows())[1]?.reason).toBe("lost");
  });

  it("is no stranger's asking in a group, and has no place of who is not in its log yet, but is asked for", async () => {
    const it = await groupFixture();
    await it.deliver({ ...lacking, sender: mallory });
    expect([await it.shown(), it.told, await it.count(keys.requests)]).toEqual([[], [], 0]);
    expect(await it.count(keys.undecryptables)).toBe(1);
    await it.deliver(it.text(mallory, 1, { revision: 10, resendOf: unopened(1) }));
    await it.progress({ seq: 10, members: [...everybody, { account: mallory, identityKey: oldIdentity }] });
    expect([await it.shown(), await it.count(keys.undecryptables)]).toEqual([["g1"], 0]);
  });

  it("is dropped in a group this account has nothing to do with, and of who is blocked", async () => {
    const it = await groupFixture();
    await it.deliver({ ...lacking, group: "ffffffffffffffffffffffffffffffff" as ConversationId });
    await it.relate("blocked");
    await it.deliver({ ...lacking, sender: peer });
    expect([await it.shown(), await it.count(keys.undecryptables), it.told]).toEqual([[], 0, []]);
    expect(it.counters.snapshot()).toMatchObject({ groupRefused: 1, blockedDropped: 1 });
  });

  it("in a session of a member who is nobody else has no place, wherever its answer belongs", async () => {
    const it = await groupFixture();
    await it.deliver({ ...noSession, sender: carol });
    expect([await it.shown(), await it.count(keys.requests), await it.count(keys.undecryptables)]).toEqual([[], 0, 1]);
    await it.deliver(it.key(carol, { resendOf: unopened(1) }));
    expect([await it.count(keys.undecryptables), await it.count(keys.senderKeys)]).toEqual([0, 1]);
  });

  it("of a contact that turns out to belong to a group leaves its place between the two empty", async () => {
    const it = await groupFixture();
    await it.relate("accepted");
    await it.deliver(noSession);
    await it.deliver(noSession);
    expect(await it.shapes()).toEqual(["undecryptable", "undecryptable"]);
    await it.deliver(it.key(peer, { resendOf: unopened(1) }));
    await it.deliver(it.text(peer, 1, { resendOf: unopened(2), atMs: ACCEPTED_MS + 2 }));
    expect([await it.shapes(), await it.shown(), await it.count(keys.undecryptables)]).toEqual([[], ["g1"], 0]);
  });

  it("of a contact that asked as a stranger is its request, once it comes again", async () => {
    const it = await groupFixture();
    await it.deliver(noSession);
    expect(await it.shapes()).toEqual([]);
    const content = encodeContent(it.talk.content(peer, messageId(1), { kind: "text", text: "hi" }));
    await it.deliver(it.said({ type: "content", content, resendOf: unopened(1) }));
    expect([it.told, await it.shapes(), await it.count(keys.undecryptables)]).toEqual([["asked"], ["content"], 0]);
  });
});

describe("a member who could not open something", () => {
  it("is answered on behalf of the group, and nobody else is", async () => {
    const it = await groupFixture();
    const retry = { type: "retry", envelopes: [unopened(7)], group: standing(9) } as const;
    await it.deliver(it.inSession(mallory, retry));
    expect(it.outbox.sent).toEqual([]);
    await it.deliver(it.inSession(carol, retry));
    expect(it.outbox.sent).toMatchObject([{ type: "unavailable", recipient: carol, group }]);
  });
});
