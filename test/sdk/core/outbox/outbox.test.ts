import { decodePayload, parseDeviceId, SottoError } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { deferred } from "../../../../sdk/core/deferred.js";
import type { Order } from "../../../../sdk/core/outbox/order.js";
import { keys, range } from "../../../../sdk/core/rows.js";
import { conversationId, device, me, peer } from "../people.js";
import { accepted, holdProfileKey, mismatch, outboxFixture, quiet, RELAY_AHEAD_MS, refuse } from "./fixture.js";

const DAY_MS = 24 * 3_600_000;

describe("the outbox", () => {
  it("sends in order, forgets what was accepted and keeps its content for retries", async () => {
    const it = await outboxFixture();
    for (let content = 1; content <= 40; content++) await it.put(content);
    await quiet(60);
    expect(it.outcomes.map(({ content }) => content)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    expect(await it.store.list(range(keys.outboxAll, 100))).toEqual([]);
    expect(it.outbox.size).toBe(0);
    const kept = await it.keptSends.find(it.sends[0]?.envelope ?? new Uint8Array(16), { account: peer, device });
    expect(kept).toMatchObject({ type: "content", body: Uint8Array.of(1), acceptedMs: 1 });
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
    const queued = it.outbox.queue({ recipient: peer, type: "content", body: Uint8Array.of(1) });
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
    it.answer = async () => accepted;
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
    it.answer = async () => (isRepaired ? accepted : mismatch);
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

  it("is overtaken by nothing that is encrypted for other devices, which the relay may take where it refused it", async () => {
    const it = await outboxFixture();
    const stored: string[] = [];
    const [queued, heard] = [deferred<void>(), deferred<void>()];
    let devices = 1;
    it.answer = async ({ envelope, frame }) => {
      await queued.promise;
      if (frame.recipients[0]?.envelopes.length !== devices) return heard.promise.then(() => mismatch);
      stored.push(envelope.join());
      return accepted;
    };
    // What is put while the first one is on its way leaves together.
    for (let content = 1; content <= 5; content++) await it.put(content);
    // The peer has another device, of which this one hears before it hears the answers to what it sends to the first.
    it.whileFranking = async () => {
      devices = 2;
      await quiet();
      if (it.sends.length === 3) it.peerDevices = [1, 2].map(parseDeviceId);
    };
    queued.resolve();
    await quiet(200);
    heard.resolve();
    await quiet(200);
    const ids = [...new Set(it.sends.map(({ envelope }) => envelope.join()))];
    expect(stored.map((id) => ids.indexOf(id))).toEqual([0, 1, 2, 3, 4]);
  });

  it("sends sealed under the delivery key; refused, shows it as itself, and then falls back to a first contact", async () => {
    const it = await outboxFixture();
    const deliveryKey = await holdProfileKey(it, 1);
    it.answer = async ({ deliveryKey: given }) => (given === undefined ? accepted : refuse("notAllowed"));
    await it.put(1);
    await quiet();
    const shown = it.sends.map(({ link, frame }) => ({ link, key: frame.recipients[0]?.deliveryKey }));
    expect(shown).toEqual([
      { link: "anonymous", key: deliveryKey },
      { link: "device", key: deliveryKey },
      { link: "device", key: undefined },
    ]);
    expect(it.outcomes).toMatchObject([{ kind: "accepted" }]);
    expect((await it.peers.get(peer)).profileKey).toBeUndefined();
  });

  it("keeps a former delivery key that the relay takes from it as itself", async () => {
    const it = await outboxFixture();
    await holdProfileKey(it, 1);
    it.answer = async ({ link }) => (link === "device" ? accepted : refuse("notAllowed"));
    await it.put(1);
    await quiet();
    expect(it.sends.map(({ link }) => link)).toEqual(["anonymous", "device"]);
    expect((await it.peers.get(peer)).profileKey).toBeDefined();
  });

  it("goes the other way in order, in whatever order it hears that the first one is refused", async () => {
    const it = await outboxFixture();
    await holdProfileKey(it, 1);
    const refusals: (() => void)[] = [];
    let isFull = true;
    it.answer = ({ link }) => {
      if (link === "anonymous") {
        return new Promise((_, reject) => refusals.push(() => reject(new SottoError("notAllowed"))));
      }
      if (it.sends.length < 3 || !isFull) return Promise.resolve(accepted);
      isFull = false;
      return refuse("mailboxFull");
    };
    // What is put while the first one is on its way leaves together.
    for (let content = 1; content <= 5; content++) await it.put(content);
    while (it.outbox.size > 0) {
      await quiet();
      const heard = refusals.splice(0).reverse();
      for (const refusal of heard) {
        refusal();
        await quiet();
      }
      if (heard.length === 0) await it.clock.advance(500);
    }
    expect(isFull).toBe(false);
    const ids = [...new Set(it.sends.map(({ envelope }) => envelope.join()))];
    const shown = it.sends.filter(({ link }) => link === "device").map(({ envelope }) => ids.indexOf(envelope.join()));
    expect(shown).toEqual([0, 1, 1, 2, 3, 4]);
    expect(it.outcomes.map(({ content }) => content)).toEqual([1, 2, 3, 4, 5]);
  });

  it("asks for the bundles that repair a wrong list with every send, and says what is a message", async () => {
    const it = await outboxFixture();
    const said = { recipient: peer, type: "content", body: Uint8Array.of(1) } as const;
    const orders: readonly Order[] = [
      said,
      { recipient: peer, type: "contact" },
      { recipient: peer, type: "retry", envelopes: [new Uint8Array(16)] },
      { ...said, resendOf: new Uint8Array(16) },
    ];
    const queued = orders.map((order) => it.outbox.queue(order));
    await it.store.commit(queued.flatMap(({ changes }) => changes));
    for (const { sent } of queued) sent();
    await quiet();
    expect(it.sends.map(({ frame }) => [frame.wantBundles, frame.purpose])).toEqual([
      ["yes", "message"],
      ["yes", "message"],
      ["yes", "repair"],
      ["yes", "repair"],
    ]);
  });

  it("shows a stranger the host's grant, and another one if that was spent", async () => {
    const it = await outboxFixture();
    it.grants = ["spent", "fresh"];
    it.answer = async ({ frame }) => (frame.recipients[0]?.grant === "fresh" ? accepted : refuse("grantSpent"));
    await it.put(1);
    await quiet();
    expect(it.sends.map(({ frame }) => frame.recipients[0]?.grant)).toEqual(["spent", "fresh"]);
    expect(it.outcomes).toMatchObject([{ kind: "accepted" }]);
  });

  it.each(["requestPending", "notAllowed", "badGrant", "grantSpent"] as const)("gives up on %s", async (code) => {
    const it = await outboxFixture();
    it.answer = () => refuse(code);
    await it.put(1);
    const wordless = it.outbox.queue({ recipient: peer, type: "contact" });
    await it.store.commit(wordless.changes);
    wordless.sent();
    await quiet();
    expect(it.outcomes.map(({ kind, code }) => ({ kind, code }))).toEqual([
      { kind: "failed", code },
      { kind: "failed", code },
    ]);
    // What has an item can be tried again; the rest is dropped.
    expect(await it.store.list(range(keys.outboxAll, 10))).toHaveLength(1);
  });

  it("fails what is on its way and what waits once the relay knows this device no more", async () => {
    const it = await outboxFixture();
    it.answer = () => refuse("notAuthenticated");
    await it.put(1);
    await quiet();
    it.state = "ended";
    it.end = new SottoError("badCredentials");
    await it.put(2);
    await quiet();
    expect(it.outcomes.map(({ kind, code }) => ({ kind, code }))).toEqual([
      { kind: "failed", code: "badCredentials" },
      { kind: "failed", code: "badCredentials" },
    ]);
    expect(it.sends).toHaveLength(1);
  });

  it.each(["displaced", "unsupportedVersion", "rootRequired"] as const)(
    "leaves to the next client what %s ends",
    async (code) => {
      const it = await outboxFixture();
      it.answer = () => refuse(code);
      await it.put(1);
      await quiet();
      it.state = "ended";
      it.end = new SottoError(code);
      await it.put(2);
      await quiet();
      expect(it.outcomes).toEqual([]);
      expect(it.outbox.size).toBe(2);
    },
  );

  it("tells nobody the key that somebody was shut out by while it was franked for them", async () => {
    const it = await outboxFixture();
    it.whileFranking = async () => {
      await it.store.commit([it.peers.change({ ...(await it.peers.get(peer)), relation: "blocked" })]);
      it.handedOut = new Uint8Array(32).fill(9);
    };
    await it.put(1);
    await quiet();
    expect(decodePayload(it.sends[0]?.plaintext ?? new Uint8Array(0))).toMatchObject({ profileKey: undefined });
  });

  it("keeps a key back until the relay holds its delivery key, and then goes on", async () => {
    const it = await outboxFixture();
    it.handedOut = undefined;
    const queued = it.outbox.queue({ recipient: peer, type: "contact" });
    await it.store.commit(queued.changes);
    queued.sent();
    await quiet();
    expect(it.sends).toHaveLength(0);
    it.handedOut = new Uint8Array(32).fill(9);
    it.outbox.wake();
    await quiet();
    expect(decodePayload(it.sends[0]?.plaintext ?? new Uint8Array(0))).toMatchObject({ profileKey: it.handedOut });
  });

  it.each(["blocked", "declined", "received"] as const)("hands no key to somebody who is %s", async (relation) => {
    const it = await outboxFixture();
    await it.store.commit([it.peers.change({ ...(await it.peers.get(peer)), relation })]);
    await it.put(1);
    const queued = it.outbox.queue({ recipient: peer, type: "contact" });
    await it.store.commit(queued.changes);
    queued.sent();
    await quiet();
    expect(it.sends).toHaveLength(1);
    expect(decodePayload(it.sends[0]?.plaintext ?? new Uint8Array(0))).toMatchObject({ profileKey: undefined });
    expect(it.outcomes.at(-1)).toMatchObject({ kind: "failed", code: "notAllowed" });
  });

  it("sends own devices everything on the device's connection, one device alone if it is named", async () => {
    const it = await outboxFixture();
    it.ownOthers = [parseDeviceId(2), parseDeviceId(3)];
    const said = { recipient: me, type: "sent", peer, atMs: 5, body: Uint8Array.of(1) } as const;
    for (const order of [said, { ...said, device: parseDeviceId(3) }]) {
      const queued = it.outbox.queue(order);
      await it.store.commit(queued.changes);
      queued.sent();
    }
    await quiet();
    expect(
      it.sends.map(({ link, frame: { recipients } }) => [link, recipients[0]?.scope, recipients[0]?.envelopes.length]),
    ).toEqual([
      ["device", "all", 2],
      ["device", "listed", 1],
    ]);
    expect(decodePayload(it.sends[0]?.plaintext ?? new Uint8Array(0))).toMatchObject({ type: "sent", peer, atMs: 5 });
  });

  it("sends nothing at all for an account with one device, and says by the relay's clock when", async () => {
    const it = await outboxFixture();
    const queued = it.outbox.queue({ recipient: me, type: "sent", peer, atMs: 5, body: Uint8Array.of(1) });
    await it.store.commit(queued.changes);
    queued.sent();
    await quiet();
    expect(it.sends).toHaveLength(0);
    expect(it.outcomes).toMatchObject([{ kind: "accepted", acceptedMs: it.clock.now() + RELAY_AHEAD_MS }]);
  });

  it("keeps a profile key that the peer handed out while the former was being refused", async () => {
    const it = await outboxFixture();
    await holdProfileKey(it, 1);
    it.answer = async ({ deliveryKey }) => {
      if (deliveryKey === undefined) return { type: "accepted", id: 1, acceptedMs: 1 } as never;
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
      const row = { envelope, recipient: peer, type: "content", envelopes: [], body: Uint8Array.of(1) } as const;
      const atMs = it.clock.now() - (content < 650 ? 8 : 1) * DAY_MS;
      await it.store.commit([it.keptSends.keep({ ...row, createdMs: 0, state: "queued" }, { atMs, acceptedMs: atMs })]);
    }
    await it.keptSends.purge();
    expect(await it.store.list(range(keys.sentAll, 1_000))).toHaveLength(50);
  });
});
