import { encodeContent } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { deferred } from "../../../../sdk/core/deferred.js";
import { keys, range } from "../../../../sdk/core/rows.js";
import { group } from "../groups/sending/snapshots.js";
import { type Answer, accepted, outboxFixture, quiet, refuse, standing } from "../outbox/fixture.js";
import { me, peer, words } from "./fixture.js";

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
