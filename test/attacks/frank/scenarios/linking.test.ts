/** Attack 23: what the relay and the issuer see together of who sends what, from a real client's traffic and a real upkeep of tokens. */

import { encodeAsk, epochOf, TOKENS_PER_BATCH } from "@sotto/protocol";
import { afterEach, describe, expect, it } from "vitest";
import { connect, frankingFixture, quiet } from "../../../sdk/core/franking/fixture.js";
import { NOW_MS } from "../../../support/franking/realm.js";
import { befriend, itemsUntil, World } from "../../../support/world.js";
import { Between, delivering } from "./between.js";

const HOUR_MS = 3_600_000;
const today = epochOf(NOW_MS);

/** How unevenly bytes are spread over their 256 values: about 255 if they are even. */
function chiSquare(samples: readonly Uint8Array[]): number {
  const counts = new Array<number>(256).fill(0);
  for (const sample of samples) for (const byte of sample) counts[byte] = (counts[byte] ?? 0) + 1;
  const expected = samples.reduce((sum, { length }) => sum + length, 0) / 256;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}
/** Of 255 degrees of freedom, once in 10^11 runs. One byte of the 32 that never changed would come to thousands. */
const UNEVEN = 440;

describe("attack 23: what the relay sees beside an envelope", () => {
  let world: World;
  let relay: Between | undefined;
  afterEach(async () => {
    await relay?.close();
    await world.close();
  });

  it("is 32 bytes that are spread evenly and never repeat, of words and of receipts alike", async () => {
    world = await World.open();
    relay = await Between.stand(world);
    const alice = await world.client("alice", { relay: relay.url });
    const bob = await world.client("bob");
    const { toBob, toAlice } = await befriend(alice, bob);
    // By its place in the mailbox: what is delivered again after a connection was lost is nothing else.
    const delivered = new Map<number, Uint8Array>();
    relay.cheat(
      delivering((frame) => {
        if (frame.commitment !== undefined) delivered.set(frame.cursor, frame.commitment.slice());
        return frame;
      }),
    );
    const said = 150;
    // Words to her, and receipts of what she says: both are stored and have one.
    await Promise.all(
      Array.from({ length: said }, (_, index) =>
        Promise.all([toAlice.send({ text: "the same words" }).accepted, toBob.send({ text: `${index}` }).accepted]),
      ),
    );
    await toAlice.send({ text: "behind all" }).accepted;
    await itemsUntil(toBob, (item) => item.kind === "text" && item.text === "behind all");
    const seen = [...delivered.values()];
    expect(seen.length).toBeGreaterThan(said);
    expect(new Set(seen.map(({ length }) => length))).toEqual(new Set([32]));
    expect(new Set(seen.map((one) => Buffer.from(one).toString("hex"))).size).toBe(seen.length);
    expect(chiSquare(seen)).toBeLessThan(UNEVEN);
  }, 120_000);
});

describe("attack 23: what the issuer sees of a device", () => {
  /** When the next day's batch was asked for, with so much said before. */
  async function prefetchedAfter(chance: number, words: number): Promise<number> {
    const fixture = await frankingFixture();
    fixture.chance = chance;
    await connect(fixture);
    for (let index = 0; index < words; index++) {
      const taken = fixture.tokens.next();
      if (taken !== undefined) await fixture.store.commit(taken.changes);
    }
    await quiet();
    const isAsked = () => fixture.desk.asked.some(({ epoch }) => epoch === today + 1);
    let hours = 0;
    for (; hours < 24 && !isAsked(); hours++) {
      await fixture.clock.advance(HOUR_MS);
      await quiet();
    }
    fixture.tokens.close();
    return hours;
  }

  it("is a batch of one size, whatever was said", () => {
    const keys = Array.from({ length: TOKENS_PER_BATCH }, () => new Uint8Array(32));
    expect(() => encodeAsk("tokens", { epoch: today, keys: keys.slice(1) })).toThrow();
    expect(() => encodeAsk("tokens", { epoch: today, keys: [...keys, new Uint8Array(32)] })).toThrow();
  });

  it("is a time of chance, spread over what is left of the day, which does not move with what is said", async () => {
    const times: number[] = [];
    for (const chance of [0.02, 0.25, 0.5, 0.75, 0.98]) {
      const silent = await prefetchedAfter(chance, 0);
      expect(await prefetchedAfter(chance, 20)).toBe(silent);
      times.push(silent);
    }
    expect(new Set(times).size).toBe(times.length);
    expect([...times].sort((one, other) => one - other)).toEqual(times);
  });
});
