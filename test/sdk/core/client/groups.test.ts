/** What an app does to people by groups, with real clients at a real relay: what a refused wish leaves behind, and what events show. */

import type { Client, Group } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { groupOf, join, reads, until } from "../../../support/group-people.js";
import { nextEvent, World } from "../../../support/world.js";

let world: World;
let alice: Client;
let bob: Client;
let carol: Client;
beforeEach(async () => {
  world = await World.open();
  [alice, bob, carol] = await Promise.all([world.client("alice"), world.client("bob"), world.client("carol")]);
});
afterEach(() => world.close());

const refused = (code: string) => expect.objectContaining({ code });

describe("an invitation that is refused", () => {
  it("leaves a stranger one who may still be asked", async () => {
    const [, his] = (await groupOf([alice, bob], { whoInvites: "admins" })) as [Group, Group];
    await expect(his.invite("carol")).rejects.toEqual(refused("groupDenied"));
    await expect(his.invite("bob")).rejects.toEqual(refused("invalidArgument"));
    const asked = nextEvent<{ request: { text: string } }>(carol, "request");
    await (await bob.openDM({ userId: "carol" })).send({ text: "may I?" }).accepted;
    expect((await asked).request.text).toBe("may I?");
  });
});

describe("a member who takes nothing from strangers", () => {
  it("can be given a role and removed by who does not know them", async () => {
    const group = await alice.groups.create({ invite: ["bob"] });
    const his = await join(bob, group);
    await group.invite("carol");
    await join(carol, group);
    await carol.setPolicy("nobody");
    await group.setRole("bob", "admin");
    await his.refresh();
    await expect(his.setRole("carol", "admin")).rejects.toEqual(refused("groupDenied"));
    await his.remove("carol");
    await expect(his.invite("carol")).rejects.toEqual(refused("policyDenied"));
    await until(() => his.standing === "joined");
    await group.refresh();
    expect((await group.members()).map(({ accountId }) => accountId)).toEqual([alice.accountId, bob.accountId]);
  });
});

describe("events of a group", () => {
  it("tell a message after the change that let its author in, with the same object", async () => {
    const [hers] = (await groupOf([alice, bob])) as [Group, Group];
    const seen: string[] = [];
    const here = (group: unknown) => (group === hers ? "" : " elsewhere");
    alice.addEventListener("group", ({ group }) => void seen.push(`group${here(group)}`));
    alice.addEventListener("message", ({ conversation, item }) => {
      if (item.kind === "text") seen.push(`message${here(conversation)}`);
    });
    await hers.invite("carol");
    const theirs = await join(carol, hers);
    await theirs.send({ text: "hello" }).accepted;
    await reads(hers, "hello");
    await until(() => seen.includes("message"));
    expect(seen.indexOf("group")).toBeLessThan(seen.indexOf("message"));
    expect(seen.filter((what) => what.endsWith("elsewhere"))).toEqual([]);
  });

  it("hold no member's name in what is shown to support", async () => {
    const [hers] = (await groupOf([alice, bob], { title: "a secret title" })) as [Group, Group];
    const bundle = JSON.stringify(await alice.debugBundle());
    for (const secret of ["a secret title", hers.id, bob.accountId, "bob"]) expect(bundle).not.toContain(secret);
  });
});

describe("closing", () => {
  it("in the middle of what groups do settles all of it, and the next run has what was said", async () => {
    const [hers, his] = (await groupOf([alice, bob])) as [Group, Group];
    const sent = Array.from({ length: 30 }, (_, index) => hers.send({ text: `m${index}` }));
    const wishes = [hers.update({ title: "one" }), hers.invite("carol"), hers.refresh()];
    await sent[3]?.accepted;
    await Promise.all([alice.close(), Promise.allSettled(wishes)]);
    for (const outcome of await Promise.allSettled(sent.map(({ accepted }) => accepted)))
      if (outcome.status === "rejected") expect(outcome.reason).toEqual(refused("closed"));
    await world.client("alice");
    await reads(his, "m29");
  });
});
