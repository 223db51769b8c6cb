import { type Frame, keyDigest, SottoError } from "@sotto/protocol";
import { beforeAll, describe, expect, it } from "vitest";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { Prekeys } from "../../../../sdk/core/account/prekeys.js";
import type { Engine } from "../../../../sdk/core/ports.js";
import { eachRow, keys } from "../../../../sdk/core/rows.js";
import { libsignalEngine } from "../../../../sdk/engine/libsignal.js";
import { manualClock } from "../link/manual-clock.js";
import { ownRow } from "../outbox/fixture.js";
import { openSealed } from "../storage/fixture.js";

type Publication = Omit<Frame<"publishKeys">, "id">;
const DAY_MS = 24 * 3_600_000;
const FULL = { oneTimeCount: 100, kyberCount: 100 };

let engine: Engine;
beforeAll(async () => {
  engine = await libsignalEngine();
});

async function fixture() {
  const store = await openSealed();
  const clock = manualClock();
  const identity = engine.generateIdentity();
  const account = OwnAccount.create({
    ...ownRow(),
    identityPublic: identity.publicKey,
    identityPrivate: identity.privateKey,
  });
  const prekeys = new Prekeys({ store, account, engine, clock });
  await store.commit(prekeys.makeLongLived().changes);
  const published: Publication[] = [];
  const relay = { refusal: undefined as SottoError | undefined, beforeAnswer: async () => {} };
  const device = {
    request: async (frame: unknown): Promise<never> => {
      published.push(frame as Publication);
      await relay.beforeAnswer();
      if (relay.refusal !== undefined) throw relay.refusal;
      return { type: "done", id: 1 } as never;
    },
  };
  const idsOf = async (prefix: string) => {
    const ids: string[] = [];
    for await (const { key } of eachRow(store, prefix)) ids.push(key);
    return ids;
  };
  return { store, clock, account, prekeys, published, relay, link: { device }, idsOf };
}

describe("prekey upkeep", () => {
  it("believes no relay that claims more ids than this device can have given out, and goes on", async () => {
    const it = await fixture();
    const { nextPrekeyId } = it.account.current;
    await it.prekeys.keepUp(it.link, { oneTimeCount: 0, kyberCount: 0, highestPrekeyId: 0xff_ffff });
    expect(it.published[0]).toMatchObject({ oneTime: "add" });
    expect(it.account.current.nextPrekeyId).toBe(nextPrekeyId + 200);
  });

  it("goes on with the keys it has once lies have used up every id", async () => {
    const it = await fixture();
    it.account.skipPrekeyIds(0xff_ffff - 100);
    const before = it.account.current;
    const keepingUp = it.prekeys.keepUp(it.link, { oneTimeCount: 0, kyberCount: 0 });
    await expect(keepingUp).rejects.toMatchObject({ code: "badRelay" });
    expect(it.account.current).toEqual(before);
    expect((await it.prekeys.longLived()).signedPrekey.id).toBe(before.signedPrekeyId);
  });

  it("does nothing while enough are left and both sides agree", async () => {
    const it = await fixture();
    const { signedPrekey, lastResortPrekey } = await it.prekeys.longLived();
    const { identityPublic: identityKey, registrationId } = it.account.current;
    const digest = keyDigest({ identityKey, registrationId, signedPrekey, lastResortPrekey });
    await it.prekeys.keepUp(it.link, { ...FULL, keyDigest: digest });
    expect(it.published).toEqual([]);
  });

  it("fills up what is low, with private halves on disk before the relay hears of the public ones", async () => {
    const it = await fixture();
    let storedFirst = 0;
    it.relay.beforeAnswer = async () => {
      storedFirst = (await it.idsOf(keys.curvePrekeys)).length;
    };
    await it.prekeys.keepUp(it.link, { oneTimeCount: 0, kyberCount: 24 });
    const [publication] = it.published;
    expect(publication?.oneTimePrekeys).toHaveLength(100);
    expect(publication?.kyberPrekeys).toHaveLength(76);
    expect(publication?.signedPrekey).toBeUndefined();
    expect(storedFirst).toBe(100);
  });

  it("publishes the long-lived keys again when the relay has others", async () => {
    const it = await fixture();
    await it.prekeys.keepUp(it.link, { ...FULL, keyDigest: new Uint8Array(32) });
    const { signedPrekey } = await it.prekeys.longLived();
    expect(it.published[0]?.signedPrekey?.id).toBe(signedPrekey.id);
  });

  it("replaces every key, with ids above all there ever were, when a later state published some", async () => {
    const it = await fixture();
    await it.prekeys.keepUp(it.link, { ...FULL, highestPrekeyId: 5_000 });
    const [publication] = it.published;
    expect(publication?.oneTime).toBe("replace");
    expect([publication?.oneTimePrekeys.length, publication?.kyberPrekeys.length]).toEqual([100, 100]);
    const ids = [
      publication?.signedPrekey?.id,
      publication?.lastResortPrekey?.id,
      ...(publication?.oneTimePrekeys ?? []).map(({ id }) => id),
      ...(publication?.kyberPrekeys ?? []).map(({ id }) => id),
    ];
    expect(Math.min(...ids.map((id) => id ?? 0))).toBeGreaterThan(5_000);
    expect(new Set(ids).size).toBe(202);
  });

  it("replaces one-time keys again where the relay shows that the replacement did not arrive", async () => {
    const it = await fixture();
    await it.prekeys.keepUp(it.link, { ...FULL, keyDigest: new Uint8Array(32) });
    expect(it.published.map(({ oneTime, oneTimePrekeys }) => [oneTime, oneTimePrekeys.length])).toEqual([
      ["replace", 100],
    ]);
  });

  it("replaces the long-lived keys after two days, and still holds the former ones for mail on its way", async () => {
    const it = await fixture();
    const before = await it.prekeys.longLived();
    await it.clock.advance(2 * DAY_MS + 1);
    await it.prekeys.keepUp(it.link, FULL);
    const after = await it.prekeys.longLived();
    expect(after.signedPrekey.id).toBeGreaterThan(before.signedPrekey.id);
    expect(it.published[0]?.signedPrekey?.id).toBe(after.signedPrekey.id);
    expect(await it.store.get(keys.signedPrekey(before.signedPrekey.id))).toBeDefined();
  });

  it("gives no id twice, also when it rotates and fills up at once and is then started again", async () => {
    const it = await fixture();
    await it.clock.advance(2 * DAY_MS + 1);
    await it.prekeys.keepUp(it.link, { oneTimeCount: 0, kyberCount: 0 });
    const [publication] = it.published;
    const highest = Math.max(...(publication?.kyberPrekeys.map(({ id }) => id) ?? []));
    const again = await OwnAccount.load(it.store);
    expect(again?.current.nextPrekeyId).toBeGreaterThan(highest);
    expect(again?.current).toEqual(it.account.current);
  });

  it("publishes the same keys again after a failure instead of leaving some behind with each", async () => {
    const it = await fixture();
    it.relay.refusal = new SottoError("offline");
    for (let time = 0; time < 3; time++) {
      await expect(it.prekeys.keepUp(it.link, { oneTimeCount: 0, kyberCount: 0 })).rejects.toThrow(/offline/);
    }
    it.relay.refusal = undefined;
    await it.prekeys.keepUp(it.link, { oneTimeCount: 0, kyberCount: 0 });
    expect(new Set(it.published.map(({ oneTimePrekeys }) => oneTimePrekeys[0]?.id)).size).toBe(1);
    expect(await it.idsOf(keys.curvePrekeys)).toHaveLength(100);
    await it.prekeys.keepUp(it.link, { oneTimeCount: 0, kyberCount: 100 });
    expect(await it.idsOf(keys.curvePrekeys)).toHaveLength(200);
  });

  it("runs once at a time", async () => {
    const it = await fixture();
    const seen = { oneTimeCount: 0, kyberCount: 100 };
    await Promise.all([1, 2, 3].map(() => it.prekeys.keepUp(it.link, seen)));
    expect(it.published).toHaveLength(1);
  });

  it("forgets keys that were replaced or handed out more than a month ago, but none that the relay can still have", async () => {
    const it = await fixture();
    const first = await it.prekeys.longLived();
    for (let round = 0; round < 5; round++) await it.prekeys.keepUp(it.link, { oneTimeCount: 0, kyberCount: 100 });
    const all = await it.idsOf(keys.curvePrekeys);
    expect(all).toHaveLength(500);
    await it.clock.advance(32 * DAY_MS);
    await it.prekeys.keepUp(it.link, FULL);
    expect(await it.idsOf(keys.curvePrekeys)).toEqual(all.slice(-300));
    expect(await it.store.get(keys.signedPrekey(first.signedPrekey.id))).toBeUndefined();
    expect(await it.store.get(keys.kyberPrekey(first.lastResortPrekey.id))).toBeUndefined();
    expect((await it.prekeys.longLived()).signedPrekey.signature).toHaveLength(64);
  });
});

describe("the own account", () => {
  it("is left as it was by a change out of bounds", async () => {
    const { account } = await fixture();
    expect(() => account.change({ name: "x".repeat(300) })).toThrow(SottoError);
    expect(account.current.name).toBeUndefined();
    account.reservePrekeyIds(1);
  });
});
