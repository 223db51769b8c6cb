/** Groups on real sockets and stores: made, joined, spoken in, changed, left. */

import type { Client, Group, Item } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  everybodySees,
  groupOf,
  invitationTo,
  join,
  membersOf,
  reads,
  until,
  wordsOf,
} from "../../support/group-people.js";
import { nextEvent, World } from "../../support/world.js";

let world: World;
let alice: Client;
let bob: Client;
let carol: Client;
beforeEach(async () => {
  world = await World.open();
  [alice, bob, carol] = await Promise.all([world.client("alice"), world.client("bob"), world.client("carol")]);
});
afterEach(() => world.close());

function refusal(code: string) {
  return expect.objectContaining({ code });
}

describe("a group", () => {
  it("is created, joined by who accepts, and read alike by everybody", async () => {
    const [hers, his, theirs] = await groupOf([alice, bob, carol], { title: "Team" });
    await hers?.send({ text: "hello" }).accepted;
    await his?.send({ text: "hi Alice" }).accepted;
    await theirs?.send({ text: "hi both" }).accepted;
    const groups = [hers, his, theirs] as Group[];
    for (const group of groups) for (const text of ["hello", "hi Alice", "hi both"]) await reads(group, text);
    const [first, ...rest] = await Promise.all(groups.map(wordsOf));
    for (const words of rest) expect(words).toEqual(first);
    for (const group of groups) expect(group.title).toBe("Team");
    expect(await membersOf(groups[2] as Group)).toEqual(await membersOf(groups[0] as Group));
  });

  it("tells invitee and members by events, and lists the group everywhere", async () => {
    const invited = nextEvent<{ invitation: { title: string } }>(bob, "invitation");
    const group = await alice.groups.create({ title: "Team", invite: ["bob"] });
    expect((await invited).invitation.title).toBe("Team");
    const changed = nextEvent<{ group: Group }>(alice, "group", ({ group: { id } }) => id === group.id);
    const his = await join(bob, group);
    expect((await changed).group).toBe(group);
    expect(await bob.groups.list()).toEqual([his]);
    expect(await bob.groups.get(group.id)).toBe(his);
    expect(await carol.groups.get(group.id)).toBeUndefined();
  });

  it("can be declined, and then nothing was ever written to who declined", async () => {
    const group = await alice.groups.create({ invite: ["bob", "carol"] });
    await join(carol, group);
    await (await invitationTo(bob, group)).decline();
    await until(async () => (await group.members()).length === 2);
    await group.send({ text: "without Bob" }).accepted;
    expect(await bob.groups.list()).toEqual([]);
    expect((await bob.debugBundle()).counts.opened).toBeLessThanOrEqual(1);
  });

  it("shows edits, reactions and deletions to everybody", async () => {
    const [hers, his, theirs] = (await groupOf([alice, bob, carol])) as [Group, Group, Group];
    const sent = hers.send({ text: "helo" });
    await sent.accepted;
    await Promise.all([reads(his, "helo"), reads(theirs, "helo")]);
    await his.react(sent.id, "👍").accepted;
    await hers.edit(sent.id, { text: "hello" }).accepted;
    await expect(his.edit(sent.id, { text: "mine" }).accepted).rejects.toEqual(refusal("invalidArgument"));
    for (const group of [hers, his, theirs]) {
      await until(async () => {
        const item = (await group.latest(50)).find((one) => "messageId" in one && one.messageId === sent.id);
        return item?.kind === "text" && item.text === "hello" && item.reactions.length === 1;
      }, "the edited message with its reaction");
    }
    await hers.delete(sent.id).accepted;
    for (const group of [his, theirs]) {
      await until(async () => {
        const item = (await group.latest(50)).find((one) => "messageId" in one && one.messageId === sent.id);
        return item?.kind === "deleted";
      }, "the deletion");
    }
  });

  it("is left; who left reads nothing that is said after, and an owner hands over", async () => {
    const [hers, his, theirs] = (await groupOf([alice, bob, carol])) as [Group, Group, Group];
    await hers.leave();
    await everybodySees([his, theirs], 2);
    expect(hers.standing).toBe("left");
    // Whoever of the two joined first.
    expect([his.role, theirs.role].sort()).toEqual(["member", "owner"]);
    await his.send({ text: "she is gone" }).accepted;
    await reads(theirs, "she is gone");
    expect(await wordsOf(hers)).toEqual([]);
    await expect(hers.send({ text: "still here" }).accepted).rejects.toEqual(refusal("groupLeft"));
  });

  it("removes a member, who reads nothing that is said after, and is told", async () => {
    const [hers, his, theirs] = (await groupOf([alice, bob, carol])) as [Group, Group, Group];
    await hers.send({ text: "before" }).accepted;
    await reads(his, "before");
    await hers.remove("bob");
    await theirs.refresh();
    await theirs.send({ text: "after" }).accepted;
    await reads(hers, "after");
    await until(() => his.standing === "left");
    expect((await wordsOf(his)).map((word) => word.split(": ")[1])).toEqual(["before"]);
    await expect(his.send({ text: "but I" }).accepted).rejects.toEqual(refusal("groupLeft"));
  });

  it("lets who joins late read from then on, and nothing before", async () => {
    const [hers, his] = (await groupOf([alice, bob])) as [Group, Group];
    await hers.send({ text: "early" }).accepted;
    await reads(his, "early");
    await hers.invite("carol");
    const theirs = await join(carol, hers);
    await everybodySees([hers, his, theirs], 3);
    await his.send({ text: "late" }).accepted;
    await reads(theirs, "late");
    expect((await wordsOf(theirs)).map((word) => word.split(": ")[1])).toEqual(["late"]);
  });

  it("keeps to roles: members change nothing that is the admins', and an announcement group has few voices", async () => {
    const [hers, his] = (await groupOf([alice, bob], {
      whoWrites: "admins",
      whoInvites: "admins",
      whoEdits: "admins",
    })) as [Group, Group];
    await expect(his.send({ text: "may I?" }).accepted).rejects.toEqual(refusal("groupDenied"));
    await expect(his.invite("carol")).rejects.toEqual(refusal("groupDenied"));
    await expect(his.update({ title: "Mine" })).rejects.toEqual(refusal("groupDenied"));
    await expect(his.setRole("bob", "owner")).rejects.toEqual(refusal("groupDenied"));
    await expect(his.remove("alice")).rejects.toEqual(refusal("groupDenied"));
    await hers.setRole("bob", "admin");
    await his.refresh();
    expect(his.role).toBe("admin");
    await his.send({ text: "I may" }).accepted;
    await reads(hers, "I may");
    await his.update({ title: "Ours", timerMs: 60_000, avatar: Uint8Array.of(1, 2, 3) });
    await hers.refresh();
    // What the log says is shown once he said it in a message that can be reported.
    await until(() => hers.title === "Ours");
    expect(hers.settings).toMatchObject({ title: "Ours", timerMs: 60_000, avatar: Uint8Array.of(1, 2, 3) });
  });

  it("is called the same by everybody also where only admins write, and members may edit and invite", async () => {
    const [hers, his] = (await groupOf([alice, bob], { title: "News", whoWrites: "admins" })) as [Group, Group];
    await his.update({ title: "News of the choir" });
    await hers.refresh();
    await until(() => hers.title === "News of the choir", "the title of who may not write");
    await his.invite("carol");
    await invitationTo(carol, his);
    await hers.update({ title: "Choir" });
    await his.refresh();
    await until(() => his.title === "Choir");
    const theirs = await join(carol, his);
    await until(() => theirs.title === "Choir", "what the invitation did not say");
    await expect(his.send({ text: "may I?" }).accepted).rejects.toEqual(refusal("groupDenied"));
  });

  it("has who was invited by a member wait for an admin, where it asks for approval", async () => {
    const [hers, his] = (await groupOf([alice, bob], { approval: "on", whoInvites: "members" })) as [Group, Group];
    await his.invite("carol");
    const theirs = await join(carol, his);
    expect(theirs.standing).toBe("waiting");
    await hers.send({ text: "not for Carol" }).accepted;
    await expect(theirs.send({ text: "hello?" }).accepted).rejects.toEqual(refusal("groupDenied"));
    await hers.refresh();
    await hers.admit("carol");
    await until(() => theirs.standing === "joined");
    await hers.send({ text: "welcome" }).accepted;
    await reads(theirs, "welcome");
    expect((await wordsOf(theirs)).map((word) => word.split(": ")[1])).toEqual(["welcome"]);
  });

  it("says in its timeline who joined and left, in the same order for everybody", async () => {
    const [hers, his, theirs] = (await groupOf([alice, bob, carol])) as [Group, Group, Group];
    await hers.setRole("bob", "admin");
    await theirs.leave();
    await everybodySees([hers, his], 2);
    const changes = async (group: Group) =>
      (await group.latest(100)).flatMap((item: Item) => (item.kind === "group" ? [item.change.kind] : []));
    for (const group of [hers, his]) await until(async () => (await changes(group)).includes("left"));
    expect((await changes(hers)).slice(-2)).toEqual((await changes(his)).slice(-2));
  });

  it("goes on after both relay and clients were closed", async () => {
    const [hers, his] = (await groupOf([alice, bob], { title: "Team" })) as [Group, Group];
    await hers.send({ text: "one" }).accepted;
    await reads(his, "one");
    await Promise.all([alice.close(), bob.close()]);
    await world.stopRelay();
    await world.startRelay();
    const [againAlice, againBob] = await Promise.all([world.client("alice"), world.client("bob")]);
    const [again] = await againAlice.groups.list();
    const [other] = await againBob.groups.list();
    expect(again?.title).toBe("Team");
    await again?.send({ text: "two" }).accepted;
    await reads(other as Group, "two");
  });
});
