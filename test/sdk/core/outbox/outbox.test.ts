import { SottoError } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { keys, range } from "../../../../sdk/core/rows.js";
import { conversationId, peer } from "../people.js";
import { holdProfileKey, mismatch, outboxFixture, quiet, refuse } from "./fixture.js";

const DAY_MS = 24 * 3_600_000;

describe("the outbox", () => {
  it("sends in order, forgets what was accepted and keeps its content for retries", async () => {
    const it = await outboxFixture();
    for (let content = 1; content <= 40; content++) await it.put(content);
    await quiet(60);
    expect(it.outcomes.map(({ content }) => content)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    expect(await it.store.list(range(keys.outboxAll, 100))).toEqual([]);
    expect(it.outbox.size).toBe(0);
    const kept = await it.keptSends.find(it.sends[0]?.envelope ?? new Uint8Array(16), peer);
    expect(kept?.content).toEqual(Uint8Array.of(1));
  });

  it("takes up what an earlier run left, in order, and never gives an order number twice", async () => {
    const first = await outboxFixture();
    first.state = "waiting";
    for (let content = 1; content <= 300; content++) await first.put(content % 200);
    first.outbox.close();
    const second = await outboxFixture(first.store);
    second.state = "waiting";
    await second.outbox.load();
    expect(second.outbox.size).toBe(300);
    expect(await second.put(77)).toBe(301);
    second.state = "ready";
    second.outbox.wake();
    await quiet(400);
    expect(second.outcomes.map(({ content }) => content)).toEqual([
      ...Array.from({ length: 300 }, (_, index) => (index + 1) % 200),
      77,
    ]);
  });

  it("keeps the send id over tries and runs, so that the relay takes it once", async () => {
    const first = await outboxFixture();
    first.answer = () => refuse("offline");
    await first.put(1);
    await quiet();
    first.outbox.close();
    const second = await outboxFixture(first.store, first.clock);
    await second.outbox.load();
    await quiet();
    expect(second.sends[0]?.envelope).toEqual(first.sends[0]?.envelope);
  });

  it("refuses one row more than 10,000, counting those whose commit is still on its way", async () => {
    const it = await outboxFixture();
    it.state = "waiting";
    for (let count = 0; count < 10_000; count++) it.outbox.queue({ recipient: peer, type: "retry", envelopes: [] });
    expect(it.outbox.room).toBe(0);
    expect(() => it.outbox.queue({ recipient: peer, type: "retry" })).toThrow(/outboxFull/);
  });

  it("gives a row out before it leaves, also while its commit is on its way, and not when it may have left", async () => {
    const it = await outboxFixture();
    it.state = "waiting";
    const queued = it.outbox.queue({ recipient: peer, type: "content", content: Uint8Array.of(1) });
    await it.store.commit(queued.changes);
    const change = await it.outbox.withdraw(queued.order);
    expect(change).toEqual({ key: keys.outbox(queued.order), value: undefined });
    queued.sent();
    const waiting = await it.put(2);
    await quiet();
    expect(await it.outbox.withdraw(waiting)).toBeDefined();
    expect(it.outbox.size).toBe(0);

    it.state = "ready";
    let answer = () => {};
    it.answer = () => new Promise((_, reject) => (answer = () => reject(new SottoError("offline"))));
    const onItsWay = await it.put(3);
    await quiet();
    expect(await it.outbox.withdraw(onItsWay)).toBeUndefined();
    answer();
    await quiet();
    expect(it.sends).toHaveLength(1);
    expect(await it.outbox.withdraw(onItsWay)).toBeDefined();
  });

  it("never both gives a row out and sends it, whenever it is asked", async () => {
    for (let turns = 0; turns < 25; turns++) {
      const it = await outboxFixture();
      const order = await it.put(1);
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      const withdrawn = await it.outbox.withdraw(order);
      if (withdrawn !== undefined) await it.store.commit([withdrawn]);
      await quiet();
      expect(it.sends).toHaveLength(withdrawn === undefined ? 1 : 0);
    }
  });

  it("gives a row up after five days, finds it by its item, and sends it again when it is revived", async () => {
    const it = await outboxFixture();
    it.answer = () => refuse("mailboxFull");
    const order = await it.put(1);
    await quiet();
    await it.clock.advance(5 * DAY_MS + 120_000);
    expect(it.outcomes).toEqual([{ content: 1, kind: "failed", code: "expired" }]);
    expect(await it.outbox.find(conversationId, 1)).toBe(order);
    it.answer = async () => ({ type: "accepted", id: 1, acceptedMs: 1 }) as never;
    const revival = await it.outbox.revive(order);
    if (revival === undefined) throw new Error("nothing to revive");
    await it.store.commit([revival.change]);
    revival.reenter();
    await quiet();
    expect(it.outcomes.at(-1)).toMatchObject({ content: 1, kind: "accepted" });
    expect(await it.outbox.revive(order)).toBeUndefined();
    expect(await it.outbox.find(conversationId, 1)).toBeUndefined();
  });

  it("gives up at once what no repetition helps, and goes on with the next", async () => {
    const it = await outboxFixture();
    it.encryptFails = new SottoError("identityChanged");
    await it.put(1);
    await quiet();
    it.encryptFails = undefined;
    await it.put(2);
    await quiet();
    expect(it.outcomes).toMatchObject([
      { content: 1, kind: "failed", code: "identityChanged" },
      { content: 2, kind: "accepted" },
    ]);
  });

  it("repairs a wrong device list once for all that were on their way, and sends again under the same ids", async () => {
    const it = await outboxFixture();
    let isRepaired = false;
    it.answer = async () => (isRepaired ? ({ type: "accepted", id: 1, acceptedMs: 1 } as never) : mismatch);
    it.state = "waiting";
    for (let content = 1; content <= 3; content++) await it.put(content);
    await quiet();
    it.state = "ready";
    it.outbox.wake();
    await quiet(3);
    isRepaired = true;
    await quiet();
    await it.clock.advance(1_000);
    expect(it.repairs.count).toBeLessThanOrEqual(2);
    expect(it.outcomes.map(({ content }) => content)).toEqual([1, 2, 3]);
    expect(new Set(it.sends.map(({ envelope }) => envelope.join())).size).toBe(3);
  });

  it("sends sealed under the delivery key, and falls back to a first contact when that is refused", async () => {
    const it = await outboxFixture();
    const deliveryKey = await holdProfileKey(it, 1);
    it.answer = async ({ link, deliveryKey: given }) => {
      if (link === "anonymous") {
        expect(given).toEqual(deliveryKey);
        return refuse("notAllowed");
      }
      expect(given).toBeUndefined();
      return { type: "accepted", id: 1, acceptedMs: 1 } as never;
    };
    await it.put(1);
    await quiet();
    expect(it.sends.map(({ link }) => link)).toEqual(["anonymous", "device"]);
    expect(it.outcomes).toMatchObject([{ kind: "accepted" }]);
    expect((await it.peers.get(peer)).profileKey).toBeUndefined();
  });

  it("keeps a profile key that the peer handed out while the former was being refused", async () => {
    const it = await outboxFixture();
    await holdProfileKey(it, 1);
    it.answer = async ({ link }) => {
      if (link === "device") return { type: "accepted", id: 1, acceptedMs: 1 } as never;
      await holdProfileKey(it, 2);
      return refuse("notAllowed");
    };
    await it.put(1);
    await quiet();
    expect((await it.peers.get(peer)).profileKey).toEqual(new Uint8Array(32).fill(2));
  });

  it("hands a failed store on as the end of the client, and loses no row", async () => {
    const it = await outboxFixture();
    it.encryptFails = new SottoError("storeFailed");
    await it.put(1);
    await quiet();
    expect(it.failures).toMatchObject([{ code: "storeFailed" }]);
    expect(await it.store.list(range(keys.outboxAll, 10))).toHaveLength(1);
  });
});

describe("what was sent", () => {
  it("is found only for the account it went to, and goes after a week, however much it is", async () => {
    const it = await outboxFixture();
    for (let content = 0; content < 700; content++) {
      const envelope = Uint8Array.from({ length: 16 }, (_, at) => (at === 0 ? content % 256 : content >> 8));
      const row = { envelope, recipient: peer, type: "content", envelopes: [], content: Uint8Array.of(1) } as const;
      const sentMs = it.clock.now() - (content < 650 ? 8 : 1) * DAY_MS;
      await it.store.commit([it.keptSends.keep({ ...row, createdMs: 0, state: "queued" }, sentMs)]);
    }
    await it.keptSends.purge();
    expect(await it.store.list(range(keys.sentAll, 1_000))).toHaveLength(50);
  });
});
