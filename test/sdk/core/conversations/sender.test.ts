import { describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { Author } from "../../../../sdk/core/conversations/author.js";
import { Conversations } from "../../../../sdk/core/conversations/conversations.js";
import { Handles } from "../../../../sdk/core/conversations/handles.js";
import { Sender } from "../../../../sdk/core/conversations/sender.js";
import { nothing } from "../../../../sdk/core/inbox/plan.js";
import { KeyedLock } from "../../../../sdk/core/keyed-lock.js";
import { nodePlatform } from "../../../../sdk/node/platform.js";
import { accepted, outboxFixture, ownRow, quiet, refuse } from "../outbox/fixture.js";
import { peer } from "../people.js";

describe("a message that was given up here and that the peer confirms", () => {
  it("is sent once more under its id, and stays confirmed whatever comes of that", async () => {
    const it = await outboxFixture();
    const { store, outbox, clock, peers } = it;
    await store.commit([peers.change({ ...(await peers.get(peer)), relation: "accepted" })]);
    const account = OwnAccount.create(ownRow());
    const failures: unknown[] = [];
    const sender = new Sender({
      ...{ store, account, peers, outbox, clock, locks: new KeyedLock(), handles: new Handles() },
      author: new Author({ store, account, clock, random: nodePlatform.random }),
      consent: { asking: async () => nothing, takenBack: async () => nothing },
      known: async () => undefined,
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
