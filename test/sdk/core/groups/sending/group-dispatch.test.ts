import { deriveDeliveryKey, hashDeliveryKey, parseDeviceId, SottoError } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { deferred } from "../../../../../sdk/core/deferred.js";
import { type Attempted, Lane, SendWindow } from "../../../../../sdk/core/outbox/lane.js";
import { eachRow, keys } from "../../../../../sdk/core/rows.js";
import { quiet } from "../../outbox/fixture.js";
import { me } from "../../people.js";
import { rowFor, sendingFixture, together } from "./fixture.js";
import { accountOf, group, hashOf, identityOf, snapshotOf } from "./snapshots.js";

const [ada, bob, cleo, dan] = [accountOf(1), accountOf(2), accountOf(3), accountOf(4)] as const;

type Fixture = Awaited<ReturnType<typeof sendingFixture>>;

/** A group of three whose devices the relay knows. */
async function three() {
  const it = await sendingFixture([cleo, bob]);
  it.relay.add(bob, [1, 11]);
  it.relay.add(cleo, [1, 21], [2, 22]);
  return it;
}

describe("a word to a group", () => {
  it("goes once to all devices of all others, in one message, after each was handed the key", async () => {
    const it = await three();
    expect(await it.send(rowFor(1))).toMatchObject({ kind: "accepted", inGroup: { leftOut: [] } });
    expect(it.relay.of("sendGroup")).toHaveLength(1);
    expect(it.said().to).toEqual(["00000002.1/11", "00000003.1/21", "00000003.2/22"]);
    expect(it.said().payload).toMatchObject({ type: "content", group: it.logs.standing(), profileKey: undefined });
    const { distribution } = it.said();
    expect(it.handed().map(({ to, devices, distribution: key }) => [to, devices, key])).toEqual(
      expect.arrayContaining([
        [bob, [1], distribution],
        [cleo, [1, 2], distribution],
      ]),
    );
    expect(it.handed()).toHaveLength(2);
  });

  it("hands no key over twice, in this run or in the next", async () => {
    const it = await three();
    await it.send(rowFor(1));
    await it.send(rowFor(2));
    const next = await sendingFixture([bob, cleo], it.store, it.relay);
    expect(await next.send(rowFor(3))).toMatchObject({ kind: "accepted" });
    expect(it.handed()).toHaveLength(2);
    expect(new Set([-1, -2, -3].map((at) => it.said(at).distribution)).size).toBe(1);
  });

  it("never uses a place of its key twice, also after a crash before anything left", async () => {
    const it = await three();
    it.relay.before = async ({ type }) => {
      if (type === "sendGroup") throw new SottoError("offline");
    };
    expect(await it.attempt(rowFor(1))).toMatchObject({ kind: "again" });
    it.relay.before = async () => {};
    const next = await sendingFixture([bob, cleo], it.store, it.relay);
    await next.send(rowFor(1));
    const iterations = it.relay.of("sendGroup").map(({ message }) => JSON.parse(new TextDecoder().decode(message)));
    expect(iterations.map(({ iteration }) => iteration)).toEqual([0, 1]);
    expect(it.relay.of("sendGroup").map(({ messageId }) => messageId)).toEqual([
      rowFor(1).envelope,
      rowFor(1).envelope,
    ]);
  });

  it("is accepted at once where there is nobody else", async () => {
    const it = await sendingFixture([]);
    expect(await it.send(rowFor(1))).toMatchObject({ kind: "accepted", acceptedMs: it.clock.now() });
    expect(it.relay.requests).toEqual([]);
  });

  it("says of a change only how far the log was read", async () => {
    const it = await three();
    await it.send(rowFor(1, { type: "groupChange", body: new Uint8Array(0) }));
    expect(it.said().payload).toEqual({ type: "groupChange", group: it.logs.standing() });
  });

  it("fails for who left, and for who may not write, before anything is encrypted", async () => {
    const it = await three();
    it.log.read = snapshotOf(group, [{ account: bob }]);
    expect(await it.send(rowFor(1))).toMatchObject({ kind: "failed", error: { code: "groupLeft" } });
    it.log.read = { ...it.log.read, status: "waiting" };
    expect(await it.send(rowFor(1))).toMatchObject({ kind: "failed", error: { code: "groupDenied" } });
    it.log.read = snapshotOf(group, [{ account: me }, { account: bob, role: "owner" }], { write: "admins" });
    expect(await it.send(rowFor(1))).toMatchObject({ kind: "failed", error: { code: "groupDenied" } });
    expect(await it.send(rowFor(2, { type: "groupChange", body: new Uint8Array(0) }))).toMatchObject({
      kind: "accepted",
    });
    it.relay.requests.length = 0;
    expect(await it.send(rowFor(3))).toMatchObject({ kind: "failed" });
    expect(it.relay.requests).toEqual([]);
  });

  it("fails for good if the community allows fewer recipients", async () => {
    const it = await three();
    it.relay.before = async ({ type }) => {
      if (type === "sendGroup") throw new SottoError("tooManyRecipients");
    };
    expect(await it.send(rowFor(1))).toMatchObject({ kind: "failed", error: { code: "tooManyRecipients" } });
  });
});

describe("a group that changed meanwhile", () => {
  it("is read and written to anew when its log moved, with whoever came and without whoever went", async () => {
    const it = await three();
    await it.send(rowFor(1));
    const { distribution } = it.said();
    it.relay.add(dan, [1, 31]);
    it.change([bob, dan], { audience: 1 });
    expect(await it.send(rowFor(2))).toMatchObject({ kind: "accepted", inGroup: { standing: { revision: 10 } } });
    expect(it.said().to).toEqual(["00000002.1/11", "00000004.1/31"]);
    expect(it.said().payload).toMatchObject({ group: { revision: 10 } });
    expect(it.said().distribution).not.toBe(distribution);
    expect(
      it
        .handed(2)
        .map(({ to }) => to)
        .sort(),
    ).toEqual([bob, dan]);
  });

  it("keeps its key when somebody joins, who gets it from where it is", async () => {
    const it = await three();
    await it.send(rowFor(1));
    const { distribution } = it.said();
    it.relay.add(dan, [1, 31]);
    it.change([bob, cleo, dan]);
    await it.send(rowFor(2));
    expect(it.said().distribution).toBe(distribution);
    // The word that was refused moved the key on, too.
    expect(it.handed(2)).toEqual([{ to: dan, devices: [1], distribution, iteration: 2 }]);
  });

  it("repairs all that one answer names in one go: the next try goes through", async () => {
    const it = await three();
    it.relay.add(dan, [1, 31]);
    it.log.read = snapshotOf(
      group,
      [me, bob, cleo, dan].map((account) => ({ account })),
    );
    await it.send(rowFor(1));
    it.relay.accounts.get(bob)?.devices.set(2, 12);
    it.relay.accounts.get(cleo)?.devices.set(3, 23);
    it.relay.accounts.get(dan)?.devices.set(2, 32);
    const before = it.relay.of("sendGroup").length;
    expect(await it.send(rowFor(2))).toMatchObject({ kind: "accepted" });
    expect(it.relay.of("sendGroup").length - before).toBe(2);
    expect(it.relay.of("fetchBundles")).toHaveLength(3);
    expect(it.said().to).toContain("00000003.3/23");
  });

  it.each([
    ["is gone", (devices: Map<number, number>) => void devices.delete(2)],
    ["is another by now", (devices: Map<number, number>) => void devices.set(2, 99)],
  ])("uses a new key once a member's device %s, so that it does not read on", async (_what, change) => {
    const it = await three();
    await it.send(rowFor(1));
    const { distribution } = it.said();
    const cleos = it.relay.accounts.get(cleo);
    if (cleos !== undefined) change(cleos.devices);
    expect(await it.send(rowFor(2))).toMatchObject({ kind: "accepted" });
    expect(it.said().distribution).not.toBe(distribution);
    expect(
      it
        .handed()
        .filter((one) => one.distribution === it.said().distribution)
        .map(({ to }) => to)
        .sort(),
    ).toEqual([bob, cleo]);
    // Nothing is left of the former one.
    const own: string[] = [];
    for await (const { key } of eachRow(it.store, keys.senderKeysOf(it.store, me, 1))) own.push(key);
    expect(own).toHaveLength(1);
  });

  it("signs for no other log than the one it encrypted for", async () => {
    const it = await three();
    await it.send(rowFor(1));
    const { signSend } = it.logs;
    let isRead = false;
    it.logs.signSend = () => {
      if (!isRead) {
        isRead = true;
        it.change([bob], { audience: 1 });
        it.log.read = it.log.next ?? it.log.read;
      }
      return signSend();
    };
    expect(await it.send(rowFor(2))).toMatchObject({ kind: "accepted" });
    expect(it.relay.of("sendGroup")).toHaveLength(2);
    expect(it.said().to).toEqual(["00000002.1/11"]);
  });

  it("asks the log where its signature is refused, and gives up if that knows nothing new", async () => {
    const it = await three();
    it.relay.before = async ({ type, revision }) => {
      if (type === "sendGroup" && revision !== it.relay.seq) throw new SottoError("notAllowed");
    };
    it.change([bob, cleo]);
    expect(await it.send(rowFor(1))).toMatchObject({ kind: "accepted" });
    it.relay.before = async ({ type }) => {
      if (type === "sendGroup") throw new SottoError("groupNotFound");
    };
    expect(await it.send(rowFor(2))).toMatchObject({ kind: "failed", error: { code: "groupNotFound" } });
  });
});

describe("a member that cannot be written to", () => {
  it("is read about in the log once, and written to under the key that is found there", async () => {
    const it = await three();
    await it.send(rowFor(1));
    const fresh = new Uint8Array(32).fill(7);
    const cleos = it.relay.accounts.get(cleo);
    if (cleos !== undefined) cleos.hash = fresh;
    it.log.next = snapshotOf(group, [{ account: me }, { account: bob }, { account: cleo, deliveryKeyHash: fresh }]);
    expect(await it.send(rowFor(2))).toMatchObject({ kind: "accepted", inGroup: { leftOut: [] } });
    expect(it.relay.of("sendGroup")).toHaveLength(3);
    expect(it.said().to).toHaveLength(3);
  });

  it("is left out where the log knows no better, and mutes nobody; the next word does not even try", async () => {
    const it = await three();
    await it.send(rowFor(1));
    const cleos = it.relay.accounts.get(cleo);
    if (cleos !== undefined) cleos.hash = new Uint8Array(32).fill(7);
    expect(await it.send(rowFor(2))).toMatchObject({ kind: "accepted", inGroup: { leftOut: [cleo] } });
    expect(it.said().to).toEqual(["00000002.1/11"]);
    const before = it.relay.requests.length;
    expect(await it.send(rowFor(3))).toMatchObject({ kind: "accepted", inGroup: { leftOut: [cleo] } });
    expect(it.relay.requests.length - before).toBe(1);
    await it.clock.advance(60_001);
    if (cleos !== undefined) cleos.hash = hashOf(cleo);
    expect(await it.send(rowFor(4))).toMatchObject({ kind: "accepted", inGroup: { leftOut: [] } });
  });

  it("is left out already when it cannot be handed the key", async () => {
    const it = await three();
    const cleos = it.relay.accounts.get(cleo);
    if (cleos !== undefined) cleos.hash = new Uint8Array(32).fill(7);
    expect(await it.send(rowFor(1))).toMatchObject({ kind: "accepted", inGroup: { leftOut: [cleo] } });
    expect(it.log.syncs).toBe(1);
    expect(it.handed().map(({ to }) => to)).toEqual([bob]);
  });

  it("is written to under the key it handed out as a contact, where the log is behind", async () => {
    const it = await three();
    const profileKey = new Uint8Array(32).fill(5);
    await it.store.commit([it.peers.change({ ...(await it.peers.get(cleo)), relation: "accepted", profileKey })]);
    const cleos = it.relay.accounts.get(cleo);
    if (cleos !== undefined) cleos.hash = hashDeliveryKey(deriveDeliveryKey(profileKey));
    expect(await it.send(rowFor(1))).toMatchObject({ kind: "accepted", inGroup: { leftOut: [] } });
  });

  it.each(["mailboxFull", "badRelay"] as const)(
    "is left out while %s stands in its way, and mutes nobody",
    async (code) => {
      const it = await three();
      it.relay.before = async ({ type, recipients }) => {
        if (type === "send" && recipients?.[0]?.account === cleo) throw new SottoError(code);
      };
      expect(await it.send(rowFor(1))).toMatchObject({ kind: "accepted", inGroup: { leftOut: [cleo] } });
      expect(it.said().to).toEqual(["00000002.1/11"]);
    },
  );

  it("keeps the word waiting where it is the only other one", async () => {
    const it = await sendingFixture([bob]);
    it.relay.add(bob, [1, 11]).hash = new Uint8Array(32).fill(7);
    expect(await it.send(rowFor(1))).toEqual({ kind: "again", afterMs: undefined });
    expect(it.relay.of("sendGroup")).toEqual([]);
  });

  it("is encrypted nothing to if its identity is another than the log's, and is not written to one by one either", async () => {
    const it = await three();
    const cleos = it.relay.accounts.get(cleo);
    if (cleos !== undefined) cleos.identity = identityOf(ada);
    expect(await it.send(rowFor(1))).toMatchObject({ kind: "accepted", inGroup: { leftOut: [] } });
    expect(it.said().to).toEqual(["00000002.1/11"]);
    expect(it.handed().map(({ to }) => to)).toEqual([bob]);
    expect(it.counters.snapshot()).toMatchObject({ groupMembersLeftOut: 1 });
  });

  it("loses the key once it started over under another identity", async () => {
    const it = await three();
    await it.send(rowFor(1));
    const { distribution } = it.said();
    const row = await it.peers.get(cleo);
    await it.store.commit([it.peers.change({ ...row, identityKey: identityOf(ada) })]);
    await it.send(rowFor(2));
    expect(it.said().to).toEqual(["00000002.1/11"]);
    expect(it.said().distribution).not.toBe(distribution);
  });

  it("fails what nobody is left for whose identity is the log's", async () => {
    const it = await sendingFixture([bob]);
    it.relay.add(bob, [1, 11]).identity = identityOf(ada);
    expect(await it.send(rowFor(1))).toMatchObject({ kind: "failed", error: { code: "identityChanged" } });
  });

  it("believes no answer about accounts that were not written to", async () => {
    const it = await three();
    await it.send(rowFor(1));
    const known = await it.peers.get(dan);
    const wrong = { account: dan, missing: [parseDeviceId(1)], extra: [], stale: [] };
    const bundles = [{ account: dan, identityKey: identityOf(ada), devices: [] }];
    const answer = { type: "deviceMismatch", id: 1, accounts: [wrong], denied: [], bundles } as const;
    it.relay.lie = ({ type }) => (type === "sendGroup" ? answer : undefined);
    const before = it.relay.requests.length;
    expect(await it.attempt(rowFor(2))).toMatchObject({ kind: "again" });
    it.relay.lie = ({ type }) =>
      type === "sendGroup" ? { ...answer, accounts: [], bundles: [], denied: [dan] } : undefined;
    expect(await it.attempt(rowFor(3))).toMatchObject({ kind: "again" });
    expect(await it.peers.get(dan)).toEqual(known);
    expect(it.log.syncs).toBe(0);
    expect(it.relay.requests.slice(before).map(({ type }) => type)).toEqual(["sendGroup", "sendGroup"]);
  });
});

describe("handing keys over", () => {
  it("is done for at most sixteen members at once, and for each of many", async () => {
    const members = Array.from({ length: 50 }, (_, at) => accountOf(at + 1));
    const it = await sendingFixture(members);
    for (const member of members) it.relay.add(member, [1, 5]);
    it.relay.before = async () => {
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    };
    expect(await it.send(rowFor(1))).toMatchObject({ kind: "accepted" });
    expect(it.relay.widest).toBeLessThanOrEqual(16);
    expect(it.relay.widest).toBeGreaterThan(4);
    expect(it.said().to).toHaveLength(50);
  });

  it("mends the device list of each with what the answer brought", async () => {
    const it = await three();
    await it.send(rowFor(1));
    it.relay.accounts.get(bob)?.devices.set(2, 12);
    it.change([bob, cleo], { audience: 1 });
    it.log.read = it.log.next ?? it.log.read;
    expect(await it.send(rowFor(2))).toMatchObject({ kind: "accepted" });
    expect(it.said().to).toContain("00000002.2/12");
    expect(it.relay.of("fetchBundles")).toHaveLength(2);
  });

  it("goes on later where the relay is not reached, and starts nothing new when the client closes", async () => {
    const it = await three();
    it.relay.before = async ({ type }) => {
      if (type === "send") throw new SottoError("offline");
    };
    expect(await it.attempt(rowFor(1))).toMatchObject({ kind: "again" });
    it.relay.before = async () => {};
    it.dispatch.close();
    expect(await it.attempt(rowFor(1))).toMatchObject({ kind: "again" });
    expect(it.relay.of("sendGroup")).toEqual([]);
  });

  it("is remembered, so that who could not open it is handed it once more", async () => {
    const it = await three();
    await it.send(rowFor(1));
    const [request] = it.relay.of("send");
    const to = request?.recipients?.[0]?.account;
    expect(await it.keptSends.get(request?.messageId ?? new Uint8Array())).toMatchObject({
      ...{ recipient: to, group, type: "senderKey" },
    });
  });

  it("is made good for one member alone, under the row's own send id", async () => {
    const it = await three();
    const again = { ...rowFor(7, { type: "senderKey", body: new Uint8Array(0) }), recipient: bob };
    expect(await (await it.dispatch.hand(again)).attempted).toMatchObject({ kind: "accepted" });
    expect(it.relay.requests).toEqual([]);
    await it.send(rowFor(1));
    const before = it.relay.of("send").length;
    expect(await (await it.dispatch.hand(again)).attempted).toMatchObject({ kind: "accepted" });
    expect(it.handed(before)).toMatchObject([{ to: bob, distribution: it.said().distribution, iteration: 1 }]);
    expect(it.relay.of("send").at(-1)?.messageId).toEqual(again.envelope);
    const stranger = { ...again, recipient: dan };
    expect(await (await it.dispatch.hand(stranger)).attempted).toMatchObject({ error: { code: "groupLeft" } });
  });
});

/** Two words leave in one window: the first is answered once both did, the second as is said. */
async function bothLeave(it: Awaited<ReturnType<typeof three>>, window: SendWindow, second: () => Promise<void>) {
  const bothLeft = deferred<void>();
  let sends = 0;
  it.relay.before = async ({ type }) => {
    if (type !== "sendGroup") return;
    sends += 1;
    if (sends === 1) return bothLeft.promise;
    bothLeft.resolve();
    return second();
  };
  return {
    first: await it.dispatch.begin(rowFor(2), together(window)),
    second: await it.dispatch.begin(rowFor(3), together(window)),
  };
}

/** A lane that sends rows by their number, the third and all behind it once `heard`, and what the relay took, in its order. */
function laneTo({ dispatch, clock }: Fixture, heard: Promise<void>) {
  const taken: { readonly order: number; readonly acceptedMs: number }[] = [];
  const lane = new Lane<undefined>({
    ...{ clock, repairsAtOnce: 4, access: async () => undefined },
    begin: async (order, passage) => {
      if (order > 3) await heard;
      const { attempted } = await dispatch.begin(rowFor(order), passage);
      const concluded = attempted.then((outcome): Attempted => {
        if (outcome.kind === "again") return outcome;
        if (outcome.kind === "accepted") taken.push({ order, acceptedMs: outcome.acceptedMs });
        return { kind: "done" };
      });
      return { attempted: concluded };
    },
    failed: (error) => expect.fail(String(error)),
  });
  const inOrder = () => taken.sort((one, other) => one.acceptedMs - other.acceptedMs).map(({ order }) => order);
  return { lane, inOrder };
}

describe("words to a group that are on their way together", () => {
  it("are called back when an earlier one has to go again", async () => {
    const it = await three();
    await it.send(rowFor(1));
    it.change([bob, cleo]);
    const window = new SendWindow();
    const [first, second] = [
      await it.dispatch.begin(rowFor(2), together(window)),
      await it.dispatch.begin(rowFor(3), together(window)),
    ];
    expect(await first.attempted).toMatchObject({ kind: "again", afterMs: 0 });
    expect(await second.attempted).toMatchObject({ kind: "again" });
    expect(window.aborted).toBe(true);
    expect(it.log.syncs).toBe(1);
  });

  it("all go again where one finds that the log moved, and the next is refused for a former epoch's signature", async () => {
    const it = await three();
    await it.send(rowFor(1));
    it.change([bob, cleo]);
    const moved = deferred<void>();
    const { first, second } = await bothLeave(it, new SendWindow(), async () => {
      await moved.promise;
      throw new SottoError("groupNotFound");
    });
    expect(await first.attempted).toMatchObject({ kind: "again" });
    moved.resolve();
    expect(await second.attempted).toMatchObject({ kind: "again", afterMs: 0 });
    expect(it.relay.of("sendGroup")).toHaveLength(3);
  });

  it("that had left are answered, although what waits behind the one that finds the log moved is called back", async () => {
    const it = await three();
    await it.send(rowFor(1));
    const window = new SendWindow();
    const calledBack = deferred<void>();
    it.relay.lie = ({ type }) =>
      type === "sendGroup" && !window.aborted ? { type: "groupMoved", id: 1, seq: 9 } : undefined;
    window.addEventListener("abort", () => calledBack.resolve());
    const { first, second } = await bothLeave(it, window, () => calledBack.promise);
    expect(await first.attempted).toMatchObject({ kind: "again", afterMs: 0 });
    expect(await second.attempted).toMatchObject({ kind: "accepted" });
    expect(await (await it.dispatch.begin(rowFor(4), together(window))).attempted).toMatchObject({ kind: "again" });
    expect(it.relay.of("sendGroup")).toHaveLength(3);
  });

  it.each([
    {
      what: "an entry that was heard of elsewhere",
      change: (it: Fixture) => {
        it.change([bob, cleo]);
        it.log.read = it.log.next ?? it.log.read;
      },
    },
    {
      what: "a device that was heard of elsewhere",
      change: (it: Fixture) => it.relay.accounts.get(bob)?.devices.set(2, 12),
      heard: async (it: Fixture) => it.sessions.open(bob, [], await it.fellows.of(group, bob)),
    },
  ])("are not overtaken by those that are said with $what", async ({ change, heard }) => {
    const it = await three();
    await it.send(rowFor(1));
    const [isHeard, answered] = [deferred<void>(), deferred<void>()];
    let left = 0;
    it.relay.before = async ({ type }) => {
      if (type !== "sendGroup") return;
      left += 1;
      if (left > 2) return;
      if (left === 2) {
        change(it);
        await heard?.(it);
        isHeard.resolve();
      }
      await answered.promise;
    };
    const { lane, inOrder } = laneTo(it, isHeard.promise);
    const orders = [2, 3, 4, 5];
    for (const order of orders) lane.add(order);
    await quiet(200);
    answered.resolve();
    await quiet(200);
    expect(inOrder()).toEqual(orders);
  });
});
