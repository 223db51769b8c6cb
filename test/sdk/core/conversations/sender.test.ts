import { decodeContent, isGroupMessageId, type MessageId, SottoError } from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { Author } from "../../../../sdk/core/conversations/author.js";
import { Conversations, type GroupThread } from "../../../../sdk/core/conversations/conversations.js";
import { Handles } from "../../../../sdk/core/conversations/handles.js";
import { type Membership, Sender } from "../../../../sdk/core/conversations/sender.js";
import { deferred } from "../../../../sdk/core/deferred.js";
import { nothing } from "../../../../sdk/core/inbox/plan.js";
import { KeyedLock } from "../../../../sdk/core/keyed-lock.js";
import { nodePlatform } from "../../../../sdk/node/platform.js";
import { accepted, outboxFixture, ownRow, quiet, refuse } from "../outbox/fixture.js";
import { me, peer } from "../people.js";
import { group, idOf, text } from "./members.js";

describe("a message that was given up here and that the peer confirms", () => {
  it("is sent once more under its id, and stays confirmed whatever comes of that", async () => {
    const it = await outboxFixture();
    const { store, outbox, clock, peers } = it;
    await store.commit([peers.change({ ...(await peers.get(peer)), relation: "accepted" })]);
    const account = OwnAccount.create(ownRow());
    const failures: unknown[] = [];
    const sender = new Sender({
      ...{ store, account, peers, outbox, clock, locks: new KeyedLock(), handles: new Handles() },
      author: new Author({ store, account, clock, random: nodePlatform.random, seen: { in: async () => [] } }),
      consent: { asking: async () => nothing, takenBack: async () => nothing },
      known: async () => undefined,
      groupStanding: () => ({ kind: "none" }),
      arrived: () => undefined,
      failed: (error) => failures.push(error),
    });
    const state = await new Conversations(store, account).of(peer);
    it.answer = () => refuse("requestPending");
    const sent = sender.say(state, async () => ({ kind: "text", text: "hi" }));
    await quiet();
    expect(it.outcomes).toMatchObject([{ kind: "failed", code: "requestPending" }]);

    const item = await state.timeline.row(1);
    if (item === undefined) throw new Error("nothing was said");
    await store.commit(state.timeline.move(1, item, { ...item, status: "delivered", acceptedMs: 7 }));
    it.answer = async () => accepted;
    sender.proven(state, sent.id);
    await quiet();
    expect(it.outcomes).toMatchObject([{ kind: "failed" }, { kind: "accepted" }]);
    expect(it.sends[1]?.envelope).toEqual(it.sends[0]?.envelope);
    expect(await state.timeline.row(1)).toMatchObject({ status: "delivered", acceptedMs: 7 });

    sender.proven(state, sent.id);
    await quiet();
    expect([it.sends.length, failures]).toEqual([2, []]);
  });
});

describe("what is said to somebody who becomes a contact meanwhile", () => {
  it("keeps its order", async () => {
    const { store, outbox, clock, peers } = await outboxFixture();
    outbox.close();
    const account = OwnAccount.create(ownRow());
    const locks = new KeyedLock();
    const sender = new Sender({
      ...{ store, account, peers, outbox, clock, locks, handles: new Handles() },
      author: new Author({ store, account, clock, random: nodePlatform.random, seen: { in: async () => [] } }),
      consent: { asking: async () => nothing, takenBack: async () => nothing },
      known: async () => undefined,
      groupStanding: () => ({ kind: "none" }),
      arrived: () => undefined,
      failed: (error) => {
        throw error;
      },
    });
    const state = await new Conversations(store, account).of(peer);
    const say = (words: string) => sender.say(state, async () => ({ kind: "text", text: words }));
    // The inbox takes the word that accepts.
    const taking = deferred<void>();
    const taken = locks.run(peer, () => taking.promise);
    say("one");
    await quiet();
    await store.commit([peers.change({ ...(await peers.get(peer)), relation: "accepted" })]);
    say("two");
    await quiet();
    taking.resolve();
    await taken;
    await sender.settled();
    const rows = await Promise.all([1, 2].map((sequence) => state.timeline.row(sequence)));
    const said = rows.map((row) => row !== undefined && decodeContent(row.content));
    expect(said).toMatchObject([{ text: "one" }, { text: "two" }]);
  });
});

describe("what is said in a group", () => {
  let box: Awaited<ReturnType<typeof outboxFixture>>;
  let membership: Membership;
  let thread: GroupThread;
  let sender: Sender;
  const refused = (code: string) => expect.objectContaining({ code });

  beforeEach(async () => {
    box = await outboxFixture();
    const { store, outbox, clock, peers } = box;
    const account = OwnAccount.create(ownRow());
    membership = { kind: "member", mayWrite: "yes", revision: 7, timerMs: 60_000 };
    sender = new Sender({
      ...{ store, account, peers, outbox, clock, locks: new KeyedLock(), handles: new Handles() },
      author: new Author({ store, account, clock, random: nodePlatform.random, seen: { in: async () => [] } }),
      consent: {
        asking: () => Promise.reject(new Error("no member is asked for contact")),
        takenBack: () => Promise.reject(new Error("no member was asked for contact")),
      },
      groupStanding: () => membership,
      known: async () => undefined,
      arrived: () => undefined,
      failed: () => undefined,
    });
    thread = await new Conversations(store, account).group(group);
  });

  const content = async (sequence: number) => {
    const row = await thread.timeline.row(sequence);
    if (row === undefined) throw new Error("nothing was said");
    return decodeContent(row.content);
  };

  it("goes to the group under an id of its author, with revision and timer, and only of who may write", async () => {
    box.toGroup = async () => ({ kind: "accepted", acceptedMs: 5 });
    const sent = sender.say(thread, async () => text("hi"));
    await quiet();
    expect(await content(1)).toMatchObject({ messageId: sent.id, revision: 7, timerMs: 60_000, conversation: group });
    expect(isGroupMessageId(sent.id, { group, sender: me })).toBe(true);
    const [order] = box.ended;
    expect(order).toMatchObject({ group, type: "content", conversation: group, sequence: 1 });
    expect(order).not.toHaveProperty("recipient");

    membership = { kind: "member", mayWrite: "no", revision: 8, timerMs: 0 };
    await expect(sender.say(thread, async () => text("no")).accepted).rejects.toEqual(refused("groupDenied"));
    membership = { kind: "none" };
    await expect(sender.say(thread, async () => text("no")).accepted).rejects.toEqual(refused("groupLeft"));
    expect(await thread.timeline.row(2)).toBeUndefined();
  });

  it("leaves no gap in what is counted where it was refused: nobody said anything there", async () => {
    const { id: target } = sender.say(thread, async () => text("hi"));
    sender.say(thread, async () => ({ kind: "delete", target }));
    const late = sender.say(thread, async () => ({ kind: "edit", target, text: "too late" }));
    await expect(late.accepted).rejects.toEqual(refused("invalidArgument"));
    sender.say(thread, async () => text("further"));
    await sender.settled();
    expect([await content(2), await content(3)]).toMatchObject([{ counter: 2 }, { text: "further", counter: 3 }]);
  });

  it("can be taken back once it was given up, and is not sent once more by who is out", async () => {
    box.toGroup = async () => ({ kind: "failed", error: new SottoError("expired") });
    const sent = sender.say(thread, async () => text("hi"));
    await quiet();
    const item = await thread.timeline.row(1);
    if (item === undefined) throw new Error("nothing was said");
    await box.store.commit([thread.timeline.replace(1, { ...item, status: "failed", failure: "expired" })]);
    membership = { kind: "none" };
    await expect(sent.retry()).rejects.toEqual(refused("groupLeft"));
    expect(await sent.cancel()).toBe(true);
    await expect(sent.accepted).rejects.toEqual(refused("cancelled"));
    expect(await thread.timeline.row(1)).toMatchObject({ shape: "hidden" });
  });

  it("edits only what this account wrote, and answers what anybody wrote", async () => {
    box.outbox.close();
    const edit = (target: MessageId) => sender.say(thread, async () => ({ kind: "edit", target, text: "e" }));
    await expect(edit(idOf(peer, 1)).accepted).rejects.toEqual(refused("invalidArgument"));
    const sent = sender.say(thread, async () => text("hi"));
    edit(sent.id);
    await quiet();
    expect(await thread.timeline.row(1)).toHaveProperty("edit");
    expect(await thread.reader.message(sent.id)).toMatchObject({ sequence: 1 });
  });
});
