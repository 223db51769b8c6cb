import { EPOCH_MS, epochOf, fromHex, toHex, tokenName } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deferred } from "../../../../sdk/core/deferred.js";
import { judgeRealm, readRealm } from "../../../../sdk/core/franking/realm-document.js";
import { decodeRow, encodeRow, keys } from "../../../../sdk/core/rows.js";
import { NOW_MS, secretOf } from "../../../support/franking/realm.js";
import { clientVerify, signerOf } from "../../../support/franking/signatures.js";
import { SmallDesk } from "../../../support/franking/small-desk.js";
import { connect, frankingFixture, quiet, speaker } from "./fixture.js";

const POLL_MS = 15 * 60_000;

describe("the realm", () => {
  it("is taken when it is the pinned one, and held over a restart without asking", async () => {
    const desk = new SmallDesk(speaker, () => NOW_MS);
    const first = await frankingFixture({ desk, pinned: desk.pin });
    first.isDevelopment = false;
    expect(first.realm.isKnown).toBe(false);
    await connect(first);
    await first.realm.known();
    expect(first.realm.id).toEqual(desk.small.realm);
    expect(first.realm.statement).toContain("moderators");

    const second = await frankingFixture({ store: first.store, desk, pinned: desk.pin });
    expect(second.realm.isKnown).toBe(true);
    await second.realm.known();
  });

  it("of another root than the pinned one is refused, and what is said fails for that", async () => {
    const other = new SmallDesk(speaker, () => NOW_MS, "other");
    const fixture = await frankingFixture({ pinned: other.pin });
    await connect(fixture);
    expect(fixture.realm.isKnown).toBe(false);
    expect(fixture.realm.refusal?.code).toBe("wrongRealm");
    expect(() => fixture.realm.id).toThrow("wrongRealm");
    expect(fixture.counters.snapshot().realmRefused).toBe(1);
  });

  it("has to be pinned unless the relay is for development", async () => {
    const fixture = await frankingFixture();
    fixture.isDevelopment = false;
    await connect(fixture);
    expect(fixture.realm.refusal?.code).toBe("realmRequired");
    expect(await fixture.store.get(keys.realm)).toBeUndefined();
  });

  it("is trusted on first use in development, and another one is not taken after", async () => {
    const fixture = await frankingFixture();
    await connect(fixture);
    const other = new SmallDesk(speaker, () => NOW_MS, "other");
    const next = await frankingFixture({ store: fixture.store, desk: other });
    await connect(next);
    expect(next.realm.id).toEqual(fixture.desk.small.realm);
    expect(next.counters.snapshot().realmRefused).toBe(1);
    expect(next.realm.refusal).toBeUndefined();
  });

  it("of another root is known for that, whatever else is wrong with it", () => {
    const [one, other] = ["realm", "other"].map((name) => new SmallDesk(speaker, () => NOW_MS, name));
    if (one === undefined || other === undefined) throw new Error("no desks");
    const how = { pinned: undefined, verify: clientVerify };
    const held = readRealm(one.document(), clientVerify);
    other.number = 9;
    expect(judgeRealm(held, other.document(), how)).toEqual({ kind: "refused", reason: "otherRoot" });
    expect(judgeRealm(held, one.document(), how)).toMatchObject({ kind: "taken" });
    expect(judgeRealm(held, Uint8Array.of(1), how)).toEqual({ kind: "refused", reason: "malformed" });
  });

  it("is given up when the app pins another one", async () => {
    const fixture = await frankingFixture();
    await connect(fixture);
    const other = new SmallDesk(speaker, () => NOW_MS, "other");
    const next = await frankingFixture({ store: fixture.store, desk: other, pinned: other.pin });
    expect(next.realm.isKnown).toBe(false);
    await connect(next);
    expect(next.realm.id).toEqual(other.small.realm);
  });

  it("does not go back to an older manifest or an older feed", async () => {
    const fixture = await frankingFixture();
    fixture.desk.number = 5;
    await connect(fixture);
    fixture.desk.number = 3;
    await connect(fixture);
    expect(fixture.realm.current.number).toBe(5);
    fixture.desk.number = 5;
    fixture.desk.feedMs -= 1;
    await connect(fixture);
    expect(fixture.counters.snapshot().realmRefused).toBe(2);
    fixture.desk.number = 7;
    fixture.desk.feedMs += 2;
    await connect(fixture);
    expect(fixture.realm.current.number).toBe(7);
  });

  it("is asked for once more where news of it comes while an older answer is on its way", async () => {
    const desk = new SmallDesk(speaker, () => NOW_MS);
    const { request } = desk;
    const arrived = deferred<void>();
    let asks = 0;
    const late: typeof request = async (frame) => {
      const answer = await request(frame);
      if (frame.type === "fetchRealm") asks += 1;
      if (asks === 1) await arrived.promise;
      return answer;
    };
    const { realm } = await frankingFixture({ desk: Object.assign(desk, { request: late }) });
    realm.wake();
    await quiet();
    const name = new Uint8Array(8).fill(3);
    desk.revoked = [name];
    desk.feedMs += 1;
    realm.wake();
    realm.wake();
    arrived.resolve();
    await quiet();
    expect(realm.isRevoked(name)).toBe(true);
    expect(asks).toBe(2);
  });

  it("is refused whole where a byte of it is another", async () => {
    const fixture = await frankingFixture();
    const { desk } = fixture;
    const document = desk.document();
    desk.document = () => document.map((byte, at) => (at === 100 ? byte ^ 1 : byte));
    await connect(fixture);
    expect(fixture.realm.isKnown).toBe(false);
    expect(fixture.counters.snapshot().realmRefused).toBe(1);
    expect(fixture.failures).toEqual([]);
  });

  it("is refused with another statement than its manifest names, or a feed that the desk did not sign", async () => {
    const fixture = await frankingFixture();
    const { desk } = fixture;
    desk.shownStatement = "Moderators can do nothing here.";
    await connect(fixture);
    expect(fixture.realm.isKnown).toBe(false);
    const shown = await frankingFixture();
    shown.desk.feedSigner = signerOf(secretOf("the relay"));
    await connect(shown);
    expect(shown.realm.isKnown).toBe(false);
    expect(shown.counters.snapshot().realmRefused).toBe(1);
  });

  it("hears of revoked tokens within a quarter of an hour", async () => {
    const fixture = await frankingFixture();
    await connect(fixture);
    const name = tokenName(secretOf("a token"));
    expect(fixture.realm.isRevoked(name)).toBe(false);
    fixture.desk.revoked = [name];
    fixture.desk.feedMs += 1;
    await fixture.clock.advance(POLL_MS);
    await quiet();
    expect(fixture.realm.isRevoked(name)).toBe(true);
    expect(fixture.realm.isRevoked(fromHex(toHex(name).replace(/^./, "0").replace(/.$/, "1")))).toBe(false);
  });

  it("finds every name in a feed of any length, and no other", () => {
    const name = fc.uint8Array({ minLength: 8, maxLength: 8 });
    const desk = new SmallDesk(speaker, () => NOW_MS);
    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 70, selector: toHex }), name, (names, other) => {
        desk.revoked = names;
        const held = readRealm(desk.document(), clientVerify);
        if (held === undefined) throw new Error("a good document");
        for (const one of names) expect(held.isNamed(one)).toBe(true);
        expect(held.isNamed(other)).toBe(names.some((one) => toHex(one) === toHex(other)));
      }),
      { numRuns: 50 },
    );
  });

  it("asks once more for an epoch it does not know, and not again for what it asked about", async () => {
    const fixture = await frankingFixture();
    await connect(fixture);
    const { realm, desk, clock } = fixture;
    const tomorrow = epochOf(NOW_MS) + 2;
    const atMs = tomorrow * EPOCH_MS;
    expect(realm.covers(atMs)).toBe(false);
    expect(realm.epochKey(tomorrow, atMs)).toBeUndefined();
    clock.setNow(atMs + 1_000);
    desk.feedMs = atMs;
    expect(await realm.ensure(atMs)).toBe("covered");
    expect(realm.epochKey(tomorrow, atMs)).toEqual(desk.small.issuer(tomorrow).publicKey);
    expect(realm.epochKey(tomorrow, atMs - EPOCH_MS)).toBeUndefined();

    let asks = 0;
    const { document } = SmallDesk.prototype;
    desk.document = () => {
      asks += 1;
      return document.call(desk);
    };
    await clock.advance(10_000);
    const before = atMs - 60 * EPOCH_MS;
    expect(await realm.ensure(before)).toBe("unknown");
    expect(asks).toBe(0);
    expect(realm.covers(atMs, epochOf(before))).toBe(true);
  });

  it("says that nobody could be asked while the relay is away", async () => {
    const fixture = await frankingFixture();
    fixture.link = "waiting";
    expect(await fixture.realm.ensure(NOW_MS)).toBe("unreached");
    fixture.link = "ready";
    fixture.desk.available = "no";
    expect(await fixture.realm.ensure(NOW_MS)).toBe("unreached");
    fixture.desk.available = "yes";
    await fixture.clock.advance(30_000);
    await quiet();
    expect(fixture.realm.isKnown).toBe(true);
  });

  it("takes no stored realm that does not check", async () => {
    const fixture = await frankingFixture();
    await connect(fixture);
    const { store } = fixture;
    const { document } = decodeRow("realm", (await store.get(keys.realm)) as Uint8Array);
    const broken = document.map((byte, at) => (at === 100 ? byte ^ 1 : byte));
    await store.commit([{ key: keys.realm, value: encodeRow("realm", { document: broken }) }]);
    await expect(frankingFixture({ store })).rejects.toMatchObject({ code: "storeCorrupt" });
  });

  it("refuses a pin that is none", async () => {
    await expect(frankingFixture({ pinned: "sha256:zz" })).rejects.toMatchObject({ code: "invalidArgument" });
  });
});
