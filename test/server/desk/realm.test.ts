/** The realm as the relay serves it: one chain of manifests by one root, a feed by the desk, and words on what moderators can do. */

import {
  decodeFeed,
  decodeManifest,
  EPOCH_MS,
  FEED_STEP,
  limits,
  MAX_DISCLOSED,
  MAX_FEED_NAMES,
  mayFollow,
  statementHash,
  toHex,
} from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_STATEMENT, signingKeyOf, signManifest, verifySignature } from "../../../server/desk/index.js";
import { feedNames, isUsable, listedNames, missingDecoys } from "../../../server/desk/realm/feed.js";
import { DAY_MS, openDesk, realmOfDesk } from "./desk-of.js";

describe("the manifest", () => {
  it("follows the one before by number and hash, over days and restarts, and stays the same while nothing changes", async () => {
    let test = await openDesk();
    let held = realmOfDesk(test).manifest;
    const { root } = held;
    for (let day = 0; day < 5; day++) {
      await test.pass(DAY_MS);
      if (day === 2) test = await test.again();
      const next = realmOfDesk(test).manifest;
      expect(mayFollow(held, next)).toBe(true);
      expect([next.number, toHex(next.previous)]).toEqual([held.number + 1, toHex(held.hash)]);
      expect(toHex(next.root)).toBe(toHex(root));
      await test.pass(60_000);
      expect(realmOfDesk(test).manifest.number).toBe(next.number);
      held = next;
    }
  });

  it("is published again to a relay that comes back, and with what happened meanwhile", async () => {
    const test = await openDesk();
    const { number } = realmOfDesk(test).manifest;
    test.relay.state = "away";
    await test.pass(DAY_MS);
    expect(test.troubles).toContain("relayAway");
    test.relay.document = undefined;
    test.relay.state = "here";
    test.desk.connected();
    await test.desk.settled();
    expect(realmOfDesk(test).manifest.number).toBe(number + 1);
  });

  it("says what moderators can do, and holds the hash of it", async () => {
    const { statement, manifest } = realmOfDesk(await openDesk());
    expect(statement).toBe(DEFAULT_STATEMENT);
    expect(manifest.statementHash).toEqual(statementHash(DEFAULT_STATEMENT));
    const other = realmOfDesk(await openDesk({ statement: "We can do nothing." }));
    expect(other.manifest.statementHash).toEqual(statementHash("We can do nothing."));
  });

  it("of a root that was taken away is exported, signed elsewhere, and taken back as it was", async () => {
    const first = await openDesk();
    const { rows } = first;
    const key = [...rows.held.keys()].find((name) => name.startsWith("root/")) ?? "";
    const whole = rows.held.get(key) as Uint8Array;
    // The row is a record of the public key and the secret, each 32 bytes behind two; without the secret it ends in nil.
    const secret = signingKeyOf(whole.slice(-32));
    const without = new Uint8Array([...whole.slice(0, -34), 0xc0]);
    expect(toHex(secret.publicKey)).toBe(toHex(realmOfDesk(first).manifest.root));
    rows.held.set(key, without);
    const test = await first.again();
    const { number } = realmOfDesk(test).manifest;
    await test.pass(DAY_MS);
    expect(realmOfDesk(test).manifest.number).toBe(number);
    const exported = await test.desk.exportManifest();
    if (exported === undefined) throw new Error("nothing was exported");
    // The desk goes on meanwhile, and what it waits for stays what it was.
    await test.pass(3_600_000);
    expect(await test.desk.exportManifest()).toEqual(exported);
    const { hash: _, ...manifest } = decodeManifest(exported, () => true);
    const forged = signManifest({ ...manifest, minFrankVersion: 9 }, secret.sign);
    await expect(test.desk.importManifest(forged)).rejects.toMatchObject({ code: "badRequest" });
    const stranger = signingKeyOf(new Uint8Array(32).fill(9));
    await expect(test.desk.importManifest(signManifest(manifest, stranger.sign))).rejects.toThrow();
    await test.desk.importManifest(signManifest(manifest, secret.sign));
    expect(realmOfDesk(test).manifest.number).toBe(number + 1);
    expect(await test.desk.exportManifest()).toBeUndefined();
  });

  it("names an epoch that was revoked, and from when on", async () => {
    const test = await openDesk();
    const [row] = realmOfDesk(test).manifest.epochs;
    await test.desk.revokeEpoch(row?.epoch ?? 0, test.nowMs);
    await test.desk.settled();
    expect(realmOfDesk(test).manifest.epochs[0]?.revokedAfterMs).toBe(test.nowMs);
  });
});

describe("the feed", () => {
  it("is signed again every six hours, with the same names", async () => {
    const test = await openDesk();
    const read = () => {
      const { feed, manifest } = realmOfDesk(test);
      return decodeFeed(feed, manifest, verifySignature);
    };
    const before = read();
    await test.pass(3 * 3_600_000);
    expect(read()).toEqual(before);
    await test.pass(3 * 3_600_000);
    expect(read()).toEqual({ ...before, atMs: test.nowMs });
  });

  it("has a length that is a multiple of the step and never nothing, and its names ascend", () => {
    fc.assert(
      fc.property(fc.nat(1_000), (held) => {
        const total = held + missingDecoys(held);
        expect(total % FEED_STEP).toBe(0);
        expect(total).toBeGreaterThanOrEqual(FEED_STEP);
        expect(total - held).toBeLessThan(Math.max(FEED_STEP, FEED_STEP - held + 1));
      }),
    );
    const name = fc.uint8Array({ minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(name, { maxLength: 50 }), (names) => {
        const bytes = feedNames(names.map((one) => ({ epoch: 1, name: one })));
        const listed = Array.from({ length: bytes.length / 8 }, (_, at) => toHex(bytes.slice(at * 8, at * 8 + 8)));
        expect(listed).toEqual([...new Set(names.map(toHex))].sort());
      }),
    );
  });

  it("lists a name until 31 days after its epoch, and lets go of the oldest epochs' where there are too many", () => {
    const name = (epoch: number, number: number) => {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setUint32(4, number);
      return { epoch, name: bytes };
    };
    const goneMs = 101 * EPOCH_MS + 31 * DAY_MS;
    expect(listedNames([name(100, 1), name(101, 2)], goneMs - 1).size).toBe(2);
    expect([...listedNames([name(100, 1), name(101, 2)], goneMs).values()]).toEqual([name(101, 2)]);
    const many = Array.from({ length: MAX_FEED_NAMES + 10 }, (_, at) => name(at < 100 ? 7 : 8, at));
    const listed = [...listedNames(many, 8 * EPOCH_MS).values()];
    expect(listed).toHaveLength(MAX_FEED_NAMES);
    expect(listed.filter(({ epoch }) => epoch === 7)).toHaveLength(90);
  });

  it("is about tokens that may still be used: of the epoch before only as long as a relay's clock may be behind", () => {
    const at = (ms: number) => [99, 100, 101].filter((epoch) => isUsable(epoch, 100 * EPOCH_MS + ms));
    expect(at(0)).toEqual([99, 100, 101]);
    expect(at(10 * 60_000)).toEqual([99, 100, 101]);
    expect(at(10 * 60_000 + 1)).toEqual([100, 101]);
    expect(at(EPOCH_MS - 1)).toEqual([100, 101]);
  });

  it("fits what a relay serves, however full everything in it is", () => {
    const manifest = 131_072;
    const feed = MAX_FEED_NAMES * 8 + 256;
    const statement = 16_384;
    const disclosed = MAX_DISCLOSED * 64;
    expect(manifest + feed + statement + disclosed + 64).toBeLessThan(limits.realmBytes.value);
  });
});
