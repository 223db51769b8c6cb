/** An account's devices: listed, named, revoked, and told of each other. */

import { failures, hashDeliveryKey, limits, parseDeviceId } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { mailboxId, type Store, StoreError } from "../../../server/ports.js";
import { memoryStore } from "../../../server/store/index.js";
import type { Client } from "./support/client.js";
import { TestDevice } from "./support/device.js";
import { ManualClock } from "./support/manual-clock.js";
import { documentOf } from "./support/registering.js";
import { envelopeFor, sealedTo, sendFrame, TestRelay } from "./support/test-relay.js";

const DAY_MS = 86_400_000;

/** A delivery key's hash that was never in force. */
const hash = (value: number) => new Uint8Array(32).fill(value);

/** Alice with two devices, both connected. */
async function two(options: Parameters<typeof TestRelay.start>[0] = {}) {
  const relay = await TestRelay.start(options);
  const alice = await relay.person("alice");
  const second = new TestDevice(alice.person);
  const { client: secondClient } = await relay.registered(second, "add");
  await alice.client.next("devicesChanged");
  return { relay, alice, second, secondClient };
}

function revoke(client: Client, device: TestDevice, deliveryKeyHash: Uint8Array): number {
  const id = client.id();
  client.say({ type: "revokeDevice", id, device: device.known.device, deliveryKeyHash });
  return id;
}

async function idsOf(client: Client): Promise<readonly number[]> {
  return (await client.next("devicesChanged")).devices.map(({ device }) => device);
}

describe("listDevices", () => {
  it("answers every device with its sealed name, when it joined, and the day it was last here", async () => {
    const { relay, alice, second, secondClient } = await two();
    const name = new Uint8Array(limits.sealedNameBytes.value).fill(9);
    secondClient.say({ type: "nameDevice", id: 1, name });
    expect(await secondClient.next("done")).toMatchObject({ id: 1 });
    alice.client.say({ type: "listDevices", id: 2 });
    const addedMs = relay.clock.now();
    const seenDay = Math.floor(addedMs / DAY_MS);
    expect(await alice.client.next("deviceList")).toEqual({
      type: "deviceList",
      id: 2,
      devices: [
        { device: 1, registrationId: alice.device.registrationId, addedMs, seenDay },
        { device: 2, registrationId: second.registrationId, addedMs, seenDay, name },
      ],
    });
  });

  it("shows a day only once a device was here on it, and writes it once a day", async () => {
    const { relay, alice } = await two();
    const day = Math.floor(relay.clock.now() / DAY_MS);
    const seen = async () => (await documentOf(relay, alice.device)).devices.map(({ seenDay }) => seenDay - day);
    relay.clock.advance(3 * DAY_MS);
    expect(await seen()).toEqual([0, 0]);
    await relay.connected(alice.device);
    expect(await seen()).toEqual([3, 0]);
    const revision = (await relay.store.directory.account(alice.account))?.revision;
    await relay.connected(alice.device);
    expect((await relay.store.directory.account(alice.account))?.revision).toBe(revision);
  });
});

describe("revokeDevice", () => {
  it("closes the device's connection, drops its mailbox and its keys, and lets nobody be it", async () => {
    const { relay, alice, second, secondClient } = await two();
    secondClient.say({ type: "publishKeys", id: 1, oneTime: "add", ...alice.person.oneTimeKeys([2, 3]) });
    await secondClient.next("published");
    const sender = await relay.anonymous();
    sender.say(sendFrame(sender, [sealedTo(alice.device, second)]));
    await sender.next("accepted");

    const id = revoke(alice.client, second, hash(1));
    await alice.client.next("deliver");
    expect((await alice.client.next("done")).id).toBe(id);
    await secondClient.closed("revoked");
    await sender.rest();
    const gone = mailboxId(alice.account, second.known.device, second.registrationId);
    expect((await relay.store.mail.heads([gone])).size).toBe(0);
    expect(await relay.store.directory.countPrekeys(gone, "curve")).toBe(0);
    expect(await relay.store.directory.countPrekeys(gone, "kyber")).toBe(0);
    expect((await documentOf(relay, alice.device)).retired).toEqual([]);
    const { client, challenge } = await relay.challenged();
    client.say(second.authentication(challenge));
    await client.next("refused");
    await client.closed("unauthenticated");

    const { account } = alice;
    const { client: bob } = await relay.person("bob");
    bob.say({ type: "fetchBundles", id: 7, account, devices: [] });
    expect((await bob.next("bundles")).devices.map(({ device }) => device)).toEqual([1]);
  });

  it("leaves nothing of keys that the device publishes as it goes", async () => {
    const clock = new ManualClock();
    const store = memoryStore({ clock });
    await store.open();
    let adding = 0;
    let go = () => {};
    const dropped = new Promise<void>((resolve) => {
      go = resolve;
    });
    const directory: Store["directory"] = {
      ...store.directory,
      addPrekeys(...keys) {
        adding += 1;
        return dropped.then(() => store.directory.addPrekeys(...keys));
      },
    };
    const { relay, alice, second, secondClient } = await two({ clock, store: { ...store, directory } });
    secondClient.say({ type: "publishKeys", id: 1, oneTime: "add", ...alice.person.oneTimeKeys([2, 3]) });
    await secondClient.rest();
    expect(adding).toBe(2);
    revoke(alice.client, second, hash(1));
    await secondClient.closed("revoked");
    await alice.client.rest();
    go();
    await alice.client.rest();
    const gone = mailboxId(alice.account, second.known.device, second.registrationId);
    expect(await relay.store.directory.countPrekeys(gone, "curve")).toBe(0);
    expect(await relay.store.directory.highestPrekey(gone, "kyber")).toBe(0);
  });

  it("replaces the delivery key in the same step, and remembers the one the device knew", async () => {
    const { relay, alice, second } = await two();
    revoke(alice.client, second, hash(1));
    await alice.client.next("done");
    const document = await documentOf(relay, alice.device);
    expect(document).toMatchObject({ deliveryKeyHash: hash(1) });
    expect(document.formerKeyHashes).toEqual([hashDeliveryKey(alice.person.deliveryKey)]);
    expect(document.devices.map(({ device }) => device)).toEqual([1]);
  });

  it("is not undone by a device that had not heard of it: the key that was known opens nothing", async () => {
    const { relay, alice, second } = await two();
    const third = new TestDevice(alice.person);
    const { client: stale } = await relay.registered(third, "add");
    revoke(alice.client, second, hash(1));
    await stale.next("devicesChanged");
    const deliveryKeyHash = hashDeliveryKey(alice.person.deliveryKey);
    stale.say({ type: "setAccess", id: 5, deliveryKeyHash, firstContact: "grant", blocked: [] });
    await stale.failure(5, "badFrame");
    expect(await documentOf(relay, alice.device)).toMatchObject({ deliveryKeyHash: hash(1), firstContact: "everyone" });
    const sender = await relay.anonymous();
    const envelopes = [alice.device, third].map((device) => envelopeFor(device));
    const frame = sendFrame(sender, [{ ...sealedTo(alice.device), envelopes }]);
    sender.say(frame);
    await sender.rest();
    relay.clock.advance(250);
    await sender.failure(frame.id, "notAllowed");
  });

  it("is not undone by what two devices said of the key before, in the same moment", async () => {
    const { relay, alice, second, secondClient } = await two();
    const deliveryKeyHash = hashDeliveryKey(alice.person.deliveryKey);
    for (const client of [secondClient, alice.client]) {
      client.say({ type: "setAccess", id: 5, deliveryKeyHash, firstContact: "grant", blocked: [] });
      if (client === secondClient) revoke(alice.client, second, hash(1));
    }
    await alice.client.rest();
    expect(await documentOf(relay, alice.device)).toMatchObject({ deliveryKeyHash: hash(1) });
  });

  it("tells all other devices, and not the one that asked", async () => {
    const { relay, alice, second, secondClient } = await two();
    const third = new TestDevice(alice.person);
    const { client: thirdClient } = await relay.registered(third, "add");
    expect(await idsOf(alice.client)).toEqual([1, 2, 3]);
    expect(await idsOf(secondClient)).toEqual([1, 2, 3]);
    revoke(alice.client, second, hash(1));
    await alice.client.next("done");
    expect(await idsOf(thirdClient)).toEqual([1, 3]);
    expect(await alice.client.rest()).toEqual([]);
  });

  it("answers a repeat whose first answer was lost as the first", async () => {
    const { relay, alice, second } = await two();
    revoke(alice.client, second, hash(1));
    await alice.client.next("done");
    revoke(alice.client, second, hash(1));
    await alice.client.next("done");
    expect((await documentOf(relay, alice.device)).formerKeyHashes).toHaveLength(1);
  });

  it("refuses a device that is not there, and a delivery key the revoked device would still know", async () => {
    const { relay, alice, second } = await two();
    alice.client.say({ type: "revokeDevice", id: 5, device: parseDeviceId(9), deliveryKeyHash: hash(1) });
    await alice.client.failure(5, "unknownDevice");
    const id = revoke(alice.client, second, hashDeliveryKey(alice.person.deliveryKey));
    await alice.client.failure(id, "badFrame");
    expect((await documentOf(relay, alice.device)).devices).toHaveLength(2);
  });

  it("of the calling device itself is answered before its connection closes", async () => {
    const { relay, alice, second, secondClient } = await two();
    revoke(secondClient, second, hash(1));
    await secondClient.next("done");
    await secondClient.closed("revoked");
    expect(await idsOf(alice.client)).toEqual([1]);
    expect((await documentOf(relay, alice.device)).retired).toEqual([]);
  });

  it("asked for 20 times at once, by two devices, happens once", async () => {
    const { relay, alice, second, secondClient } = await two();
    const third = new TestDevice(alice.person);
    await relay.registered(third, "add");
    for (let count = 0; count < 10; count++) {
      revoke(alice.client, third, hash(1));
      revoke(secondClient, third, hash(2));
    }
    const answers: string[] = [];
    for (const client of [alice.client, secondClient]) {
      for (let count = 0; count < 10; count++) {
        answers.push(await client.next("done").then(({ type }) => type, String));
      }
    }
    const document = await documentOf(relay, alice.device);
    expect(document.devices.map(({ device }) => device)).toEqual([1, second.known.device]);
    expect(document.formerKeyHashes).toHaveLength(1);
    expect(document.retired).toEqual([]);
    expect(answers.filter((answer) => answer === "done").length).toBeGreaterThanOrEqual(1);
    expect(answers.every((answer) => answer === "done" || answer.includes("unknownDevice"))).toBe(true);
    expect(relay.bugs).toEqual([]);
  });

  it("of each other at once leaves an account that says what it says: at most one of both is there", async () => {
    const { relay, alice, second, secondClient } = await two();
    revoke(alice.client, second, hash(1));
    revoke(secondClient, alice.device, hash(2));
    await alice.client.rest();
    const { devices, retired } = await documentOf(relay, alice.device);
    expect(devices).toHaveLength(1);
    expect(retired).toEqual([]);
    expect(relay.bugs).toEqual([]);
  });

  it("stops a send that was under way: its mail is not stored for the revoked device", async () => {
    const { relay, alice, second } = await two();
    const sender = await relay.anonymous();
    const { deliveryKey: former } = alice.person;
    revoke(alice.client, second, hashDeliveryKey(new Uint8Array(16).fill(1)));
    await alice.client.next("done");
    const late = sendFrame(sender, [{ ...sealedTo(alice.device, second), deliveryKey: former }]);
    sender.say(late);
    await alice.client.rest();
    relay.clock.advance(250);
    await sender.failure(late.id, "notAllowed");
    const current = { ...sealedTo(alice.device, second), deliveryKey: new Uint8Array(16).fill(1) };
    sender.say(sendFrame(sender, [current]));
    expect((await sender.next("deviceMismatch")).accounts).toMatchObject([{ missing: [], extra: [2], stale: [] }]);
  });
});

describe("a crash in the middle of a revocation", () => {
  it("after its answer: nobody can write to the device, and the sweep drops what is left of it", async () => {
    const clock = new ManualClock();
    const store = memoryStore({ clock });
    await store.open();
    const died = () => Promise.reject(new StoreError("unavailable", "died here"));
    const dying = { ...store, mail: { ...store.mail, drop: died } };
    const first = await TestRelay.start({ clock, store: dying });
    const alice = await first.person("alice");
    const second = new TestDevice(alice.person);
    await first.registered(second, "add");
    revoke(alice.client, second, hash(1));
    await alice.client.next("done");
    await alice.client.rest();
    const left = mailboxId(alice.account, second.known.device, second.registrationId);
    expect((await store.mail.heads([left])).size).toBe(1);

    const relay = await TestRelay.start({ clock, store });
    const { client, challenge } = await relay.challenged();
    client.say(second.authentication(challenge));
    expect((await client.next("refused")).failure).toBe(failures.badCredentials.wire);
    await relay.connected(alice.device);
    await relay.relay.sweep({ aborted: false });
    expect((await store.mail.heads([left])).size).toBe(0);
    expect((await documentOf(relay, alice.device)).retired).toEqual([]);
  });
});

describe("word of changed devices", () => {
  it("lists them with when they joined, for every device but the new one", async () => {
    const { relay, alice, second, secondClient } = await two();
    const third = new TestDevice(alice.person);
    const { client } = await relay.registered(third, "add");
    const addedMs = relay.clock.now();
    const expected = [alice.device, second, third].map(({ known, registrationId }) => ({
      device: known.device,
      registrationId,
      addedMs,
    }));
    expect((await alice.client.next("devicesChanged")).devices).toEqual(expected);
    expect((await secondClient.next("devicesChanged")).devices).toEqual(expected);
    expect(await client.rest()).toEqual([]);
  });

  it("of many changes at once ends with the newest", async () => {
    const { relay, alice, secondClient } = await two();
    const more = Array.from({ length: 4 }, () => new TestDevice(alice.person));
    await Promise.all(more.map((device) => relay.registered(device, "add")));
    let last: readonly number[] = [];
    while ((await secondClient.rest()).length > 0) last = await idsOf(secondClient);
    expect([...last].sort()).toEqual([1, 2, 3, 4, 5, 6]);
  });
});

describe("limits on an account's devices", () => {
  it("hold for lists and for changes apart", async () => {
    const { alice, secondClient } = await two({ policy: { limiterScale: 0.1 } });
    for (let count = 0; count < 12; count++) {
      alice.client.say({ type: "listDevices", id: count });
      await alice.client.next("deviceList");
    }
    alice.client.say({ type: "listDevices", id: 90 });
    await alice.client.failure(90, "tooManyRequests");
    const name = new Uint8Array(limits.sealedNameBytes.value);
    for (let count = 0; count < 6; count++) {
      secondClient.say({ type: "nameDevice", id: count, name });
      await secondClient.next("done");
    }
    secondClient.say({ type: "nameDevice", id: 91, name });
    await secondClient.failure(91, "tooManyRequests");
  });
});
