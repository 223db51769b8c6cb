import { EPOCH_MS, epochOf, TOKENS_PER_BATCH, toHex, tokenName } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { decodeRow, eachRow, keys } from "../../../../sdk/core/rows.js";
import { NOW_MS } from "../../../support/franking/realm.js";
import { connect, type FrankingFixture, frankingFixture, quiet } from "./fixture.js";

/** Takes one and keeps that it was taken, as whoever franks does. */
async function use({ tokens, store }: FrankingFixture): Promise<string | undefined> {
  const taken = tokens.next();
  if (taken === undefined) return undefined;
  await store.commit(taken.changes);
  return toHex(taken.token.publicKey);
}

async function stored({ store }: FrankingFixture): Promise<number> {
  let count = 0;
  for await (const _row of eachRow(store, keys.tokens)) count += 1;
  return count;
}

const epochs = ({ desk }: FrankingFixture) => desk.asked.flatMap(({ epoch }) => epoch ?? []);
const today = epochOf(NOW_MS);

describe("tokens", () => {
  it("come in one batch of the present epoch, after one enrolment", async () => {
    const fixture = await frankingFixture();
    expect(fixture.tokens.next()).toBeUndefined();
    await connect(fixture);
    expect(fixture.tokens.left).toBe(TOKENS_PER_BATCH);
    expect(fixture.desk.asked).toEqual([{ topic: "enrol" }, { topic: "tokens", epoch: today }]);
    expect(await stored(fixture)).toBe(TOKENS_PER_BATCH);
    expect(fixture.woken.count).toBeGreaterThan(0);
  });

  it("are each used once, also over a restart, and the next batch is asked for before the last", async () => {
    const fixture = await frankingFixture();
    await connect(fixture);
    const used: (string | undefined)[] = [];
    for (let index = 0; index < 20; index++) used.push(await use(fixture));
    fixture.tokens.close();
    const next = await frankingFixture({ store: fixture.store, desk: fixture.desk });
    expect(next.tokens.left).toBe(TOKENS_PER_BATCH - 20);
    await connect(next);
    for (let index = 0; index < 30; index++) {
      used.push(await use(next));
      await quiet(10);
    }
    expect(new Set(used).size).toBe(50);
    expect(next.counters.snapshot().tokensReused).toBeUndefined();
    expect(epochs(next)).toEqual([today, today]);
  });

  it("are used again, the last one, while the desk is away: nothing waits within an epoch", async () => {
    const fixture = await frankingFixture();
    await connect(fixture);
    fixture.desk.available = "deskAway";
    const used: (string | undefined)[] = [];
    for (let index = 0; index < 40; index++) used.push(await use(fixture));
    expect(new Set(used).size).toBe(TOKENS_PER_BATCH);
    expect(new Set(used.slice(TOKENS_PER_BATCH - 1)).size).toBe(1);
    expect(await stored(fixture)).toBe(1);
    expect(fixture.tokens.left).toBe(0);

    // The same one after a restart.
    fixture.tokens.close();
    const next = await frankingFixture({ store: fixture.store, desk: fixture.desk });
    expect(await use(next)).toBe(used.at(-1));

    // And it goes as soon as there are others.
    fixture.desk.available = "yes";
    await connect(next);
    expect(await stored(next)).toBe(TOKENS_PER_BATCH);
    expect(await use(next)).not.toBe(used.at(-1));
  });

  it("of the next epoch come at a random time within the present one, and serve when it begins", async () => {
    const fixture = await frankingFixture();
    fixture.chance = 0.5;
    await connect(fixture);
    const { clock } = fixture;
    const leftMs = (today + 1) * EPOCH_MS - 30 * 60_000 - NOW_MS;
    await clock.advance(leftMs * 0.49);
    await quiet();
    expect(epochs(fixture)).toEqual([today]);
    await clock.advance(leftMs * 0.02);
    await quiet();
    expect(epochs(fixture)).toEqual([today, today + 1]);

    const before = await use(fixture);
    fixture.desk.available = "deskAway";
    await clock.advance((today + 1) * EPOCH_MS - clock.now() + 1_000);
    await quiet();
    const after = await use(fixture);
    expect(after).toBeDefined();
    expect(after).not.toBe(before);
    // Those of the past epoch are gone.
    expect(await stored(fixture)).toBe(TOKENS_PER_BATCH - 1);
  });

  it("of a past epoch are used no more, though there are no others", async () => {
    const fixture = await frankingFixture();
    await connect(fixture);
    fixture.link = "waiting";
    fixture.clock.setNow(NOW_MS + EPOCH_MS);
    expect(fixture.tokens.next()).toBeUndefined();
    fixture.link = "ready";
    fixture.desk.feedMs += EPOCH_MS;
    await connect(fixture);
    expect(fixture.tokens.next()?.token.epoch).toBe(today + 1);
  });

  it("that the realm's issuer did not sign are not taken", async () => {
    const fixture = await frankingFixture();
    fixture.desk.spoil = (signature) => signature.map((byte, at) => (at === 5 ? byte ^ 1 : byte));
    await connect(fixture);
    expect(await stored(fixture)).toBe(0);
    expect(fixture.counters.snapshot().tokensRefused).toBe(1);
    fixture.desk.spoil = (signature) => signature;
    await fixture.clock.advance(1_000);
    await quiet();
    expect(fixture.tokens.left).toBe(TOKENS_PER_BATCH);
  });

  it("that the feed names are let go of, and who was muted is told so, until that is over", async () => {
    const fixture = await frankingFixture();
    await connect(fixture);
    const { desk, clock, store } = fixture;
    const revoked: Uint8Array[] = [];
    for await (const { value } of eachRow(store, keys.tokens)) revoked.push(decodeRow("token", value).publicKey);
    desk.refusal = { reason: "muted", untilMs: NOW_MS + 60_000 };
    desk.revoked = revoked.map(tokenName);
    desk.feedMs += 1;
    await connect(fixture);
    expect(await stored(fixture)).toBe(0);
    expect(() => fixture.tokens.next()).toThrow("muted");
    desk.refusal = undefined;
    await clock.advance(60_000);
    await quiet();
    const taken = await use(fixture);
    expect(taken).toBeDefined();
    expect(revoked.map(toHex)).not.toContain(taken);
  });

  it("are not used by who was muted while there are some left, and are again when that was lifted", async () => {
    const fixture = await frankingFixture();
    fixture.chance = 0;
    await connect(fixture);
    fixture.desk.refusal = { reason: "muted" };
    for (let index = 0; index < TOKENS_PER_BATCH - 4; index++) fixture.tokens.next();
    await quiet();
    expect(fixture.tokens.left).toBe(4);
    expect(() => fixture.tokens.next()).toThrow("muted");
    fixture.desk.refusal = undefined;
    const woken = fixture.woken.count;
    await connect(fixture);
    expect(await use(fixture)).toBeDefined();
    expect(fixture.woken.count).toBeGreaterThan(woken);
  });

  it("are let go of by a mute that came with the next epoch's, and asked for when it was lifted", async () => {
    const fixture = await frankingFixture();
    await connect(fixture);
    fixture.desk.refusal = { reason: "muted", untilMs: NOW_MS + EPOCH_MS };
    await fixture.clock.advance((today + 1) * EPOCH_MS - NOW_MS - 60_000);
    await quiet();
    expect(fixture.tokens.left).toBe(TOKENS_PER_BATCH);
    expect(() => fixture.tokens.next()).toThrow("muted");
    fixture.desk.refusal = undefined;
    await connect(fixture);
    expect(await use(fixture)).toBeDefined();
  });

  it.each(["suspended", "deviceRevoked"] as const)("are refused to who is %s", async (reason) => {
    const fixture = await frankingFixture();
    fixture.desk.refusal = { reason };
    await connect(fixture);
    expect(() => fixture.tokens.next()).toThrow("suspended");
    expect(fixture.failures).toEqual([]);
  });

  it("are refused to an identity that the desk does not know, at once, until it was let in", async () => {
    const fixture = await frankingFixture();
    fixture.desk.refusal = { reason: "identityMoved" };
    await connect(fixture);
    expect(() => fixture.tokens.next()).toThrow("identityMoved");
    expect(fixture.failures).toEqual([]);
    fixture.desk.refusal = undefined;
    await fixture.clock.advance(15 * 60_000);
    await quiet();
    expect(await use(fixture)).toBeDefined();
  });

  it("are asked for again with care while the desk is away, and at once when the connection is ready", async () => {
    const fixture = await frankingFixture();
    fixture.desk.available = "deskAway";
    await connect(fixture);
    expect(fixture.tokens.next()).toBeUndefined();
    fixture.desk.available = "yes";
    await connect(fixture);
    expect(fixture.tokens.left).toBe(TOKENS_PER_BATCH);
  });

  it("do not come for an epoch that the realm does not know", async () => {
    const fixture = await frankingFixture();
    fixture.desk.ahead = -1;
    await connect(fixture);
    expect(fixture.tokens.next()).toBeUndefined();
    expect(epochs(fixture)).toEqual([]);
    fixture.desk.ahead = 1;
    fixture.desk.number = 3;
    await connect(fixture);
    expect(fixture.tokens.left).toBe(TOKENS_PER_BATCH);
  });
});
