import { encodeContent, encodeOwnBody } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { Conversations } from "../../../../sdk/core/conversations/conversations.js";
import { Handles } from "../../../../sdk/core/conversations/handles.js";
import { deferred } from "../../../../sdk/core/deferred.js";
import { Removal } from "../../../../sdk/core/disappearing/removal.js";
import { EvidenceRows } from "../../../../sdk/core/franking/evidence.js";
import { Genuine } from "../../../../sdk/core/franking/genuine.js";
import { keys, range } from "../../../../sdk/core/rows.js";
import { group } from "../groups/sending/snapshots.js";
import { type Answer, accepted, outboxFixture, ownRow, quiet, refuse, standing } from "../outbox/fixture.js";
import { device } from "../people.js";
import { entryOf, me, peer, words } from "./fixture.js";

const body = encodeContent(words(me, "secret", 5));

/** An outbox with one row that tells a contact something that has a timer. */
async function withRow(answer: Answer, state: "ready" | "waiting" = "ready") {
  const it = await outboxFixture();
  it.state = state;
  it.answer = answer;
  const queued = it.outbox.queue({ recipient: peer, type: "content", body, resendOf: new Uint8Array(16) });
  await it.store.commit(queued.changes);
  queued.sent();
  await quiet();
  const left = async () =>
    (
      await Promise.all([keys.outboxAll, keys.sentAll, "kept/"].map((prefix) => it.store.list(range(prefix, 9))))
    ).flat();
  const strike = async () => it.store.commit([await it.outbox.strike(queued.order)]);
  return { it, left, strike };
}

describe("a row that is struck out of the outbox", () => {
  it("never leaves if it waited", async () => {
    const { it, left, strike } = await withRow(async () => accepted, "waiting");
    await strike();
    it.state = "ready";
    it.outbox.wake();
    await quiet();
    expect(it.sends).toEqual([]);
    expect(await left()).toEqual([]);
    expect(it.outbox.size).toBe(0);
  });

  it("leaves nothing behind if it was on its way, whether it was taken or not", async () => {
    for (const end of [async () => accepted, () => refuse("offline"), () => refuse("notAllowed")]) {
      const answered = deferred<void>();
      const { it, left, strike } = await withRow(async () => {
        await answered.promise;
        return end();
      });
      expect(it.sends).toHaveLength(1);
      await strike();
      expect(await left()).toEqual([]);
      answered.resolve();
      await quiet();
      it.outbox.wake();
      await quiet();
      expect(it.sends).toHaveLength(1);
      expect(await left()).toEqual([]);
      expect(it.outbox.size).toBe(0);
      expect(it.failures).toEqual([]);
    }
  });

  it("is not said again, nor told to anybody else, though it was taken", async () => {
    const answered = deferred<void>();
    const it = await outboxFixture();
    it.missedAt.add(accepted.acceptedMs);
    it.answer = async () => {
      await answered.promise;
      return accepted;
    };
    it.toGroup = async () => {
      await answered.promise;
      return { kind: "accepted", acceptedMs: 1, inGroup: { standing, leftOut: [peer] } };
    };
    const to = [{ recipient: peer }, { group }];
    const queued = to.map((one) => it.outbox.queue({ ...one, type: "content", body }));
    await it.store.commit(queued.flatMap(({ changes }) => changes));
    for (const one of queued) one.sent();
    await quiet();
    for (const { order } of queued) await it.store.commit([await it.outbox.strike(order)]);
    answered.resolve();
    await quiet();
    expect(it.ended).toHaveLength(2);
    expect(it.wanted).toEqual([false, false]);
    expect(it.sends).toHaveLength(1);
    expect(await it.store.list(range(keys.outboxAll, 9))).toEqual([]);
    expect(await it.store.list(range(keys.sentAll, 9))).toEqual([]);
    expect(it.outbox.size).toBe(0);
  });

  it("is kept otherwise, and found by its message until it is forgotten", async () => {
    const { it, left } = await withRow(async () => accepted);
    expect(await left()).toHaveLength(2);
    const { conversation, messageId } = words(me, "another", 5);
    expect(await it.keptSends.forget(conversation, messageId)).toEqual([]);
    it.clock.setNow(it.clock.now() + 8 * 86_400_000);
    await it.keptSends.purge();
    expect(await left()).toEqual([]);
  });
});

describe("a part of a history from which a message is struck", () => {
  /** A part that is on its way, and the end of a message in it, which reads on until `meanwhile` settled. */
  const ending = async (answer: Answer, meanwhile: () => Promise<void>) => {
    const it = await outboxFixture();
    it.answer = answer;
    const { store, outbox } = it;
    const conversations = new Conversations(store, OwnAccount.create(ownRow()));
    const thread = await conversations.of(peer);
    const said = words(me, "secret", 5);
    const encoded = encodeContent(said);
    const outcome = await thread.writer.write({
      ...{ said: Genuine.saidHere({ content: said, encoded }), atMs: 1, acceptedMs: 1, status: "synced" },
    });
    const { changes } = outcome.build();
    const part = encodeOwnBody("archive", {
      ...{ transfer: new Uint8Array(16), part: 1, last: "yes", done: 2, total: 2 },
      entries: [entryOf(said, "accepted", 1), entryOf(words(me, "stays", undefined), "accepted", 1)],
    });
    const queued = outbox.queue({ recipient: me, device, type: "archive", body: part });
    await store.commit([...changes, ...queued.changes]);
    queued.sent();
    await quiet();
    const keptSends = {
      forget: async () => {
        await meanwhile();
        return [];
      },
    };
    const removal = new Removal({
      ...{ store, outbox, keptSends, handles: new Handles(), evidence: new EvidenceRows(store) },
    });
    const due = await store.list(range(keys.dues, 9));
    expect(due).toHaveLength(1);
    const ended = await removal.of(
      thread,
      due.map(({ key }) => key),
    );
    await store.commit(ended.changes());
    return it;
  };

  it("is gone if it was accepted meanwhile, and is not sent again by the next run", async () => {
    const answered = deferred<void>();
    const it = await ending(
      async () => {
        await answered.promise;
        return accepted;
      },
      async () => {
        answered.resolve();
        await quiet();
      },
    );
    expect(it.sends).toHaveLength(1);
    expect(await it.store.list(range(keys.outboxAll, 9))).toEqual([]);
    const next = await outboxFixture(it.store);
    await next.outbox.load();
    await quiet();
    expect(next.sends).toEqual([]);
  });

  it("goes on without it if it has to be sent again", async () => {
    const answered = deferred<void>();
    const it = await ending(
      async () => {
        await answered.promise;
        return refuse("offline");
      },
      async () => {
        answered.resolve();
        await quiet();
      },
    );
    it.answer = async () => accepted;
    it.outbox.wake();
    await quiet();
    const [first, second] = it.sends.map(({ plaintext }) => Buffer.from(plaintext).toString("latin1"));
    expect(first).toContain("secret");
    expect(second).not.toContain("secret");
    expect(second).toContain("stays");
    expect(await it.store.list(range(keys.outboxAll, 9))).toEqual([]);
  });
});
