import {
  type AccountId,
  type Content,
  decodeEvidence,
  directConversationId,
  encodeContent,
  encodeEvidence,
  encodeGroupBody,
  encodeOwnBody,
  type GroupBody,
  type OwnBody,
  parseAccountId,
  parseDeviceId,
} from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import type { Saying } from "../../../../sdk/core/conversations/author.js";
import { decodeRow, keys, range } from "../../../../sdk/core/rows.js";
import { group, idOf } from "../conversations/members.js";
import { evidenceBytesOf } from "../franking/franked.js";
import { me, messageId, peer } from "../people.js";
import { type InboxFixture, inboxFixture, newIdentity, otherDevice } from "./fixture.js";

const ATE_MS = 500_000;

/** An envelope in which another device of this account tells what it sent to the peer. */
function sent(
  it: InboxFixture,
  saying: Saying,
  over: { readonly sender?: AccountId; readonly device?: number; readonly to?: AccountId } = {},
) {
  const plain = it.talk.content(over.sender ?? me, messageId(1), saying, { device: over.device ?? otherDevice });
  return it.own({ type: "sent", peer: over.to ?? peer, atMs: ATE_MS, content: encodeContent(plain) });
}

function state(it: InboxFixture, body: Partial<OwnBody<"state">>) {
  return it.own({ type: "state", body: encodeOwnBody("state", { contacts: [], last: "no", ...body }) });
}

const hello = { kind: "text", text: "hello" } as const;

describe("what another device of this account sent", () => {
  it("stands in the conversation as sent and accepted, at the relay's time", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    await it.deliver(sent(it, hello));
    const { timeline } = await it.conversations.of(peer);
    expect(await timeline.row(1)).toMatchObject({ from: me, status: "accepted", acceptedMs: ATE_MS });
    expect(it.events).toEqual(["arrived 1"]);
    expect(await it.store.list(range(keys.owedAll, 9))).toEqual([]);
  });

  it("can be reported here too, if its evidence is of these words and of who said them; it is shown either way", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    const speaker = { account: me, device: otherDevice };
    const word = (number: number, text: string) =>
      encodeContent(it.talk.content(me, messageId(number), { kind: "text", text }, { device: otherDevice }));
    const to = { audience: { kind: "account", account: peer }, acceptedMs: ATE_MS, me: peer } as const;
    const tell = (content: Uint8Array, evidence: Uint8Array) =>
      it.deliver(it.own({ type: "sent", peer, atMs: ATE_MS, content, evidence }));
    const [good, other, elsewhere] = [word(1, "good"), word(2, "other"), word(3, "of another device")];
    await tell(good, evidenceBytesOf(speaker, good, to));
    await tell(other, evidenceBytesOf(speaker, good, to));
    await tell(elsewhere, evidenceBytesOf({ account: me, device: parseDeviceId(9) }, elsewhere, to));
    await tell(word(4, "no evidence"), new Uint8Array(9));
    const late = word(5, "of a time to come");
    const { head, ...rest } = decodeEvidence(evidenceBytesOf(speaker, late, to));
    await tell(late, encodeEvidence({ ...rest, head: { ...head, acceptedMs: Number.MAX_SAFE_INTEGER - 1 } }));
    const { conversation } = it.talk.content(me, messageId(9), hello);
    const kept = await Promise.all(
      [1, 2, 3, 4, 5].map((number) => it.evidence.of(conversation, me, messageId(number))),
    );
    const recipients = kept.map((one) => one?.evidence.head.recipient);
    expect(recipients).toEqual([peer, undefined, undefined, undefined, undefined]);
    expect(await it.shapes()).toEqual(["content", "content", "content", "content", "content"]);
  });

  it("makes a stranger somebody who was asked, and leaves every other relation as it is", async () => {
    const it = await inboxFixture();
    await it.deliver(sent(it, hello));
    expect(await it.peers.get(peer)).toMatchObject({ relation: "sent", relationVersion: 0 });
    await it.relate("blocked");
    await it.deliver(sent(it, hello));
    expect((await it.peers.get(peer)).relation).toBe("blocked");
  });

  it("shows nothing under another sender, device, conversation, or to this account itself", async () => {
    const it = await inboxFixture();
    await it.deliver(sent(it, hello, { sender: peer }));
    await it.deliver(sent(it, hello, { device: 3 }));
    await it.deliver(sent(it, hello, { to: parseAccountId("12345678-0000-4000-8000-000000000000") }));
    await it.deliver(sent(it, hello, { to: me }));
    const mine = it.talk.content(me, messageId(1), hello, { device: otherDevice });
    await it.deliver(it.own({ type: "content", content: encodeContent(mine) }));
    await it.deliver(it.own({ type: "contact", profileKey: new Uint8Array(32) }));
    expect(it.counters.snapshot()).toMatchObject({ unfit: 6 });
    expect(await it.shapes()).toEqual([]);
    expect(it.acknowledged.at(-1)).toBe(6);
  });

  it("counts for nothing once the relay lists the device no more, whatever proves who it was", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    const gone = 3;
    await it.deliver({ ...sent(it, hello, { device: gone }), device: gone });
    await it.deliver({ ...state(it, { contacts: [] }), device: gone });
    await it.deliver({ ...sent(it, hello, { device: gone }), device: gone, refusal: "noSession" });
    expect(it.counters.snapshot()).toEqual({ rejected: 3 });
    expect(await it.shapes()).toEqual([]);
    expect(await it.store.list(range(keys.sessions, 9))).toEqual([]);
    expect(it.acknowledged.at(-1)).toBe(3);
  });

  it("counts for nothing under another identity than this account's", async () => {
    const it = await inboxFixture();
    const content = encodeContent(it.talk.content(me, messageId(1), hello, { device: otherDevice }));
    await it.deliver(it.own({ type: "sent", peer, atMs: 1, content }, newIdentity));
    expect(it.counters.snapshot()).toEqual({ rejected: 1 });
    expect(it.events).toEqual([]);
  });
});

describe("what another device of this account did not get across", () => {
  it("has no place, is counted, and is asked for no more once its word comes again", async () => {
    const it = await inboxFixture();
    const unopened = { sender: me, device: otherDevice, identity: [...it.account.identity.publicKey] };
    for (let time = 0; time < 4; time++) await it.deliver({ ...unopened, refusal: "noSession" });
    expect(it.counters.snapshot()).toMatchObject({ ownUndecryptable: 4 });
    const rows = await it.store.list(range(keys.undecryptables, 9));
    expect(decodeRow("undecryptable", rows[0]?.value ?? new Uint8Array(0)).sequence).toBeUndefined();
    const answered = (cursor: number) => new Uint8Array(16).fill(cursor);
    const content = encodeContent(it.talk.content(me, messageId(1), hello, { device: otherDevice }));
    await it.deliver(it.own({ type: "sent", peer, atMs: 1, content, resendOf: answered(1) }));
    const body = encodeOwnBody("state", { contacts: [], last: "no" });
    await it.deliver(it.own({ type: "state", body, resendOf: answered(2) }));
    await it.deliver(it.own({ type: "nothing", resendOf: answered(3) }));
    await it.deliver(it.own({ type: "unavailable", envelopes: [answered(4)] }));
    expect(await it.store.list(range(keys.undecryptables, 9))).toEqual([]);
    expect(it.counters.snapshot()).toMatchObject({ ownLost: 1 });
    expect(await it.shapes()).toEqual(["content"]);
  });

  it("is sent to it again alone", async () => {
    const it = await inboxFixture();
    const envelope = new Uint8Array(16).fill(77);
    const row = {
      envelope,
      recipient: me,
      type: "sent",
      peer,
      atMs: 5,
      envelopes: [],
      body: Uint8Array.of(1),
    } as const;
    await it.store.commit([it.keptSends.keep({ ...row, createdMs: 0, state: "queued" }, { atMs: 1, acceptedMs: 1 })]);
    await it.deliver(it.own({ type: "retry", envelopes: [envelope] }));
    expect(it.outbox.sent).toMatchObject([{ recipient: me, device: otherDevice, type: "sent", resendOf: envelope }]);
  });
});

describe("what another device of this account decided", () => {
  it("is taken in with what it brings: a block, a name, a policy", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    const { profileKey } = it.account.current;
    await it.deliver(
      state(it, {
        own: { profileKey, profileKeyVersion: 0, name: "Alice", nameVersion: 1, policy: "nobody", policyVersion: 1 },
        contacts: [{ account: peer, version: 1, relation: "blocked", role: "person", verification: "unverified" }],
      }),
    );
    expect(it.account.current).toMatchObject({ name: "Alice", policy: "nobody" });
    expect(await it.peers.get(peer)).toMatchObject({ relation: "blocked", relationVersion: 1 });
    expect(it.told).toContain("access same");
  });

  it("says that contacts have to be told of another profile key", async () => {
    const it = await inboxFixture();
    const { name, nameVersion, policy, policyVersion } = it.account.current;
    const own = {
      profileKey: new Uint8Array(32).fill(99),
      profileKeyVersion: 1,
      name,
      nameVersion,
      policy,
      policyVersion,
    };
    await it.deliver(state(it, { own }));
    expect(it.account.current.profileKey).toEqual(own.profileKey);
    expect(it.told).toContain("access other");
  });
});

describe("what another device of this account told of groups", () => {
  const standing = { id: group, revision: 5, head: new Uint8Array(32) };
  const groups = (one: Partial<GroupBody<"groups">["groups"][number]>, resendOf?: Uint8Array) => {
    const told = {
      group,
      version: 1,
      status: "joined",
      secrets: [],
      seq: 5,
      head: new Uint8Array(32),
      ...one,
    } as const;
    return { type: "groups", body: encodeGroupBody("groups", { groups: [told] }), resendOf } as const;
  };
  const sentInGroup = (it: InboxFixture, over: Partial<Content> = {}, resendOf?: Uint8Array) => {
    const plain = it.talk.content(me, idOf(me, 1), hello, { device: otherDevice });
    const content = encodeContent({ ...plain, conversation: group, revision: 5, ...over } as Content);
    return it.own({ type: "sent", group: standing, atMs: ATE_MS, content, resendOf });
  };

  it("is what it sent to one: in its timeline, accepted, at the relay's time, and nobody is asked by it", async () => {
    const it = await inboxFixture();
    it.logs.read(group);
    await it.deliver(sentInGroup(it));
    const { timeline } = await it.conversations.group(group);
    expect(await timeline.row(1)).toMatchObject({ from: me, status: "accepted", acceptedMs: ATE_MS });
    expect(it.events).toEqual(["arrived 1"]);
    expect(await it.store.list(range(keys.peers, 9))).toEqual([]);
    await it.deliver(sentInGroup(it));
    expect(it.events).toEqual(["arrived 1"]);
  });

  it("is nothing under an id that this account could not have given", async () => {
    const it = await inboxFixture();
    it.logs.read(group);
    await it.deliver(sentInGroup(it, { messageId: idOf(peer, 1) }));
    expect([it.events, it.counters.snapshot().contentRefused]).toEqual([[], 1]);
  });

  it("answers what did not open", async () => {
    const it = await inboxFixture();
    const unopened = { sender: me, device: otherDevice, identity: [...it.account.identity.publicKey] };
    for (let time = 0; time < 2; time++) await it.deliver({ ...unopened, refusal: "noSession" });
    await it.deliver(sentInGroup(it, {}, new Uint8Array(16).fill(1)));
    await it.deliver(it.own(groups({}, new Uint8Array(16).fill(2))));
    expect(await it.store.list(range(keys.undecryptables, 9))).toEqual([]);
  });

  it("is that it came, went or answered: told where it is news", async () => {
    const it = await inboxFixture();
    await it.deliver(it.own(groups({ status: "joined" })));
    await it.deliver(it.own(groups({ status: "joined" })));
    expect(it.told).toEqual([`moved ${group}`]);
    await it.deliver(it.own(groups({ status: "left", version: 2 })));
    expect(it.told).toEqual([`moved ${group}`, `moved ${group}`]);
  });

  it("may be said by nobody else", async () => {
    const it = await inboxFixture();
    await it.relate("accepted");
    await it.deliver(it.said(groups({})));
    expect([it.counters.snapshot().unfit, it.told]).toEqual([1, []]);
  });
});

describe("history of another device of this account", () => {
  const entry = (it: InboxFixture, over: Partial<OwnBody<"archive">["entries"][number]> = {}) => {
    const content = it.talk.content(peer, messageId(5), hello);
    return {
      peer,
      from: peer,
      messageId: messageId(5),
      content: encodeContent(content),
      hash: new Uint8Array(32),
      acceptedMs: 1,
      counter: content.counter,
      status: "received",
      reactions: [],
      ...over,
    } as const;
  };
  const archive = (entries: OwnBody<"archive">["entries"]) =>
    ({
      type: "archive",
      body: encodeOwnBody("archive", {
        transfer: new Uint8Array(16),
        part: 0,
        last: "yes",
        done: 1,
        total: 1,
        entries: [...entries],
      }),
    }) as const;

  it("is handed on if every entry is of a conversation of this account", async () => {
    const it = await inboxFixture();
    await it.deliver(it.own(archive([entry(it)])));
    const body = encodeOwnBody("archived", { transfer: new Uint8Array(16), part: 0 });
    await it.deliver(it.own({ type: "archived", body }));
    await it.deliver(it.own({ type: "missed", atMs: 1 }));
    expect(it.told).toEqual(["took history", "history acknowledged", "history asked for", "read marks asked for"]);
  });

  it("is not taken if an entry is by a third person, under another name, or edited by somebody else", async () => {
    const it = await inboxFixture();
    const third = parseAccountId("12345678-0000-4000-8000-000000000000");
    const edit = it.talk.content(me, messageId(6), { kind: "edit", target: messageId(5), text: "x" });
    expect(edit.conversation).toBe(directConversationId(me, peer));
    const wrong = [
      entry(it, { from: third }),
      entry(it, { messageId: messageId(6) }),
      entry(it, { counter: 1_000 }),
      entry(it, { peer: me }),
      entry(it, { edit: encodeContent(edit) }),
      entry(it, { content: new Uint8Array(0) }),
    ];
    for (const one of wrong) await it.deliver(it.own(archive([one])));
    expect(it.counters.snapshot()).toMatchObject({ unfit: wrong.length });
    expect(it.told).toEqual([]);
    expect(parseDeviceId(2)).toBe(otherDevice);
  });
});

describe("what another device tells a new one", () => {
  const contact = {
    account: peer,
    version: 1,
    relation: "accepted",
    role: "person",
    verification: "unverified",
  } as const;

  it("is all there is only with its last part", async () => {
    const it = await inboxFixture();
    it.account.change({ awaiting: "state" });
    await it.deliver(state(it, { contacts: [contact] }));
    expect([it.account.current.awaiting, it.told.includes("told everything")]).toEqual(["state", false]);
    await it.deliver(state(it, { last: "yes" }));
    expect([it.account.current.awaiting, it.told.includes("told everything")]).toEqual([undefined, true]);
    expect(it.outbox.sent.filter(({ type }) => type === "missed")).toEqual([]);
  });

  it("is followed by a question for what was dropped before it, since the new one was added", async () => {
    const it = await inboxFixture();
    it.account.change({ awaiting: "state" });
    await it.deliver(it.text(1));
    await it.deliver(it.text(2));
    expect(it.account.current.awaiting).toBe("stateAndMail");
    await it.deliver(state(it, { contacts: [contact], last: "yes" }));
    const questions = it.outbox.sent.filter(({ type }) => type === "missed");
    expect(questions).toMatchObject([{ recipient: me, device: otherDevice, atMs: 500 }]);
  });
});
