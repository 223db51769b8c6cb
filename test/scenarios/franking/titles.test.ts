/** How a group is called and looks: shown once somebody said it in a message that can be reported, and not because a log says it. */

import type { Client, Group } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { groupOf, invitationTo, join, reads, until } from "../../support/group-people.js";
import { RogueMember } from "../../support/hostile-groups/rogue-member.js";
import { Linker } from "../../support/linking.js";
import { World } from "../../support/world.js";

const avatar = Uint8Array.of(1, 2, 3);
let world: World;
let linker: Linker;
let alice: Client;
let bob: Client;
let hers: Group;
let his: Group;

beforeEach(async () => {
  world = await World.open();
  linker = new Linker(world);
  [alice, bob] = await Promise.all([world.client("alice"), world.client("bob")]);
});
afterEach(async () => {
  await linker.close();
  await world.close();
});

/** Everything of a group that an app could put on a screen. */
async function screens(group: Group): Promise<string> {
  return JSON.stringify([group.title, group.settings, await group.latest(100)]);
}

describe("a group's title and picture", () => {
  it("are shown to who made them, to who is invited, to who joins, and to devices that come later", async () => {
    hers = await alice.groups.create({ title: "Team", avatar, invite: [{ accountId: bob.accountId }] });
    expect(hers.settings).toMatchObject({ title: "Team", avatar });
    expect((await invitationTo(bob, hers)).title).toBe("Team");
    his = await join(bob, hers);
    expect(his.title).toBe("Team");
    await until(() => his.settings.avatar !== undefined, "the picture");
    expect(his.settings.avatar).toEqual(avatar);

    await hers.update({ title: "New" });
    expect(hers.title).toBe("New");
    await until(() => his.title === "New", "the new title");
    expect(his.settings.avatar).toEqual(avatar);
    expect(await his.latest(100)).toContainEqual(
      expect.objectContaining({ change: expect.objectContaining({ changed: { title: "New" } }) }),
    );

    const laptop = await linker.link(bob, "laptop", { userId: "bob" });
    await until(async () => (await laptop.groups.get(hers.id))?.title === "New", "the title on the laptop");
    expect((await laptop.groups.get(hers.id))?.settings.avatar).toEqual(avatar);
  });

  it("are shown to nobody because a member's modified client put them into the log, nor handed on", async () => {
    const client = await world.client("mallory");
    const groups = await groupOf([alice, bob, client], { title: "Team", whoEdits: "members" });
    [hers, his] = groups as [Group, Group];
    for (const group of groups) await until(() => group.title === "Team");
    await client.close();
    const mallory = await RogueMember.takeOver(world, "mallory", hers.id);
    await mallory.read();
    await mallory.append(mallory.entry({ kind: "update", title: "a slur", avatar: Uint8Array.of(9) }));
    await hers.send({ text: "hello" }).accepted;
    await reads(his, "hello");
    for (const group of [hers, his]) {
      await group.refresh();
      expect([group.title, group.settings.avatar]).toEqual(["Team", undefined]);
      expect(await screens(group)).not.toContain("slur");
    }
    const carol = await world.client("carol");
    await hers.invite({ accountId: carol.accountId });
    const asked = await invitationTo(carol, hers);
    expect(asked.title).toBe("Team");
    const theirs = await asked.accept();
    await hers.send({ text: "welcome" }).accepted;
    await reads(theirs, "welcome");
    expect(await screens(theirs)).not.toContain("slur");
    await mallory.close();
  });
});
