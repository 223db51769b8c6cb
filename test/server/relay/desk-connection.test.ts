/** The desk's connection: who is taken for the desk, what devices ask over it, and what becomes of that when it goes. */

import { describe, expect, it } from "vitest";
import { newSigner, TestRealm } from "../../support/raw-desk.js";
import { deskOf, withDesk } from "./support/desk.js";
import { TestRelay } from "./support/test-relay.js";
import { settle } from "./support/turns.js";

const bytes = (text: string) => new TextEncoder().encode(text);

describe("the greeting of the desk", () => {
  it("takes who holds the key the relay was given, and nobody else", async () => {
    const realm = new TestRealm();
    const relay = await TestRelay.start({ policy: { deskKey: realm.link.publicKey } });
    const { client, challenge } = await relay.challenged();
    client.say(realm.authentication(challenge));
    expect(await client.next("deskWelcome")).toMatchObject({ serverTimeMs: relay.clock.now() });
    expect(relay.gauges.get("deskConnections")).toBe(1);

    const stranger = newSigner();
    const liars = [
      { ...realm.authentication(challenge, stranger) },
      { ...realm.authentication(challenge, stranger), key: realm.link.publicKey },
      // Over another greeting's challenge.
      realm.authentication(challenge),
    ];
    for (const frame of liars) {
      const other = await relay.challenged();
      other.client.say(frame);
      await other.client.next("refused");
      await other.client.closed("unauthenticated");
    }
    expect(client.closedWith).toBeUndefined();
  });

  it("takes nobody where the relay was told of no desk", async () => {
    const realm = new TestRealm();
    const relay = await TestRelay.start();
    const { client, challenge } = await relay.challenged();
    client.say(realm.authentication(challenge));
    await client.next("refused");
    await client.closed("unauthenticated");
  });

  it("lets a newer connection of the desk displace the older, once it has proved itself", async () => {
    const { relay, realm, desk } = await withDesk();
    const { client, challenge } = await relay.challenged();
    expect(desk.closedWith).toBeUndefined();
    client.say(realm.authentication(challenge));
    await client.next("deskWelcome");
    await desk.closed("displaced");
    expect(relay.gauges.get("deskConnections")).toBe(1);
    client.hangUp();
    expect(relay.gauges.get("deskConnections")).toBe(0);
  });
});

describe("a desk's connection", () => {
  it("is no device's: it may send nothing, and devices may not speak as the desk", async () => {
    const { relay, desk } = await withDesk();
    desk.say({ type: "fetchCertificate", id: 1 });
    await desk.failure(1, "notAuthenticated");
    await desk.closed("badFrame");
    for (const frame of [
      { type: "fetchStampKeys", id: 2, from: 0 },
      { type: "fetchReports", id: 2, after: 0 },
      { type: "enforce", id: 2, sanction: bytes("anything") },
      { type: "putRealm", id: 2, document: bytes("anything") },
    ] as const) {
      for (const client of [(await relay.person(`person ${frame.type}`)).client, await relay.anonymous()]) {
        client.say(frame);
        await client.failure(2, "notAuthenticated");
        await client.closed("badFrame");
      }
    }
  });
});

describe("what a device asks the desk", () => {
  it("is handed on with who asks, as the greeting proved it, and the answer comes back to who asked", async () => {
    const { relay, desk } = await withDesk();
    const [alice, bob] = [await relay.person("alice"), await relay.person("bob")];
    alice.client.say({ type: "askDesk", id: 7, body: bytes("of alice") });
    bob.client.say({ type: "askDesk", id: 7, body: bytes("of bob") });
    const first = await desk.next("deskAsked");
    const second = await desk.next("deskAsked");
    expect(first).toMatchObject({ account: alice.account, device: alice.device.device, body: bytes("of alice") });
    expect(second).toMatchObject({ account: bob.account, device: bob.device.device, body: bytes("of bob") });
    desk.say({ type: "deskAnswered", ask: second.ask, body: bytes("to bob") });
    desk.say({ type: "deskAnswered", ask: first.ask, body: bytes("to alice") });
    expect(await alice.client.next("deskAnswer")).toEqual({ type: "deskAnswer", id: 7, body: bytes("to alice") });
    expect(await bob.client.next("deskAnswer")).toEqual({ type: "deskAnswer", id: 7, body: bytes("to bob") });
  });

  it("is answered once: what nobody asked, or waits for no more, is let go", async () => {
    const { relay, desk } = await withDesk();
    const alice = await relay.person("alice");
    alice.client.say({ type: "askDesk", id: 1, body: bytes("a") });
    const { ask } = await desk.next("deskAsked");
    for (const number of [ask + 1, ask, ask]) desk.say({ type: "deskAnswered", ask: number, body: bytes("x") });
    await alice.client.next("deskAnswer");
    expect(await alice.client.rest()).toEqual([]);
    expect(desk.closedWith).toBeUndefined();
  });

  it("is busy while the desk is away, when it goes in between, and when it takes longer than 15 s", async () => {
    const { relay, realm, desk } = await withDesk();
    const alice = await relay.person("alice");
    alice.client.say({ type: "askDesk", id: 1, body: bytes("a") });
    await desk.next("deskAsked");
    desk.hangUp();
    await alice.client.failure(1, "busy");
    alice.client.say({ type: "askDesk", id: 2, body: bytes("a") });
    await alice.client.failure(2, "busy");

    const again = await deskOf(relay, realm);
    alice.client.say({ type: "askDesk", id: 3, body: bytes("a") });
    const { ask } = await again.next("deskAsked");
    relay.clock.advance(14_999);
    expect(await alice.client.rest()).toEqual([]);
    relay.clock.advance(1);
    await alice.client.failure(3, "busy");
    again.say({ type: "deskAnswered", ask, body: bytes("late") });
    expect(await alice.client.rest()).toEqual([]);
  });

  it("is not answered by a desk that was displaced", async () => {
    const { relay, realm, desk } = await withDesk();
    const alice = await relay.person("alice");
    alice.client.say({ type: "askDesk", id: 1, body: bytes("a") });
    await desk.next("deskAsked");
    await deskOf(relay, realm);
    await alice.client.failure(1, "busy");
  });

  it("has a bound for all accounts, and one for each", async () => {
    const { relay, desk } = await withDesk();
    const people = await Promise.all(Array.from({ length: 12 }, (_, index) => relay.person(`p${index}`)));
    for (const { client } of people.slice(0, 11)) {
      for (let ask = 1; ask <= 50; ask++) client.say({ type: "askDesk", id: ask, body: bytes("a") });
    }
    await settle();
    expect((await desk.rest()).filter((type) => type === "deskAsked")).toHaveLength(512);
    const last = people[11];
    last?.client.say({ type: "askDesk", id: 1, body: bytes("a") });
    await last?.client.failure(1, "busy");
    relay.clock.advance(15_000);
    for (let ask = 1; ask <= 512; ask++) await desk.next("deskAsked");
    const greedy = people[0];
    await greedy?.client.rest();
    for (let ask = 1; ask <= 90; ask++) greedy?.client.say({ type: "askDesk", id: 100 + ask, body: bytes("a") });
    await settle();
    const own = (await desk.rest()).filter((type) => type === "deskAsked").length;
    expect(own).toBeLessThan(90);
    expect(relay.counts.get("limited asksPerAccount")).toBe(90 - own);
  });

  it("is let go when the relay is about to stop", async () => {
    const { relay, desk } = await withDesk();
    const alice = await relay.person("alice");
    alice.client.say({ type: "askDesk", id: 1, body: bytes("a") });
    await desk.next("deskAsked");
    const closing = relay.relay.close();
    await alice.client.failure(1, "busy");
    await closing;
  });
});

describe("word that there is something for an account", () => {
  it("goes to all of its devices that are here, and to nobody else", async () => {
    const { relay, desk } = await withDesk();
    const [alice, bob] = [await relay.person("alice"), await relay.person("bob")];
    desk.say({ type: "notify", id: 1, account: alice.account });
    await desk.next("done");
    expect(await alice.client.next("deskNews")).toEqual({ type: "deskNews", news: "notes" });
    expect(await bob.client.rest()).toEqual([]);
  });
});
