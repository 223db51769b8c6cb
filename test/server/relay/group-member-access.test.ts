/** What members of a group may do with each other's accounts one by one: send, and fetch keys. */

import { type AccountId, accessTag, fetchContext, hashDeliveryKey } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import type { Client } from "./support/client.js";
import { TestDevice } from "./support/device.js";
import { envelopeFor, POLICY, sealedTo, sendFrame, TestRelay } from "./support/test-relay.js";
import { settle } from "./support/turns.js";

const NOBODY = "00000000-0000-4000-8000-000000000000" as AccountId;

/** A send to one device whose access tag is made for this message. */
function taggedSend(client: Client, device: TestDevice, account = device.known.account) {
  const frame = sendFrame(client, []);
  const tag = accessTag(frame.messageId, account, hashDeliveryKey(device.person.deliveryKey));
  return {
    ...frame,
    recipients: [{ account, accessTag: tag, scope: "all" as const, envelopes: [envelopeFor(device)] }],
  };
}

function fetchFrame(client: Client, device: TestDevice, account = device.known.account) {
  const tag = accessTag(fetchContext, account, hashDeliveryKey(device.person.deliveryKey));
  return { type: "fetchBundles" as const, id: client.id(), account, devices: [], accessTag: tag };
}

async function late(relay: TestRelay): Promise<void> {
  await settle();
  relay.clock.advance(POLICY.refusalDelayMs);
}

describe("a send with an access tag", () => {
  it("is delivered on an anonymous connection, whatever the account's policy for first contact", async () => {
    const relay = await TestRelay.start({ policy: { firstContactFloor: "nobody" } });
    const alice = await relay.person("alice");
    const sender = await relay.anonymous();
    const frame = taggedSend(sender, alice.device);
    sender.say(frame);
    await sender.next("accepted");
    expect(await alice.client.next("deliver")).toMatchObject({ messageId: frame.messageId });
    sender.say({ ...frame, id: 90 });
    await sender.next("accepted");
    expect(await alice.client.rest()).toEqual([]);
  });

  it("learns of a wrong device list as any send does", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    await relay.registered(new TestDevice(alice.person), "add");
    const sender = await relay.anonymous();
    sender.say(taggedSend(sender, alice.device));
    expect((await sender.next("deviceMismatch")).accounts).toMatchObject([{ missing: [2] }]);
  });

  it("is refused alike and as late for a wrong tag, another message's, a former key's and an unknown account", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const sender = await relay.anonymous();
    const good = taggedSend(sender, alice.device);
    const [recipient] = good.recipients;
    const wrong = [
      { ...good, recipients: [{ ...recipient, accessTag: new Uint8Array(8) }] },
      { ...good, messageId: new Uint8Array(16) },
      taggedSend(sender, alice.device, NOBODY),
    ] as (typeof good)[];
    for (const frame of wrong) {
      sender.say({ ...frame, id: 7 });
      await settle();
      relay.clock.advance(POLICY.refusalDelayMs - 1);
      expect(await sender.rest()).toEqual([]);
      relay.clock.advance(1);
      await sender.failure(7, "notAllowed");
    }
    alice.client.say({
      type: "setAccess",
      id: 1,
      deliveryKeyHash: new Uint8Array(32).fill(3),
      firstContact: "everyone",
      blocked: [],
    });
    await alice.client.next("done");
    sender.say({ ...good, id: 8 });
    await late(relay);
    await sender.failure(8, "notAllowed");
  });

  it("is a bad frame on a device's connection and beside a delivery key", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const bob = await relay.person("bob");
    const identified = taggedSend(bob.client, alice.device);
    bob.client.say(identified);
    await bob.client.failure(identified.id, "badFrame");
    const sender = await relay.anonymous();
    const both = taggedSend(sender, alice.device);
    const { deliveryKey } = alice.person;
    sender.say({ ...both, recipients: both.recipients.map((one) => ({ ...one, deliveryKey })) });
    await sender.failure(both.id, "badFrame");
  });

  it("draws on limiters of its own, so that members of a group cannot silence contacts", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const strict = await TestRelay.start({
      clock: relay.clock,
      store: relay.store,
      policy: { limiterScale: 1 / 800 },
    });
    const sender = await strict.anonymous();
    for (let count = 0; count < 5; count++) {
      sender.say(taggedSend(sender, alice.device));
      await sender.next("accepted");
    }
    const sixth = taggedSend(sender, alice.device);
    sender.say(sixth);
    await sender.failure(sixth.id, "tooManyRequests");
    sender.say(sendFrame(sender, [sealedTo(alice.device)]));
    await sender.next("accepted");
  });
});

describe("a key fetch with an access tag", () => {
  it("gets the bundles on an anonymous connection", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const client = await relay.anonymous();
    client.say(fetchFrame(client, alice.device));
    expect(await client.next("bundles")).toMatchObject({
      account: alice.account,
      identityKey: alice.person.identityKey,
      devices: [{ device: 1 }],
    });
  });

  it("is refused with a tag of something else and for an unknown account, and a bad frame on a device's connection", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const bob = await relay.person("bob");
    const client = await relay.anonymous();
    const ofMessage = accessTag(new Uint8Array(16).fill(1), alice.account, hashDeliveryKey(alice.person.deliveryKey));
    const wrong = [
      { ...fetchFrame(client, alice.device), accessTag: ofMessage },
      { ...fetchFrame(client, alice.device), accessTag: new Uint8Array(8) },
      fetchFrame(client, alice.device, NOBODY),
      { ...fetchFrame(client, bob.device), account: alice.account },
    ];
    for (const frame of wrong) {
      client.say(frame);
      await late(relay);
      await client.failure(frame.id, "notAllowed");
    }
    const identified = fetchFrame(bob.client, alice.device);
    bob.client.say(identified);
    await bob.client.failure(identified.id, "badFrame");
  });
});
