/** What a device is told when it is greeted, for its drift check. */

import { accessDigest, hashDeliveryKey } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { localBus } from "../../../server/store/index.js";
import { TestDevice } from "./support/device.js";
import { sealedTo, sendFrame, TestRelay } from "./support/test-relay.js";

describe("a welcome", () => {
  it("carries the digest of the access settings the relay holds", async () => {
    const relay = await TestRelay.start();
    const { client, device, person } = await relay.person("alice");
    const { account: mallory } = await relay.person("mallory");
    const { account: eve } = await relay.person("eve");
    const before = { deliveryKeyHash: hashDeliveryKey(person.deliveryKey), firstContact: "everyone" } as const;
    expect((await relay.greeted(device)).welcome.accessDigest).toEqual(accessDigest({ ...before, blocked: [] }));
    const access = { deliveryKeyHash: new Uint8Array(32).fill(3), firstContact: "grant" } as const;
    const again = await relay.connected(device);
    again.say({ type: "setAccess", id: 1, ...access, blocked: [mallory, eve, mallory] });
    await again.next("queueEmpty");
    await again.next("done");
    const { welcome } = await relay.greeted(device);
    expect(welcome.accessDigest).toEqual(accessDigest({ ...access, blocked: [eve, mallory] }));
    expect(client.closedWith).toBeDefined();
  });

  it("says how far prekey ids ever came, taken keys and long-lived ones included", async () => {
    const relay = await TestRelay.start();
    const { client, device, person, account } = await relay.person("alice");
    const highest = async () => (await relay.greeted(device)).welcome.highestPrekeyId;
    client.say({ type: "publishKeys", id: 1, oneTime: "add", ...person.oneTimeKeys([4, 9]) });
    await client.next("published");
    const bob = await relay.anonymous();
    for (let count = 0; count < 3; count++) {
      bob.say({ type: "fetchBundles", id: count, account, devices: [], deliveryKey: person.deliveryKey });
      await bob.next("bundles");
    }
    expect(await highest()).toBe(9);
    const again = await relay.connected(device);
    again.say({
      type: "publishKeys",
      id: 2,
      oneTime: "add",
      lastResortPrekey: person.kyberPrekey(30),
      oneTimePrekeys: [],
      kyberPrekeys: [],
    });
    await again.next("queueEmpty");
    await again.next("published");
    expect(await highest()).toBe(30);
  });

  it("says how far the mailbox ever came, acknowledged mail included", async () => {
    const relay = await TestRelay.start();
    const { client, device } = await relay.person("alice");
    const sender = await relay.anonymous();
    for (let count = 0; count < 3; count++) {
      sender.say(sendFrame(sender, [sealedTo(device)]));
      await sender.next("accepted");
    }
    client.say({ type: "acknowledge", upTo: 3, also: [] });
    await client.rest();
    expect((await relay.greeted(device)).welcome.head).toBe(3);
  });

  it("lists the account's devices, the greeted one included", async () => {
    const relay = await TestRelay.start();
    const { device, person } = await relay.person("alice");
    const second = new TestDevice(person);
    await relay.registered(second, "add");
    const addedMs = relay.clock.now();
    expect((await relay.greeted(second)).welcome).toMatchObject({
      resumed: "no",
      devices: [
        { device: 1, registrationId: device.registrationId, addedMs },
        { device: 2, registrationId: second.registrationId, addedMs },
      ],
    });
  });

  it("of an anonymous connection names nothing", async () => {
    const relay = await TestRelay.start();
    const { client } = await relay.challenged();
    client.say({ type: "anonymous", version: 1 });
    expect(await client.next("welcome")).toEqual({
      type: "welcome",
      groupAccounts: 250,
      groupRecipients: 2_000,
      oneTimeCount: 0,
      kyberCount: 0,
      highestPrekeyId: 0,
      head: 0,
      resumed: "no",
      devices: [],
      serverTimeMs: relay.clock.now(),
    });
  });
});

describe("a change of the devices during a greeting", () => {
  it("is told after the welcome, whether the welcome knew of it or not", async () => {
    const inner = localBus();
    const attached: (() => void)[] = [];
    const bus = {
      ...inner,
      attach: async (...args: Parameters<typeof inner.attach>) => {
        const attachment = await inner.attach(...args);
        for (const heard of attached.splice(0)) heard();
        return attachment;
      },
    };
    const relay = await TestRelay.start({ bus });
    const { device, account } = await relay.person("alice");
    const { client, challenge } = await relay.challenged();
    const mailbox = `${account}.1.${device.registrationId}` as Parameters<typeof inner.publish>[0];
    attached.push(() => void inner.publish(mailbox, { kind: "devicesChanged" }));
    client.say(device.authentication(challenge));
    await client.next("welcome");
    await client.next("queueEmpty");
    expect((await client.next("devicesChanged")).devices).toHaveLength(1);
  });
});
