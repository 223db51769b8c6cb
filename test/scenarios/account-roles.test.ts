/** What the host says an account is: everybody it writes to sees it, and it cannot leave it out. */

import type { Client, DirectConversation } from "@sotto/sdk/node";
import { afterEach, describe, expect, it } from "vitest";
import { groupOf, until } from "../support/group-people.js";
import { acceptFrom, befriend, itemsUntil, World } from "../support/world.js";
import { GrantingHost } from "./consent/granting-host.js";

let world: World;
afterEach(async () => {
  await world.close();
});

const roleOf = async (conversation: DirectConversation) => (await conversation.peer()).accountRole;
const becomes = (conversation: DirectConversation, role: string) =>
  until(async () => (await roleOf(conversation)) === role, `the role ${role}`);

/** A client of a host's user. */
function userOf(host: GrantingHost, userId: string, role?: "bot", store = userId): Promise<Client> {
  return world.client(store, {
    userId,
    auth: () => host.token(userId, role),
    relayRoot: world.running.rootFingerprint,
    existingAccount: "reset",
  });
}

describe("a bot by the host's word", () => {
  it("is one to whoever looks it up, before anything was said, and to whom it writes", async () => {
    const host = new GrantingHost();
    world = await World.open(host.settings);
    const [alice, bob, bot] = await Promise.all([
      userOf(host, "alice"),
      userOf(host, "bob"),
      userOf(host, "helper", "bot"),
    ]);
    expect(await roleOf(await alice.openDM({ userId: "helper" }))).toBe("bot");
    expect(await roleOf(await alice.openDM({ userId: "bob" }))).toBe("person");
    // Bob never looked it up: the certificate of its first word says it.
    const toBob = await bot.openDM({ userId: "bob" });
    await toBob.send({ text: "I am here to help" }).accepted;
    const fromBot = await acceptFrom(bob, bot.accountId);
    expect(await roleOf(fromBot)).toBe("bot");
    expect(await roleOf(toBob)).toBe("person");
  });

  it("stays one with another key or device, and is a person once the host says so", async () => {
    const host = new GrantingHost();
    world = await World.open(host.settings);
    const [alice, bot] = await Promise.all([userOf(host, "alice"), userOf(host, "helper", "bot")]);
    const { accountId } = bot;
    const { toBob: seen, toAlice } = await befriend(alice, bot);
    await toAlice.send({ text: "beep" }).accepted;
    await becomes(seen, "bot");
    await bot.close();
    const renewed = await userOf(host, "helper", "bot", "helper-2");
    await (await renewed.openDM({ userId: "alice" })).send({ text: "still me" }).accepted;
    await itemsUntil(seen, (item) => item.kind === "keychange" || (item.kind === "text" && item.text === "still me"));
    expect(await roleOf(seen)).toBe("bot");
    await renewed.close();
    const person = await userOf(host, "helper", undefined, "helper-3");
    expect(person.accountId).toBe(accountId);
    await (await person.openDM({ userId: "alice" })).send({ text: "a person took over" }).accepted;
    await becomes(seen, "person");
  });

  it("is one among a group's members", async () => {
    world = await World.open();
    const [alice, bot] = await Promise.all([world.client("alice"), world.client("helper", { accountRole: "bot" })]);
    await befriend(alice, bot);
    const [group, seenByBot] = await groupOf([alice, bot]);
    if (group === undefined || seenByBot === undefined) throw new Error("no group");
    await seenByBot.send({ text: "beep" }).accepted;
    await until(async () => (await group.person(bot.accountId)).accountRole === "bot", "the bot's label");
    const roles = (await group.members()).map(({ accountId, accountRole }) => [accountId, accountRole]);
    expect(new Map(roles as [string, string][])).toEqual(
      new Map([
        [alice.accountId, "person"],
        [bot.accountId, "bot"],
      ]),
    );
  });
});

describe("a role that nobody signed", () => {
  it("is refused beside a host's token, before anything is sent", async () => {
    const host = new GrantingHost();
    world = await World.open(host.settings);
    const auth = () => host.token("helper", "bot");
    await expect(world.client("helper", { auth, accountRole: "person" })).rejects.toMatchObject({
      code: "invalidArgument",
    });
  });

  it("is none there is", async () => {
    world = await World.open();
    await expect(world.client("helper", { accountRole: "admin" as "bot" })).rejects.toMatchObject({
      code: "invalidArgument",
    });
  });
});
