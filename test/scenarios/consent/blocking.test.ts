/** Blocking from end to end: refused, not told, and everybody else goes on as before. */

import type { Client } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { acceptFrom, befriend, itemsUntil, nextEvent, textsOf } from "../../support/world.js";
import { codeOf, type Person, pendingRequests, requestOf, Town } from "./people.js";

let town: Town;
beforeEach(async () => {
  town = await Town.open();
});
afterEach(async () => {
  await town.close();
});

const opening = ({ client }: Person, { name }: Person) => client.openDM({ userId: name });

/** Blocks somebody; resolves when the relay refuses it. */
async function block(blocker: Person, blocked: Person): Promise<void> {
  await (await opening(blocker, blocked)).block();
}

async function waitForContact(client: Client): Promise<void> {
  await nextEvent(client, "contact");
}

describe("somebody who was blocked", () => {
  it("is refused from its next message on, and shown nowhere", async () => {
    const [alice, bob] = await town.contacts();
    const toBob = await opening(alice, bob);
    await toBob.send({ text: "before" }).delivered;
    await block(bob, alice);
    const told: unknown[] = [];
    for (const type of ["message", "request", "policy"] as const)
      bob.client.addEventListener(type, (it) => told.push(it));
    expect(await codeOf(toBob.send({ text: "after" }).accepted)).toBe("notAllowed");
    expect(await codeOf(toBob.send({ text: "still" }).accepted)).toBe("notAllowed");
    expect(told).toEqual([]);
    expect(await bob.client.conversations()).toEqual([]);
    expect((await bob.client.blocked()).map(({ accountId }) => accountId)).toEqual([alice.client.accountId]);
    expect(textsOf(await (await opening(bob, alice)).latest(10))).toEqual(["before"]);
    // What was a contact does not learn what it is now.
    expect(await toBob.peer()).toMatchObject({ relation: "accepted" });
  });

  it("is written to no more, until it is unblocked", async () => {
    const [alice, bob] = await town.contacts();
    await block(bob, alice);
    const toAlice = await opening(bob, alice);
    expect(await codeOf(toAlice.send({ text: "by mistake" }).accepted)).toBe("invalidArgument");
    expect(await codeOf(toAlice.requestContact())).toBe("invalidArgument");
  });

  it("while it was away, or its blocker was, is blocked all the same", async () => {
    const [alice, bob] = await town.contacts();
    await town.world.stopRelay();
    const waiting = (await opening(alice, bob)).send({ text: "said before, sent after" });
    await block(bob, alice);
    await bob.client.close();
    await town.world.startRelay();
    const again = await town.person(bob.name);
    // Whichever of the two reached the relay first: nothing of it is shown.
    await waiting.accepted.catch(() => undefined);
    expect((await again.client.blocked()).map(({ accountId }) => accountId)).toEqual([alice.client.accountId]);
    expect(textsOf(await (await opening(again, alice)).latest(10))).toEqual([]);
  });

  it("as a request is put away, and asks no more", async () => {
    const [alice, bob] = await Promise.all([town.person(), town.person()]);
    const toBob = await opening(alice, bob);
    await toBob.send({ text: "may I?" }).accepted;
    await (await requestOf(bob.client, alice.client)).block();
    expect(await pendingRequests(bob.client)).toEqual([]);
    expect(await codeOf(toBob.send({ text: "please?" }).accepted)).toBe("requestPending");
    expect(await bob.client.conversations()).toEqual([]);
  });

  it("and is unblocked may ask again, and is a contact again once it is accepted", async () => {
    const [alice, bob] = await town.contacts();
    const toBob = await opening(alice, bob);
    await block(bob, alice);
    expect(await codeOf(toBob.send({ text: "refused" }).accepted)).toBe("notAllowed");
    await (await opening(bob, alice)).unblock();
    expect(await bob.client.blocked()).toEqual([]);
    await toBob.send({ text: "sorry" }).accepted;
    expect((await requestOf(bob.client, alice.client)).text).toBe("sorry");
    const toAlice = await acceptFrom(bob.client, alice.client.accountId);
    await toAlice.send({ text: "all right" }).delivered;
    await toBob.send({ text: "thank you" }).delivered;
    expect(textsOf(await toAlice.latest(10))).toEqual(["sorry", "all right", "thank you"]);
  });
});

describe("the key that goes with a block", () => {
  it("reaches contacts who are there and contacts who were away, and nobody else", async () => {
    const [alice, bob] = await town.contacts();
    const [carol, dave] = await Promise.all([town.person(), town.person()]);
    for (const { client, name } of [carol, dave]) {
      await befriend(bob.client, client, { userId: name }, { userId: bob.name });
    }
    await dave.client.close();
    await block(bob, alice);
    // Under this policy a former key is worth nothing: whoever gets through holds the new one.
    await bob.client.setPolicy("nobody");
    const returned = await town.person(dave.name);
    const said = async (person: Person) => {
      const conversation = await opening(person, bob);
      await expect
        .poll(async () => codeOf(conversation.send({ text: person.name }).delivered), { timeout: 10_000 })
        .toBe("fulfilled");
    };
    await said(carol);
    await said(returned);
    expect(await codeOf((await opening(alice, bob)).send({ text: "me, too" }).accepted)).toBe("notAllowed");
  });

  it("that never came to a contact costs it no message: it is named to the relay, and gets the key with the answer", async () => {
    const [alice, bob] = await town.contacts();
    const again = await town.rotateUnheard(bob);
    const toBob = await opening(alice, again);
    const sent = ["one", "two", "three"].map((text) => toBob.send({ text }));
    await Promise.all(sent.map(({ delivered }) => delivered));
    const toAlice = await opening(again, alice);
    expect(textsOf(await itemsUntil(toAlice, (_, all) => all.length === 3))).toEqual(["one", "two", "three"]);
    await toAlice.send({ text: "an answer" }).delivered;
    await again.client.setPolicy("nobody");
    await toBob.send({ text: "with the new key" }).delivered;
  });

  it("is handed out over a crash between the decision and the relay", async () => {
    const [alice, bob] = await town.contacts();
    const carol = await town.person();
    await befriend(bob.client, carol.client, { userId: carol.name }, { userId: bob.name });
    await town.world.stopRelay();
    await block(bob, alice);
    await bob.client.close();
    await town.world.startRelay();
    const again = await town.person(bob.name);
    await again.client.setPolicy("nobody");
    const toBob = await opening(carol, again);
    await expect
      .poll(() => codeOf(toBob.send({ text: "still there?" }).delivered), { timeout: 10_000 })
      .toBe("fulfilled");
    expect(await codeOf((await opening(alice, again)).send({ text: "me, too" }).accepted)).toBe("notAllowed");
  });

  it("does not change for who never held it", async () => {
    const [alice, bob] = await Promise.all([town.person(), town.person()]);
    const carol = await town.person();
    await befriend(bob.client, carol.client, { userId: carol.name }, { userId: bob.name });
    const accepted = waitForContact(alice.client).catch(() => undefined);
    await (await opening(alice, bob)).requestContact();
    await (await requestOf(bob.client, alice.client)).block();
    await bob.client.setPolicy("nobody");
    await (await opening(carol, bob)).send({ text: "with the key I have" }).delivered;
    void accepted;
  });
});
