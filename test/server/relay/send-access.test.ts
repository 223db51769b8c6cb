/** Who may send to whom, and how a refusal looks. */

import { type AccountId, type Frame, hashDeliveryKey } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import type { Client } from "./support/client.js";
import { TestDevice } from "./support/device.js";
import { envelopeFor, sealedTo, sendFrame, type TestRecipient, TestRelay } from "./support/test-relay.js";

const NOBODY = "00000000-0000-4000-8000-000000000000" as AccountId;

/** A recipient as a stranger addresses it. */
function openlyTo(device: TestDevice) {
  return { account: device.known.account, envelopes: [envelopeFor(device)] };
}

async function setAccess(client: Client, changes: Partial<Frame<"setAccess">>): Promise<void> {
  client.say({
    type: "setAccess",
    id: client.id(),
    deliveryKeyHash: new Uint8Array(32),
    firstContact: "everyone",
    blocked: [],
    ...changes,
  });
  await client.next("done");
}

describe("a refused send", () => {
  it("looks the same and takes the same time for an unknown account, a wrong key, no key and a refused sender", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const closed = await relay.person("carol");
    const mallory = await relay.person("mallory");
    const anonymous = await relay.anonymous();
    await setAccess(alice.client, {
      deliveryKeyHash: hashDeliveryKey(alice.person.deliveryKey),
      blocked: [mallory.account],
    });
    await setAccess(closed.client, { firstContact: "nobody" });
    const sealed = sealedTo(alice.device);
    const cases: readonly (readonly [Client, readonly TestRecipient[]])[] = [
      [anonymous, [{ ...sealed, account: NOBODY }]],
      [anonymous, [{ ...sealed, deliveryKey: new Uint8Array(16) }]],
      [anonymous, [openlyTo(alice.device)]],
      [anonymous, [sealed, { ...sealed, account: NOBODY }]],
      [mallory.client, [{ ...openlyTo(alice.device), account: NOBODY }]],
      [mallory.client, [openlyTo(alice.device)]],
      [mallory.client, [sealed]],
      [mallory.client, [openlyTo(closed.device)]],
    ];
    const answers: string[] = [];
    for (const storage of ["stored", "ephemeral"] as const) {
      for (const [client, recipients] of cases) {
        client.say(sendFrame(client, recipients, { id: 7, storage }));
        expect(await client.rest()).toEqual([]);
        expect(relay.clock.waiting).toContain(250);
        relay.clock.advance(249);
        expect(await client.rest()).toEqual([]);
        relay.clock.advance(1);
        await client.failure(7, "notAllowed");
        answers.push(Buffer.from(client.messages.at(-1) as Uint8Array).toString("hex"));
      }
    }
    expect(new Set(answers).size).toBe(1);
    expect(answers).toHaveLength(16);
    expect(await alice.client.rest()).toEqual([]);
  });

  it("learns nothing of the device list", async () => {
    const relay = await TestRelay.start();
    const { device } = await relay.person("alice");
    const sender = await relay.anonymous();
    const frame = sendFrame(sender, [{ ...sealedTo(device), deliveryKey: new Uint8Array(16), envelopes: [] }]);
    sender.say(frame);
    await sender.rest();
    relay.clock.advance(250);
    await sender.failure(frame.id, "notAllowed");
  });

  it("is followed by tooManyRequests, just as late, when a source tries too often", async () => {
    const relay = await TestRelay.start({ policy: { limiterScale: 0.02 } });
    const { device } = await relay.person("alice");
    const sender = await relay.anonymous();
    const codes: number[] = [];
    for (let count = 0; count < 4; count++) {
      sender.say(sendFrame(sender, [{ ...sealedTo(device), deliveryKey: new Uint8Array(16) }]));
      await sender.rest();
      relay.clock.advance(249);
      expect(await sender.rest()).toEqual([]);
      relay.clock.advance(1);
      codes.push((await sender.next("failed")).failure);
    }
    expect(codes).toEqual([40, 40, 6, 6]);
  });

  it("is decided by the delivery key of now, in both directions", async () => {
    const relay = await TestRelay.start();
    const { client, device } = await relay.person("alice");
    const sender = await relay.anonymous();
    sender.say(sendFrame(sender, [sealedTo(device)]));
    await sender.next("accepted");
    const rotated = new Uint8Array(16).fill(7);
    await client.next("deliver");
    await setAccess(client, { deliveryKeyHash: hashDeliveryKey(rotated) });
    const old = sendFrame(sender, [sealedTo(device)]);
    sender.say(old);
    await sender.rest();
    relay.clock.advance(250);
    await sender.failure(old.id, "notAllowed");
    sender.say(sendFrame(sender, [{ ...sealedTo(device), deliveryKey: rotated }]));
    await sender.next("accepted");
  });
});

describe("a device's own connection", () => {
  it("may make first contact with whoever takes it, and write sealed with the key", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const bob = await relay.person("bob");
    bob.client.say(sendFrame(bob.client, [openlyTo(alice.device)]));
    await bob.client.next("accepted");
    bob.client.say(sendFrame(bob.client, [sealedTo(alice.device)]));
    await bob.client.next("accepted");
  });

  it("writes to its account's other devices and never to itself", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const second = new TestDevice(alice.person);
    const { client } = await relay.registered(second, "add");
    await alice.client.next("devicesChanged");
    await setAccess(alice.client, { firstContact: "nobody" });
    client.say(sendFrame(client, [openlyTo(alice.device)]));
    await client.next("accepted");
    await alice.client.next("deliver");
    client.say(
      sendFrame(client, [{ account: alice.account, envelopes: [envelopeFor(alice.device), envelopeFor(second)] }]),
    );
    expect((await client.next("deviceMismatch")).accounts).toEqual([
      { account: alice.account, missing: [], extra: [2], stale: [] },
    ]);
  });

  it("of an account's only device may name that account with no envelope", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const bob = await relay.person("bob");
    bob.client.say(sendFrame(bob.client, [openlyTo(alice.device), { account: bob.account, envelopes: [] }]));
    await bob.client.next("accepted");
    await alice.client.next("deliver");
  });

  it("stops at the limit of first contacts while contacts go on", async () => {
    const relay = await TestRelay.start({ policy: { limiterScale: 0.05 } });
    const bob = await relay.person("bob");
    const strangers = [];
    for (let count = 0; count < 6; count++) strangers.push(await relay.person(`stranger ${count}`));
    const sent = strangers.map(({ device }) => sendFrame(bob.client, [openlyTo(device)]));
    for (const frame of sent.slice(0, 5)) {
      bob.client.say(frame);
      await bob.client.next("accepted");
    }
    const sixth = sent[5] as Frame<"send">;
    bob.client.say(sixth);
    expect((await bob.client.failure(sixth.id, "tooManyRequests")).retryAfterMs).toBeGreaterThan(0);
    bob.client.say(sendFrame(bob.client, [sealedTo(strangers[0]?.device as TestDevice)]));
    await bob.client.next("accepted");
  });
});
