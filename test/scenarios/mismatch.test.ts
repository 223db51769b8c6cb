/**
 * The relay is asked once more at most when a sender's list of devices is wrong: counted on the wire, between real clients
 * and a real relay.
 */

import { join } from "node:path";
import type { AccountId } from "@sotto/protocol";
import { type Client, type DirectConversation, levelStore, nodePlatform } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { linkFrom } from "../support/chaos/linking.js";
import { type RunningProxy, startProxy } from "../support/hostile-relay/index.js";
import { befriend, itemsUntil, nextEvent, World } from "../support/world.js";
import { Wire } from "./mismatch-wire.js";

const TIMEOUT_MS = 60_000;

let world: World;
/** Alice's, which is the sender of most tests, and bob's. */
let wire: Wire;
let other: Wire;
let proxies: readonly RunningProxy[];
let alice: Client;
let bob: Client;
let toBob: DirectConversation;
let toAlice: DirectConversation;
const opened: Client[] = [];

beforeEach(async () => {
  world = await World.open();
  wire = new Wire();
  other = new Wire();
  proxies = await Promise.all([wire, other].map(({ rewrite }) => startProxy({ upstream: world.url, rewrite })));
  [alice, bob] = await Promise.all([person("alice"), person("bob")]);
  ({ toBob, toAlice } = await befriend(alice, bob));
  await toBob.send({ text: "hello" }).delivered;
  await toAlice.send({ text: "hello yourself" }).delivered;
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((client) => client.close()));
  await Promise.all(proxies.map((proxy) => proxy.close()));
  await world.close();
});

/** Somebody's client, through a proxy of their own. */
function person(name: string): Promise<Client> {
  const proxy = proxies[name === "alice" ? 0 : 1];
  return world.client(name, proxy === undefined ? {} : { relay: proxy.url });
}

/** A further device of whoever `donor` is. */
async function link(donor: Client, name: string): Promise<Client> {
  const store = levelStore(join(world.folder, "clients", name));
  const client = await linkFrom(donor, "none", {
    platform: nodePlatform,
    options: { userId: name.replace(/-.*/, ""), store },
  });
  opened.push(client);
  if (client.state !== "ready") await nextEvent<{ state: string }>(client, "state", ({ state }) => state === "ready");
  return client;
}

/** Resolves when a device shows a text. */
async function shows(client: Client, peer: AccountId, text: string): Promise<void> {
  const conversation = await client.openDM({ accountId: peer });
  await itemsUntil(conversation, (item) => item.kind === "text" && item.text === text);
}

/** Revokes a device of bob's. Alice holds the key that comes with it when this resolves, and has said nothing but receipts. */
async function revoke(device: Client): Promise<void> {
  await bob.devices.revoke(device.deviceId);
  // What is sent later in the same direction comes behind the key.
  await toAlice.send({ text: "I threw that one away" }).delivered;
}

describe("a send whose list of devices is wrong", { timeout: TIMEOUT_MS }, () => {
  it("costs one more round trip when a device is missing, and none for the next", async () => {
    const second = await link(bob, "bob-2");
    wire.forget();
    await toBob.send({ text: "to both" }).accepted;
    expect(wire.attempts(bob.accountId)).toEqual([2]);
    expect(wire.fetchesOf(bob.accountId)).toBe(0);
    expect(wire.lastDevices(bob.accountId)).toEqual([bob.deviceId, second.deviceId]);
    expect(wire.mostMismatches).toBe(1);
    await shows(second, alice.accountId, "to both");

    wire.forget();
    await toBob.send({ text: "again" }).accepted;
    expect(wire.attempts(bob.accountId)).toEqual([1]);
  });

  it("costs one more round trip when a device is gone, and encrypts to it no more", async () => {
    const second = await link(bob, "bob-2");
    await toBob.send({ text: "to both" }).delivered;
    wire.forget();
    await revoke(second);
    await toBob.send({ text: "to one" }).accepted;
    expect(wire.extra(bob.accountId)).toBe(1);
    expect(wire.lastDevices(bob.accountId)).toEqual([bob.deviceId]);
    await shows(bob, alice.accountId, "to one");
  });

  it("costs one more round trip when another device came in the place of one that is gone", async () => {
    const second = await link(bob, "bob-2");
    await toBob.send({ text: "to both" }).delivered;
    await alice.close();
    await bob.devices.revoke(second.deviceId);
    const third = await link(bob, "bob-3");
    // Under a number of its own: those of removed devices come back only after 126 others.
    expect(third.deviceId).not.toBe(second.deviceId);
    await toAlice.send({ text: "I have a new one" }).accepted;
    wire.forget();
    alice = await person("alice");
    toBob = await alice.openDM({ accountId: bob.accountId });
    await shows(alice, bob.accountId, "I have a new one");
    await toBob.send({ text: "to the new one" }).accepted;
    expect(wire.extra(bob.accountId)).toBe(1);
    await shows(third, alice.accountId, "to the new one");
  });

  it("costs one more round trip when one device is missing and another is gone", async () => {
    const second = await link(bob, "bob-2");
    await toBob.send({ text: "to both" }).delivered;
    const third = await link(bob, "bob-3");
    wire.forget();
    await revoke(second);
    await toBob.send({ text: "to the others" }).accepted;
    expect(wire.extra(bob.accountId)).toBe(1);
    expect(wire.lastDevices(bob.accountId)).toEqual([bob.deviceId, third.deviceId]);
    await shows(third, alice.accountId, "to the others");
  });

  it("costs one more round trip for each sender when both sides change devices at once", async () => {
    const [aliceSecond, bobSecond] = await Promise.all([link(alice, "alice-2"), link(bob, "bob-2")]);
    wire.forget();
    const texts = ["one", "two", "three", "back one", "back two"];
    const sent = texts.map((text) => (text.startsWith("back") ? toAlice : toBob).send({ text }));
    await Promise.all(sent.map(({ accepted }) => accepted));
    for (const text of texts) {
      await shows(bobSecond, alice.accountId, text);
      await shows(aliceSecond, bob.accountId, text);
    }
    // A new device is a sender too, with its receipts: its first list names only whom it heard, and costs it a round trip.
    const allWrote = () => Promise.all([wire.wrote(2, bob.accountId), other.wrote(2, alice.accountId)]);
    await allWrote();
    // Messages that are on their way together are repeated together; own devices are told of them in the same way.
    const sides = [
      { side: wire, own: alice.accountId, peer: bob.accountId },
      { side: other, own: bob.accountId, peer: alice.accountId },
    ];
    for (const { side, own, peer } of sides) {
      expect(side.mostMismatches).toBeLessThanOrEqual(1);
      // A new device speaks through its donor's proxy. Keys it lacks come with the answer, or are all asked for at once.
      expect(side.repairsOf(peer)).toBe(0);
      // The two devices of one person learn of each other without a mismatch, and fetch the other's keys once.
      expect(side.fetchesOf(own)).toBeLessThanOrEqual(2);
      side.forget();
    }
    // From here on every list is right: those of whoever says something, and of the new devices that confirm it.
    await Promise.all([
      toBob.send({ text: "once" }).accepted,
      toAlice.send({ text: "once more" }).accepted,
      allWrote(),
    ]);
    expect(wire.extra(bob.accountId) + other.extra(alice.accountId)).toBe(0);
  });

  it("costs one more round trip when both sides put one device in the place of another at once", async () => {
    const [aliceSecond, bobSecond] = await Promise.all([link(alice, "alice-2"), link(bob, "bob-2")]);
    await Promise.all([toBob.send({ text: "to both" }).delivered, toAlice.send({ text: "to both" }).delivered]);
    for (const side of [wire, other]) side.forget();
    await Promise.all([alice.devices.revoke(aliceSecond.deviceId), bob.devices.revoke(bobSecond.deviceId)]);
    const [aliceThird, bobThird] = await Promise.all([link(alice, "alice-3"), link(bob, "bob-3")]);
    await Promise.all([toBob.send({ text: "hello again" }).accepted, toAlice.send({ text: "and again" }).accepted]);
    await shows(bobThird, alice.accountId, "hello again");
    await shows(aliceThird, bob.accountId, "and again");
    // The new keys that come with it cost their own round trips, wrong lists one each.
    for (const side of [wire, other]) expect(side.mostMismatches).toBeLessThanOrEqual(1);
  });
});
