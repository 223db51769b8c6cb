/** Who may make first contact: what an account decides, and what its community demands. */

import { afterEach, describe, expect, it } from "vitest";
import { acceptFrom, befriend } from "../../support/world.js";
import { codeOf, needOf, type Person, requestOf, Town } from "./people.js";

let town: Town;
afterEach(async () => {
  await town.close();
});

const opening = ({ client }: Person, { name }: Person) => client.openDM({ userId: name });

describe("a policy", () => {
  it("counts from the next send on, with the relay running all the while", async () => {
    town = await Town.open();
    const [alice, bob] = await Promise.all([town.person(), town.person()]);
    const toBob = await opening(alice, bob);
    await bob.client.setPolicy("nobody");
    expect(bob.client.policy).toBe("nobody");
    const refused = toBob.send({ text: "too late" });
    expect(await codeOf(refused.accepted)).toBe("notAllowed");
    // It reached nobody, so it is no request that waits.
    expect(await toBob.peer()).toMatchObject({ relation: "none" });
    await bob.client.setPolicy("everyone");
    await toBob.send({ text: "in time" }).accepted;
    expect((await requestOf(bob.client, alice.client)).text).toBe("in time");
  });

  it("lets a message that was refused be sent again once it changed", async () => {
    town = await Town.open();
    const [alice, bob] = await Promise.all([town.person(), town.person()]);
    const toBob = await opening(alice, bob);
    await bob.client.setPolicy("contacts");
    const refused = toBob.send({ text: "again" });
    expect(await codeOf(refused.accepted)).toBe("notAllowed");
    await bob.client.setPolicy("everyone");
    await refused.retry();
    expect((await requestOf(bob.client, alice.client)).text).toBe("again");
    expect(await codeOf(toBob.send({ text: "second" }).accepted)).toBe("requestPending");
  });

  it("says what it asks for, and holds over a restart", async () => {
    town = await Town.open();
    const [alice, bob] = await Promise.all([town.person(), town.person()]);
    await bob.client.setPolicy("grant");
    expect(await needOf(alice.client, bob.name)).toEqual(["mutual_follow"]);
    await bob.client.setPolicy("contacts");
    expect(await needOf(alice.client, bob.name)).toEqual(["contact"]);
    await bob.client.close();
    const again = await town.person(bob.name);
    expect(again.client.policy).toBe("contacts");
    expect(await needOf(alice.client, bob.name)).toEqual(["contact"]);
  });

  it("set without the relay is told to it when it is reached", async () => {
    town = await Town.open();
    const [alice, bob] = await Promise.all([town.person(), town.person()]);
    await town.world.stopRelay();
    await bob.client.setPolicy("nobody");
    await bob.client.close();
    await town.world.startRelay();
    const [again] = await Promise.all([town.person(bob.name)]);
    // Told behind its greeting: what it asks next is answered behind that.
    await again.client.setPolicy("nobody");
    await expect.poll(() => needOf(alice.client, bob.name)).toEqual(["contact"]);
  });

  it("does not concern contacts, and is no stricter than the community's floor lets it be loose", async () => {
    town = await Town.open({ firstContactFloor: "grant" });
    const [alice, bob] = await Promise.all([town.person(), town.person()]);
    expect(await needOf(alice.client, bob.name)).toEqual(["mutual_follow"]);
    const vouched = await town.vouchedFor();
    await (await opening(vouched, bob)).send({ text: "we follow each other" }).accepted;
    const toVouched = await acceptFrom(bob.client, vouched.client.accountId);
    await bob.client.setPolicy("nobody");
    await toVouched.send({ text: "welcome" }).delivered;
    await (await opening(vouched, bob)).send({ text: "thank you" }).delivered;
    expect(await needOf(vouched.client, alice.name)).toBeUndefined();
  });

  it("is one of four", async () => {
    town = await Town.open();
    const { client } = await town.person();
    expect(await codeOf(client.setPolicy("friends" as never))).toBe("invalidArgument");
    expect(client.policy).toBe("everyone");
  });
});

describe("a contact", () => {
  it("is not looked up again, and opened without the relay", async () => {
    town = await Town.open();
    const [alice, bob] = await Promise.all([town.person(), town.person()]);
    await befriend(alice.client, bob.client, { userId: bob.name }, { userId: alice.name });
    await bob.client.setPolicy("nobody");
    await town.world.stopRelay();
    expect(await (await opening(alice, bob)).peer()).toMatchObject({ relation: "accepted" });
  });
});
