/** Attack 8 on real clients: a relay keeps something from one member of a group, and that member finds out by comparing what others saw. */

import { equalBytes } from "@sotto/protocol";
import type { Client, Group } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { groupOf, reads, until, wordsOf } from "../../../support/group-people.js";
import { World } from "../../../support/world.js";
import { Between, commitmentOf } from "./between.js";

let world: World;
let relay: Between;

beforeEach(async () => {
  world = await World.open();
  relay = await Between.stand(world);
});
afterEach(async () => {
  await relay.close();
  await world.close();
});

async function says(group: Group, text: string): Promise<void> {
  await group.send({ text }).accepted;
}

describe("a group whose relay shows its members different messages", () => {
  it("is told apart by what each says it had seen; an honest one is not", async () => {
    const [alice, carol] = (await Promise.all([world.client("alice"), world.client("carol")])) as [Client, Client];
    const bob = await world.client("bob", { relay: relay.url });
    const [ofAlice, ofCarol, ofBob] = (await groupOf([alice, carol, bob], { title: "Team" })) as [Group, Group, Group];
    for (const [group, text] of [
      [ofAlice, "a1"],
      [ofCarol, "c1"],
      [ofAlice, "a2"],
    ] as const) {
      await says(group, text);
      for (const each of [ofAlice, ofCarol, ofBob]) await reads(each, text);
    }
    for (const [client, group] of [
      [alice, ofAlice],
      [carol, ofCarol],
      [bob, ofBob],
    ] as const)
      expect(await client.moderation.divergences(group)).toEqual([]);
    await bob.close();

    const sent = ofCarol.send({ text: "kept from bob" });
    await sent.accepted;
    await reads(ofAlice, "kept from bob");
    const kept = await commitmentOf(alice, ofAlice.id, carol, sent.id);
    const later = ofAlice.send({ text: "did you see that?" });
    await later.accepted;
    relay.cheat((frame) =>
      frame.type === "deliver" && frame.commitment !== undefined && equalBytes(frame.commitment, kept)
        ? undefined
        : frame,
    );
    const again = await world.client("bob", { relay: relay.url });
    const group = await again.groups.get(ofBob.id);
    if (group === undefined) throw new Error("bob is in the group");
    await reads(group, "did you see that?");
    expect((await wordsOf(group)).some((word) => word.includes("kept from bob"))).toBe(false);
    await until(async () => (await again.moderation.divergences(group)).length > 0, "a divergence");
    expect(await again.moderation.divergences(group)).toMatchObject([
      { from: alice.accountId, messageId: later.id, unseen: 1 },
    ]);
    expect(await alice.moderation.divergences(ofAlice)).toEqual([]);
  });
});
