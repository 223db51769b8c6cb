/** What an invitation to a group means for who may write to whom. */

import type { Client, Group } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { invitationTo, join, reads, until } from "../../support/group-people.js";
import { nextEvent, World } from "../../support/world.js";

let world: World;
let alice: Client;
let bob: Client;
beforeEach(async () => {
  world = await World.open();
  [alice, bob] = await Promise.all([world.client("alice"), world.client("bob")]);
});
afterEach(() => world.close());

/** The requests to write that wait, as names, once those of `other` can be told from what came after. */
async function askedBefore(client: Client, other: string): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { from } of client.requests()) {
    if (from.userId === other) return names;
    names.push(from.userId ?? from.accountId);
  }
  return names;
}

describe("an invitation to a stranger", () => {
  it("asks for contact with it, and joining says yes to both", async () => {
    const met = nextEvent(alice, "contact");
    const first = await alice.groups.create({ title: "First", invite: ["bob"] });
    const his = await join(bob, first);
    await met;
    const second = await alice.groups.create({ title: "Second", invite: ["bob"] });
    await join(bob, second);
    await first.remove("bob");
    await until(() => his.standing === "left", "the removal");
    await first.invite("bob");
    expect((await join(bob, first)).standing).toBe("joined");
    await first.send({ text: "again" }).accepted;
    await reads((await bob.groups.get(first.id)) as Group, "again");
    await (await alice.openDM({ userId: "bob" })).send({ text: "and between us" }).delivered;
  });

  it("is taken and then answered: what is said first reaches who joined, though nobody was told of that yet", async () => {
    const group = await alice.groups.create({ invite: ["bob"] });
    const his = await join(bob, group);
    await group.send({ text: "welcome" }).accepted;
    await reads(his, "welcome");
  });

  it("tells the admins that somebody waits to be let in", async () => {
    const group = await alice.groups.create({ approval: "on", whoInvites: "members", invite: ["bob"] });
    const his = await join(bob, group);
    await until(async () => (await group.members()).every(({ standing }) => standing === "member"), "bob's joining");
    const carol = await world.client("carol");
    await his.invite("carol");
    const theirs = await join(carol, group);
    await until(
      async () => (await group.members()).some(({ standing }) => standing === "waiting"),
      "the one who waits",
    );
    await group.admit({ accountId: carol.accountId });
    await until(() => theirs.standing === "joined", "being let in");
  });

  it("is declined together with the request that came with it", async () => {
    const group = await alice.groups.create({ title: "First", invite: ["bob"] });
    await (await invitationTo(bob, group)).decline();
    await until(async () => (await group.members()).length === 1, "the refusal");
    const carol = await world.client("carol");
    await (await carol.openDM({ userId: "bob" })).requestContact();
    expect(await askedBefore(bob, "carol")).toEqual([]);
  });
});
