/** Groups of people with several devices: what one device joins, says or leaves, all of them end with. */

import { join } from "node:path";
import { toHex } from "@sotto/protocol";
import { type Client, createClient, type Group, type Platform } from "@sotto/sdk";
import { levelStore, nodePlatform } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  everybodySees,
  groupOf,
  invitationTo,
  join as joinGroup,
  reads,
  until,
  wordsOf,
} from "../../support/group-people.js";
import { Linker } from "../../support/linking.js";
import { befriend, World } from "../../support/world.js";

let world: World;
let linker: Linker;
let alice: Client;
let bob: Client;
beforeEach(async () => {
  world = await World.open();
  linker = new Linker(world);
  [alice, bob] = await Promise.all([world.client("alice"), world.client("bob")]);
});
afterEach(async () => {
  await linker.close();
  await world.close();
});

/** A group as another device of a member sees it, once that device is in it. */
async function on(device: Client, { id }: Pick<Group, "id">): Promise<Group> {
  let found: Group | undefined;
  await until(async () => {
    found = await device.groups.get(id);
    return found?.standing === "joined";
  }, "the group on another device");
  if (found === undefined) throw new Error("the group went away again");
  return found;
}

/** What is shown of a group's messages, with what decides their order. */
async function shown(group: Group): Promise<readonly string[]> {
  return (await group.latest(1_000)).flatMap((item) =>
    item.kind === "text" ? [`${item.order} ${item.messageId} ${item.from}: ${item.text}`] : [],
  );
}

/** Waits until all show the same messages, and so many; answers them. */
async function settledOn(groups: readonly Group[], count: number): Promise<readonly string[]> {
  let pictures: readonly (readonly string[])[] = [];
  await until(async () => {
    pictures = await Promise.all(groups.map(shown));
    return pictures.every((one) => one.length === count && one.join() === pictures[0]?.join());
  }, `the same ${count} messages everywhere`);
  return pictures[0] ?? [];
}

/** The words alone, oldest first. */
async function saidIn(group: Group): Promise<readonly string[]> {
  return (await wordsOf(group)).map((word) => word.slice(word.indexOf(": ") + 2));
}

/** The first invitation that a device shows now. */
async function firstInvitation(device: Client): Promise<string> {
  for await (const { title } of device.invitations()) return title;
  throw new Error("the client closed before an invitation came");
}

/** A platform whose engine notes the distribution that each word to a group goes out under, and to how many devices. */
function watched(sent: { readonly distribution: string; readonly devices: number }[]): Platform {
  return {
    ...nodePlatform,
    engine: async () => {
      const engine = await nodePlatform.engine();
      return {
        ...engine,
        encryptToGroup: (records, text) => {
          sent.push({ distribution: toHex(text.distribution), devices: text.recipients.length });
          return engine.encryptToGroup(records, text);
        },
      };
    },
  };
}

describe("a device of a member", () => {
  it("shows, reads and writes in the groups its account was in before it was linked", async () => {
    const [hers, his] = (await groupOf([alice, bob], { title: "Team" })) as [Group, Group];
    const laptop = await linker.link(alice, "alice-laptop");
    const there = await on(laptop, hers);
    expect(there.title).toBe("Team");
    expect(there.role).toBe("owner");
    expect((await laptop.groups.list()).map(({ id }) => id)).toEqual([hers.id]);

    await there.send({ text: "from the new one" }).accepted;
    await Promise.all([reads(his, "from the new one"), reads(hers, "from the new one")]);
    await his.send({ text: "to both" }).accepted;
    const [mine] = (await there.latest(10)).filter((item) => item.kind === "text" && item.direction === "sent");
    expect(mine).toMatchObject({ text: "from the new one", from: alice.accountId });
    await settledOn([hers, there, his], 2);
  });

  it("hears of a group that another device founds, and of one that another device joins", async () => {
    const laptop = await linker.link(alice, "alice-laptop");
    const founded = await alice.groups.create({ title: "Founded" });
    const there = await on(laptop, founded);
    await until(() => there.title === "Founded", "the title");
    const his = await bob.groups.create({ title: "Joined", invite: ["alice"] });
    await joinGroup(laptop, his);
    const here = await on(alice, his);
    await until(() => here.title === "Joined", "the title");
    await his.send({ text: "welcome" }).accepted;
    await reads(await on(alice, his), "welcome");
    await reads(await on(laptop, his), "welcome");
  });

  it("shows what all devices said in one order, also of what they said at once", async () => {
    const [hers, his] = (await groupOf([alice, bob])) as [Group, Group];
    const laptop = await linker.link(alice, "alice-laptop");
    const work = await linker.link(bob, "bob-work", { userId: "bob" });
    const all = [hers, his, await on(laptop, hers), await on(work, hers)];
    for (let round = 0; round < 3; round++) {
      await Promise.all(all.map((group, index) => group.send({ text: `round ${round} of ${index}` }).accepted));
    }
    const lines = await settledOn(all, 12);
    expect(new Set(lines).size).toBe(12);
  });

  it("that a member links reads what is said from then on, and nothing before", async () => {
    const [hers, his] = (await groupOf([alice, bob])) as [Group, Group];
    await hers.send({ text: "before" }).accepted;
    await reads(his, "before");
    const work = await linker.link(bob, "bob-work", { userId: "bob" });
    const there = await on(work, hers);
    await hers.send({ text: "after" }).accepted;
    await Promise.all([reads(his, "after"), reads(there, "after")]);
    expect(await saidIn(there)).toEqual(["after"]);
    await there.send({ text: "answered" }).accepted;
    await Promise.all([reads(his, "answered"), reads(hers, "answered")]);
    expect(await saidIn(his)).toEqual(["before", "after", "answered"]);
  });

  it("reads nothing once it was revoked: others use another sender key, and its account goes on", async () => {
    const sent: { distribution: string; devices: number }[] = [];
    const store = levelStore(join(world.folder, "clients", "carol"));
    const carol = linker.keep(await createClient(watched(sent), { relay: world.url, userId: "carol", store }));
    const [theirs, his] = (await groupOf([carol, bob])) as [Group, Group];
    const work = await linker.link(bob, "bob-work", { userId: "bob" });
    const there = await on(work, theirs);
    await theirs.send({ text: "to both" }).accepted;
    await Promise.all([reads(his, "to both"), reads(there, "to both")]);
    const before = sent.at(-1);
    expect(before?.devices).toBe(2);

    await bob.devices.revoke(work.deviceId);
    await until(() => work.state === "revoked", "the end of the revoked device");
    await theirs.send({ text: "to one" }).accepted;
    await reads(his, "to one");
    expect(sent.at(-1)?.devices).toBe(1);
    expect(sent.at(-1)?.distribution).not.toBe(before?.distribution);
    expect(await saidIn(there)).toEqual(["to both"]);

    await his.send({ text: "still here" }).accepted;
    await reads(theirs, "still here");
    await his.update({ title: "Ours" });
    await until(() => theirs.title === "Ours", "the title");
  });

  it("leaves for all devices of its account", async () => {
    const [hers, his] = (await groupOf([alice, bob])) as [Group, Group];
    const laptop = await linker.link(alice, "alice-laptop");
    const there = await on(laptop, hers);
    await there.leave();
    await until(() => hers.standing === "left", "the leave on the other device");
    expect(await alice.groups.list()).toEqual([]);
    await everybodySees([his], 1);
    await expect(hers.send({ text: "still here" }).accepted).rejects.toMatchObject({ code: "groupLeft" });
  });

  it("answers an invitation for all devices of its account", async () => {
    await befriend(alice, bob);
    const work = await linker.link(bob, "bob-work", { userId: "bob" });
    const taken = await alice.groups.create({ title: "Taken", invite: ["bob"] });
    const declined = await alice.groups.create({ title: "Declined", invite: ["bob"] });
    for (const group of [taken, declined]) await Promise.all([invitationTo(bob, group), invitationTo(work, group)]);
    await joinGroup(bob, taken);
    await on(work, taken);
    await (await invitationTo(bob, declined)).decline();
    await until(async () => (await declined.members()).length === 1, "the invitation's end");
    await alice.groups.create({ title: "Last", invite: ["bob"] });
    await until(async () => (await firstInvitation(work)) === "Last", "nothing but the last invitation");
    expect((await work.groups.list()).map(({ title }) => title)).toEqual(["Taken"]);
  });
});
