/** First contact on the host's word: when the hook is asked, how often, and what comes of its answers. */

import { afterEach, describe, expect, it } from "vitest";
import { codeOf, needOf, type Person, requestOf, Town } from "./people.js";

let town: Town;
afterEach(async () => {
  await town.close();
});

const opening = ({ client }: Person, { name }: Person) => client.openDM({ userId: name });

describe("the hook for grants", () => {
  it("is asked with what is needed, only where something is, and once", async () => {
    town = await Town.open();
    const asked: unknown[] = [];
    const alice = await town.person("alice", {
      grant: ({ to, need }) => {
        asked.push({ userId: to.userId, need });
        return town.host.grant("alice", to.userId ?? "", { nonce: "one" });
      },
    });
    const [open, careful] = await Promise.all([town.person(), town.person()]);
    await careful.client.setPolicy("grant");
    await (await opening(alice, open)).send({ text: "hello" }).accepted;
    expect(asked).toEqual([]);
    await opening(alice, careful);
    await (await opening(alice, careful)).send({ text: "hello" }).accepted;
    expect(asked).toEqual([{ userId: careful.name, need: ["mutual_follow"] }]);
    expect((await requestOf(careful.client, alice.client)).text).toBe("hello");
  });

  it("that answers nothing, or fails, denies", async () => {
    town = await Town.open();
    const bob = await town.person();
    await bob.client.setPolicy("grant");
    const silent = await town.person("silent", { grant: async () => undefined });
    expect(await needOf(silent.client, bob.name)).toEqual(["mutual_follow"]);
    const failing = await town.person("failing", { grant: () => Promise.reject(new Error("the host is away")) });
    expect(await needOf(failing.client, bob.name)).toEqual(["mutual_follow"]);
  });

  it("is asked once more for a grant that was spent or has expired, and then no more", async () => {
    town = await Town.open();
    const grants: string[] = [];
    const mallory = await town.person("mallory", { grant: async () => grants.shift() });
    const people = await Promise.all([town.person(), town.person(), town.person()]);
    for (const { client } of people) await client.setPolicy("grant");
    const [bob, carol, dave] = people as [Person, Person, Person];
    const of = (to: Person, claims = {}) => town.host.grant("mallory", to.name, claims);

    grants.push(await of(bob, { expiresInSeconds: -120 }), await of(bob));
    await (await opening(mallory, bob)).send({ text: "expired, then good" }).accepted;
    grants.push(await of(bob), await of(carol));
    await (await opening(mallory, carol)).send({ text: "another's, then good" }).accepted;
    grants.push(await of(dave, { basis: "a whim" }), await of(dave, { basis: "a whim" }), await of(dave));
    const refused = (await opening(mallory, dave)).send({ text: "for no reason" });
    expect(await codeOf(refused.accepted)).toBe("badGrant");
    await refused.retry();
    expect((await requestOf(dave.client, mallory.client)).text).toBe("for no reason");
  });

  it("vouches for a first contact that a restart came between", async () => {
    town = await Town.open();
    const bob = await town.person();
    await bob.client.setPolicy("grant");
    const grant = ({ to }: { to: { userId: string | undefined } }) => town.host.grant("alice", to.userId ?? "");
    const alice = await town.person("alice", { grant });
    const toBob = await opening(alice, bob);
    await town.world.stopRelay();
    const sent = toBob.send({ text: "kept" });
    for await (const item of toBob.messages()) if (item.kind === "text") break;
    await alice.client.close();
    expect(await codeOf(sent.accepted)).toBe("closed");
    await town.world.startRelay();
    const again = await town.person("alice", { grant });
    expect((await requestOf(bob.client, again.client)).text).toBe("kept");
  });
});
