/** What bears no good frank is never shown; what does can be reported; and without a realm nothing is opened. */

import {
  type Content,
  decodeContent,
  directConversationId,
  encodeContent,
  encodeGroupBody,
  type Payload,
} from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { keys, range } from "../../../../sdk/core/rows.js";
import { carol, group, idOf } from "../conversations/members.js";
import { franksOf } from "../franking/franked.js";
import { device, me, messageId, peer } from "../people.js";
import { ACCEPTED_MS, type InboxFixture, inboxFixture, oldIdentity } from "./fixture.js";
import { groupFixture, standing } from "./group-fixture.js";

const between = directConversationId(me, peer);
const noSession = { sender: peer, identity: [...oldIdentity], refusal: "noSession" } as const;
const evidenceCount = async ({ store }: Pick<InboxFixture, "store">) =>
  (await store.list(range(keys.evidences, 99))).length;

describe("what a contact says without a good frank", () => {
  it("is not shown, counted by its reason, and acknowledged; the ratchet moves on", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    await it.deliver({ ...it.text(1), franked: "no" });
    expect([await it.shapes(), it.events, it.acknowledged]).toEqual([[], [], [1]]);
    expect(it.counters.snapshot()).toMatchObject({ unshown: 1, "unshown.unfranked": 1 });
    expect(await it.store.list(range(keys.sessions, 9))).toHaveLength(1);
    expect(await evidenceCount(it)).toBe(0);
    expect(it.outbox.sent).toEqual([]);
  });

  it("leaves the place of what it answers empty", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    await it.deliver(noSession, 7);
    expect(await it.shapes()).toEqual(["undecryptable"]);
    const content = encodeContent(it.talk.content(peer, messageId(1), { kind: "text", text: "again" }));
    const resendOf = new Uint8Array(16).fill(7);
    await it.deliver({ ...it.said({ type: "content", content, resendOf }), franked: "no" }, 8);
    expect(await it.shapes()).toEqual([]);
    expect(await it.store.list(range(keys.undecryptables, 9))).toEqual([]);
  });

  it("names nobody: a profile is taken with a frank only", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    const named = (number: number, name: string) =>
      it.said({
        ...{ type: "content", profileKey: new Uint8Array(32) },
        content: encodeContent(it.talk.content(peer, messageId(number), { kind: "profile", name })),
      });
    await it.deliver({ ...named(1, "Bank"), franked: "no" });
    expect((await it.peers.get(peer)).name).toBeUndefined();
    await it.deliver(named(2, "Bob"));
    expect((await it.peers.get(peer)).name).toBe("Bob");
  });

  it("is refused under the frank of other words, of another device, and for another account", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    const words = (text: string, number: number) =>
      encodeContent(it.talk.content(peer, messageId(number), { kind: "text", text }));
    const spoken = { account: peer, device };
    const acceptedMs = (at: number) => ACCEPTED_MS + at;
    const forAll = (account: typeof me) => ({ kind: "account", account }) as const;
    const content = words("kind words", 1);
    const frank = (at: number, over: Partial<{ speaker: typeof spoken; of: Uint8Array; to: typeof me }> = {}) => {
      const { speaker = spoken, of = content, to = me } = over;
      return franksOf(speaker, of, { audience: forAll(to), acceptedMs: acceptedMs(at), me }).frank;
    };
    const say = (at: number, payload: Extract<Payload, { type: "content" }>) => it.deliver(it.said(payload), at);
    await say(1, { type: "content", content: words("other words", 2), frank: frank(1) });
    await say(2, { type: "content", content, frank: frank(2, { speaker: { account: carol, device } }) });
    await say(3, { type: "content", content, frank: frank(3, { to: carol }) });
    expect(await it.shapes()).toEqual([]);
    expect(it.counters.snapshot().unshown).toBe(3);
    await say(4, { type: "content", content, frank: frank(4) });
    expect(await it.shapes()).toEqual(["content"]);
  });

  it("invites nobody, nor into another group than the one it names", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    const invite = (named: typeof group) => {
      const content = encodeContent(
        it.talk.content(peer, messageId(3), { kind: "invitation", group: named, title: "Team" }),
      );
      const secrets = { epoch: 1, secret: new Uint8Array(32), wrapPrivate: new Uint8Array(32) };
      return it.said({
        ...{ type: "invitation", group: standing(5) },
        body: encodeGroupBody("invitation", { ...secrets, content }),
      });
    };
    await it.deliver({ ...invite(group), franked: "no" });
    await it.deliver(invite("11".repeat(16) as typeof group));
    expect(await it.invited.pending()).toEqual([]);
    expect(it.counters.snapshot()).toMatchObject({ "unshown.unfranked": 1, unfit: 1 });
    await it.deliver(invite(group));
    expect(await it.invited.pending()).toMatchObject([{ group, title: "Team", by: peer }]);
    expect(await it.evidence.of(between, peer, messageId(3))).toBeDefined();
    expect(it.looks.of(group, { title: "Team", avatar: new Uint8Array(0) }).title).toBe("Team");
  });
});

describe("what is shown", () => {
  it("can be reported, with its words, from the commit on that shows it; again it changes nothing", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    await it.deliver(it.text(1));
    const kept = await it.evidence.of(between, peer, messageId(1));
    expect(kept).toMatchObject({ acceptedMs: ACCEPTED_MS + 1, evidence: { head: { account: peer, recipient: me } } });
    await it.deliver(it.text(1));
    expect(await it.evidence.of(between, peer, messageId(1))).toEqual(kept);
    expect(await evidenceCount(it)).toBe(1);
  });
});

describe("what the relay may have spoilt", () => {
  const waits = async ({ store }: Pick<InboxFixture, "store">) =>
    (await store.list(range(keys.undecryptables, 9))).map(({ key }) => key.slice(-32));
  const envelope = (cursor: number) => cursor.toString(16).padStart(2, "0").repeat(16);
  const to = { audience: { kind: "account", account: me }, acceptedMs: ACCEPTED_MS, me } as const;
  const frankOf = (content: Uint8Array, account = peer) => franksOf({ account, device }, content, to).frank;

  it("is asked for again once, keeps no place, and is shown when it comes as it was said", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    const words = (number: number, text: string) =>
      encodeContent(it.talk.content(peer, messageId(number), { kind: "text", text }));
    const [content, other] = [words(1, "said"), words(9, "other")];
    await it.deliver(it.said({ type: "content", content, frank: frankOf(other) }), 1);
    expect([await it.shapes(), await waits(it), it.acknowledged]).toEqual([[], [envelope(1)], [1]]);
    const resendOf = new Uint8Array(16).fill(1);
    await it.deliver(it.said({ type: "content", content, resendOf, atMs: ACCEPTED_MS + 1 }), 2);
    expect([await it.shapes(), await waits(it)]).toEqual([["content"], []]);
  });

  it("is not asked for without end: an answer that was spoilt too is the last", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    const content = encodeContent(it.talk.content(peer, messageId(1), { kind: "text", text: "said" }));
    const other = encodeContent(it.talk.content(peer, messageId(9), { kind: "text", text: "other" }));
    await it.deliver(it.said({ type: "content", content, frank: frankOf(other) }), 1);
    const resendOf = new Uint8Array(16).fill(1);
    await it.deliver(it.said({ type: "content", content, frank: frankOf(other), resendOf }), 2);
    expect([await it.shapes(), await waits(it)]).toEqual([[], []]);
  });

  it("is not asked for where only a changed client franks so, nor of a stranger", async () => {
    const it = await inboxFixture();
    const content = encodeContent(it.talk.content(peer, messageId(1), { kind: "text", text: "said" }));
    const other = encodeContent(it.talk.content(peer, messageId(9), { kind: "text", text: "other" }));
    await it.deliver(it.said({ type: "content", content, frank: frankOf(other) }), 1);
    await it.relate("accepted");
    await it.deliver({ ...it.said({ type: "content", content }), franked: "no" }, 2);
    expect([await it.shapes(), await waits(it), it.outbox.sent]).toEqual([[], [], []]);
  });

  it("is asked for in a group too", async () => {
    const it = await groupFixture();
    await it.deliver(it.key(carol));
    const content = it.content(carol, 1);
    const frank = frankOf(it.content(carol, 2), carol);
    await it.deliver(it.sealed(carol, { type: "content", content, group: standing(9), frank }), 5);
    expect([await it.shown(), await waits(it)]).toEqual([[], [envelope(5)]]);
  });
});

describe("two contents of one sender under one name", () => {
  const secrets = { epoch: 1, secret: new Uint8Array(32), wrapPrivate: new Uint8Array(32) };
  const asked = (it: InboxFixture, number: number) => {
    const said = { kind: "invitation", group, title: "Team" } as const;
    const content = encodeContent(it.talk.content(peer, messageId(number), said));
    const body = encodeGroupBody("invitation", { ...secrets, content });
    return it.said({ type: "invitation", group: standing(5), body });
  };
  const kept = async ({ evidence }: InboxFixture, number: number) => {
    const found = await evidence.about(between, messageId(number));
    return found.map(({ content }) => decodeContent(content).kind);
  };

  it("do not hide each other from a report: an invitation under the name of a message is none", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    await it.deliver(it.text(1));
    await it.deliver(asked(it, 1));
    expect([await kept(it, 1), await it.invited.pending()]).toEqual([["text"], []]);
    await it.deliver(asked(it, 2));
    expect([await kept(it, 2), (await it.invited.pending()).length]).toEqual([["invitation"], 1]);
  });

  it("do not hide each other from a report: a message under the name of an invitation is none", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    await it.deliver(asked(it, 1));
    await it.deliver(it.text(1));
    expect([await kept(it, 1), await it.shapes()]).toEqual([["invitation"], []]);
  });
});

describe("what a member says without a good frank", () => {
  it("is not shown, whether it was held before or not", async () => {
    const it = await groupFixture();
    await it.deliver(it.key(carol));
    const said = (number: number, revision: number) =>
      ({ type: "content", content: it.content(carol, number), group: standing(revision) }) as const;
    await it.deliver({ ...it.sealed(carol, said(1, 9)), franked: "no" });
    await it.deliver({ ...it.sealed(carol, said(2, 10)), franked: "no" });
    await it.deliver(it.sealed(carol, said(3, 10)));
    expect(await it.shown()).toEqual([]);
    await it.progress({ seq: 10 });
    expect(await it.shown()).toEqual(["g3"]);
    expect(it.counters.snapshot()).toMatchObject({ unshown: 2, "unshown.unfranked": 2 });
    expect([await it.count(keys.heldAll), await it.count(keys.evidences)]).toEqual([0, 1]);
    expect(await it.evidence.of(group, carol, idOf(carol, 3))).toBeDefined();
  });

  it("leaves the place of what it answers empty", async () => {
    const it = await groupFixture();
    await it.deliver(it.sealed(carol, { type: "content", content: it.content(carol, 1), group: standing(9) }), 5);
    expect(await it.shown()).toEqual(["undecryptable"]);
    await it.deliver({ ...it.text(carol, 1, { resendOf: new Uint8Array(16).fill(5) }), franked: "no" }, 6);
    expect([await it.shown(), await it.count(keys.undecryptables)]).toEqual([[], 0]);
  });

  it("calls a group nothing that its log does not, though it may say so", async () => {
    const it = await groupFixture();
    await it.deliver(it.key(carol));
    const over = { kind: "groupProfile", title: "a slur", avatar: new Uint8Array(0), text: undefined };
    const content = it.content(carol, 1, over as Partial<Content>);
    await it.deliver(it.sealed(carol, { type: "content", content, group: standing(9) }));
    const looks = { title: "Team", avatar: new Uint8Array(0) };
    expect([it.looks.of(group, looks).title, it.told, await it.shown()]).toEqual(["", [], []]);
    expect(await it.evidence.of(group, carol, idOf(carol, 1))).toBeDefined();
  });

  it("is not shown if it was franked for this account alone and went to everybody", async () => {
    const it = await groupFixture();
    await it.deliver(it.key(carol));
    const content = it.content(carol, 1);
    const audience = { kind: "account", account: me } as const;
    const { frank } = franksOf({ account: carol, device }, content, { audience, acceptedMs: ACCEPTED_MS + 2, me });
    await it.deliver(it.sealed(carol, { type: "content", content, group: standing(9), frank }));
    expect([await it.shown(), it.counters.snapshot().unshown]).toEqual([[], 1]);
  });

  it("is asked for again where the members of then are not known here", async () => {
    const it = await groupFixture();
    await it.deliver(it.key(carol));
    const content = it.content(carol, 1);
    const { frank } = franksOf({ account: carol, device }, content, {
      audience: { kind: "account", account: carol },
      acceptedMs: ACCEPTED_MS + 2,
      me,
    });
    it.logs.everybody = undefined;
    await it.deliver(it.sealed(carol, { type: "content", content, group: standing(9), frank }));
    expect([await it.shown(), it.counters.snapshot().unshown]).toEqual([[], undefined]);
    expect(await it.count(keys.undecryptables)).toBe(1);
    // It comes for this account alone then.
    const resendOf = new Uint8Array(16).fill(2);
    await it.deliver(it.inSession(carol, { type: "content", content, group: standing(9), resendOf }));
    expect([await it.shown(), await it.count(keys.undecryptables)]).toEqual([["g1"], 0]);
  });
});

describe("without a realm", () => {
  it("nothing is opened or acknowledged, and a message that comes again meanwhile is shown once, when there is one", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    it.realm.isKnown = false;
    it.realm.covers = () => false;
    it.realm.ensure = async () => "unreached";
    const first = it.deliver(it.text(1), 1);
    const again = it.deliver(it.text(1), 1);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect([await it.shapes(), it.acknowledged, it.counters.snapshot()]).toEqual([[], [], {}]);
    it.realm.isKnown = true;
    it.realm.covers = () => true;
    it.inbox.wake();
    await Promise.all([first, again]);
    expect([await it.shapes(), it.acknowledged]).toEqual([["content"], [1]]);
    expect(it.counters.snapshot()).toEqual({ opened: 1 });
  });

  it("what was held in a group waits on, whatever of its log is read, and is shown when there is one", async () => {
    const it = await groupFixture();
    await it.deliver(it.text(carol, 1, { revision: 10 }));
    expect(await it.count(keys.heldAll)).toBe(1);
    it.realm.isKnown = false;
    await it.progress({ seq: 10 });
    expect([await it.shown(), await it.count(keys.heldAll)]).toEqual([[], 1]);
    it.realm.isKnown = true;
    it.groupMail.start();
    await it.groupMail.settled();
    expect([await it.shown(), await it.count(keys.heldAll)]).toEqual([["g1"], 0]);
  });
});

describe("with a clock that was set back", () => {
  it("nothing is taken for a message from the future before the relay was asked what time it is", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    const { nowMs } = it.relayTime;
    it.relayTime.nowMs = ACCEPTED_MS - 3_600_000;
    const answers = ["unreached", "told"] as const;
    let asked = 0;
    it.relayTime.askTime = async () => {
      const answer = answers[asked++] ?? "told";
      if (answer === "told") it.relayTime.nowMs = nowMs;
      return answer;
    };
    const taken = it.deliver(it.text(1), 1);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect([await it.shapes(), it.acknowledged, asked]).toEqual([[], [], 1]);
    it.inbox.wake();
    await taken;
    expect([await it.shapes(), it.acknowledged, asked]).toEqual([["content"], [1], 2]);
    await it.deliver(it.text(2), 2);
    expect(asked).toBe(2);
  });

  it("what the relay says is later than it says it is is not shown", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    it.relayTime.nowMs = ACCEPTED_MS - 3_600_000;
    await it.deliver(it.text(1), 1);
    expect([await it.shapes(), it.acknowledged]).toEqual([[], [1]]);
    expect(it.counters.snapshot()).toMatchObject({ "unshown.time": 1 });
  });
});
