/** Sends: which devices, all or none, in order, once. */

import type { DeviceId, Frame } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import type { AppendRequest } from "../../../server/ports.js";
import { memoryStore } from "../../../server/store/index.js";
import { TestDevice } from "./support/device.js";
import { ManualClock } from "./support/manual-clock.js";
import { envelopeFor, sealedTo, sendFrame, TestRelay } from "./support/test-relay.js";

describe("a sealed send", () => {
  it("is stored for every device, pushed to those online, and accepted with the relay's time", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const second = new TestDevice(alice.person);
    const { client: secondClient } = await relay.registered(second, "add");
    await alice.client.next("devicesChanged");
    const sender = await relay.anonymous();
    const frame = sendFrame(sender, [sealedTo(alice.device, second)]);
    sender.say(frame);
    const accepted = await sender.next("accepted");
    expect(accepted).toMatchObject({ id: frame.id, acceptedMs: relay.clock.now() });
    expect(accepted.stamps).toHaveLength(1);
    for (const client of [alice.client, secondClient]) {
      expect(await client.next("deliver")).toMatchObject({
        cursor: 1,
        messageId: frame.messageId,
        acceptedMs: relay.clock.now(),
        commitment: frame.commitment,
        stamp: accepted.stamps[0],
        body: frame.recipients[0]?.envelopes[0]?.body,
      });
    }
    expect(relay.counts.get("envelopesAccepted")).toBe(2);
    expect(relay.counts.get("bytesAccepted")).toBe(6);
  });

  it("to several accounts in one request reaches all of them", async () => {
    const relay = await TestRelay.start();
    const people = await Promise.all(["alice", "bob", "carol"].map((name) => relay.person(name)));
    const sender = await relay.anonymous();
    sender.say(
      sendFrame(sender, people.map(({ device }) => sealedTo(device)) as Frame<"send">["recipients"][number][]),
    );
    await sender.next("accepted");
    for (const { client } of people) await client.next("deliver");
  });

  it("is pushed before its commit and accepted only after it", async () => {
    const clock = new ManualClock();
    const inner = memoryStore({ clock });
    await inner.open();
    let commit = (): void => {};
    const committed = new Promise<void>((resolve) => {
      commit = resolve;
    });
    const append = async (request: AppendRequest, assigned?: (cursors: readonly number[]) => void) => {
      const outcome = await inner.mail.append(request, assigned);
      await committed;
      return outcome;
    };
    const relay = await TestRelay.start({ clock, store: { ...inner, mail: { ...inner.mail, append } } });
    const alice = await relay.person("alice");
    const sender = await relay.anonymous();
    sender.say(sendFrame(sender, [sealedTo(alice.device)]));
    await alice.client.next("deliver");
    expect(await sender.rest()).toEqual([]);
    commit();
    await sender.next("accepted");
  });

  it("is pushed after its commit where the store knows cursors only then", async () => {
    const clock = new ManualClock();
    const inner = memoryStore({ clock });
    await inner.open();
    const mail = { ...inner.mail, append: (request: AppendRequest) => inner.mail.append(request) };
    const relay = await TestRelay.start({ clock, store: { ...inner, mail } });
    const alice = await relay.person("alice");
    const sender = await relay.anonymous();
    sender.say(sendFrame(sender, [sealedTo(alice.device)]));
    await sender.next("accepted");
    await alice.client.next("deliver");
  });

  it("repeated under its id is stored once and gets the first answer", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const sender = await relay.anonymous();
    const frame = sendFrame(sender, [sealedTo(alice.device)]);
    sender.say(frame);
    sender.say({ ...frame, id: 50 });
    const first = await sender.next("accepted");
    expect(await sender.next("accepted")).toEqual({ ...first, id: 50 });
    relay.clock.advance(60_000);
    sender.say({ ...frame, id: 51 });
    expect(await sender.next("accepted")).toEqual({ ...first, id: 51 });
    await alice.client.next("deliver");
    expect(await alice.client.rest()).toEqual([]);
    expect(relay.counts.get("sendsRepeated")).toBe(2);
  });

  it("keeps the order of one sender's sends", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const sender = await relay.anonymous();
    for (let count = 0; count < 50; count++) {
      const body = new Uint8Array([count + 1]);
      sender.say(sendFrame(sender, [{ ...sealedTo(alice.device), envelopes: [envelopeFor(alice.device, body)] }]));
    }
    for (let count = 0; count < 50; count++) {
      expect(await alice.client.next("deliver")).toMatchObject({
        cursor: count + 1,
        body: new Uint8Array([count + 1]),
      });
    }
  });

  it("shares one cork among the answers of one commit", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const sender = await relay.anonymous();
    sender.say(sendFrame(sender, [sealedTo(alice.device)]));
    await sender.next("accepted");
    sender.corks.length = 0;
    for (let count = 0; count < 20; count++) sender.say(sendFrame(sender, [sealedTo(alice.device)]));
    for (let count = 0; count < 20; count++) await sender.next("accepted");
    expect(sender.corks.length).toBeLessThan(20);
    expect(sender.corks.reduce((sum, one) => sum + one, 0)).toBe(20);
  });
});

describe("the device list of a send", () => {
  it("that is wrong gets one merged answer for all accounts, and nothing is stored", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const second = new TestDevice(alice.person);
    await relay.registered(second, "add");
    const bob = await relay.person("bob");
    const carol = await relay.person("carol");
    const sender = await relay.anonymous();
    const stale = { ...envelopeFor(alice.device), registrationId: (alice.device.registrationId % 0x3fff) + 1 };
    const extra = { ...envelopeFor(bob.device), device: 9 as DeviceId };
    const frame = sendFrame(sender, [
      { ...sealedTo(alice.device), envelopes: [stale] },
      { ...sealedTo(bob.device), envelopes: [envelopeFor(bob.device), extra] },
      sealedTo(carol.device),
    ]);
    sender.say(frame);
    expect(await sender.next("deviceMismatch")).toEqual({
      type: "deviceMismatch",
      id: frame.id,
      accounts: [
        { account: alice.account, missing: [2], extra: [], stale: [1] },
        { account: bob.account, missing: [], extra: [9], stale: [] },
      ],
      denied: [],
      bundles: [],
    });
    await alice.client.next("devicesChanged");
    for (const { client } of [alice, bob, carol]) expect(await client.rest()).toEqual([]);
    sender.say({
      ...frame,
      id: 60,
      recipients: [sealedTo(alice.device, second), sealedTo(bob.device), sealedTo(carol.device)],
    });
    await sender.next("accepted");
  });

  it("that is wrong is answered with the bundles of missing and stale devices, if the sender wants them", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const second = new TestDevice(alice.person);
    await relay.registered(second, "add");
    const sender = await relay.anonymous();
    const frame = sendFrame(sender, [sealedTo(alice.device)], { wantBundles: "yes" });
    sender.say(frame);
    const { accounts, bundles } = await sender.next("deviceMismatch");
    expect(accounts).toEqual([{ account: alice.account, missing: [2], extra: [], stale: [] }]);
    expect(bundles).toMatchObject([
      {
        account: alice.account,
        identityKey: alice.person.identityKey,
        devices: [{ device: 2, registrationId: second.registrationId, signedPrekey: second.signedPrekey }],
      },
    ]);
    const identified = await relay.person("bob");
    identified.client.say(
      sendFrame(identified.client, [{ account: alice.account, envelopes: [] }], { wantBundles: "yes" }),
    );
    const [missing] = (await identified.client.next("deviceMismatch")).bundles;
    expect(missing?.devices.map(({ device }) => device)).toEqual([1, 2]);
  });

  it("that is wrong comes without bundles once too many were fetched", async () => {
    const relay = await TestRelay.start({ policy: { limiterScale: 1 / 300 } });
    const alice = await relay.person("alice");
    const sender = await relay.anonymous();
    const ask = async () => {
      sender.say(sendFrame(sender, [{ ...sealedTo(alice.device), envelopes: [] }], { wantBundles: "yes" }));
      return (await sender.next("deviceMismatch")).bundles.length;
    };
    expect([await ask(), await ask(), await ask()]).toEqual([1, 1, 0]);
  });

  it("is seen to have changed although the account is remembered", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const sender = await relay.anonymous();
    sender.say(sendFrame(sender, [sealedTo(alice.device)]));
    await sender.next("accepted");
    const second = new TestDevice(alice.person);
    await relay.registered(second, "add");
    sender.say(sendFrame(sender, [sealedTo(alice.device)]));
    expect((await sender.next("deviceMismatch")).accounts).toEqual([
      { account: alice.account, missing: [2], extra: [], stale: [] },
    ]);
  });

  it("is seen to have changed by another relay on the same store", async () => {
    const clock = new ManualClock();
    const store = memoryStore({ clock });
    await store.open();
    const here = await TestRelay.start({ clock, store });
    const there = await TestRelay.start({ clock, store });
    const alice = await here.person("alice");
    const sender = await here.anonymous();
    sender.say(sendFrame(sender, [sealedTo(alice.device)]));
    await sender.next("accepted");
    const second = new TestDevice(alice.person);
    await there.registered(second, "add");
    sender.say(sendFrame(sender, [sealedTo(alice.device)]));
    await sender.next("deviceMismatch");
    sender.say(sendFrame(sender, [sealedTo(alice.device, second)]));
    await sender.next("accepted");
  });

  it("that names an account or a device twice is refused", async () => {
    const relay = await TestRelay.start();
    const { device } = await relay.person("alice");
    const sender = await relay.anonymous();
    const once = sealedTo(device);
    for (const recipients of [[once, once], [{ ...once, envelopes: [envelopeFor(device), envelopeFor(device)] }]]) {
      const frame = sendFrame(sender, recipients);
      sender.say(frame);
      await sender.failure(frame.id, "badFrame");
    }
  });
});

describe("an ephemeral send", () => {
  it("is handed on under cursor 0, accepted at once, and never stored", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const sender = await relay.anonymous();
    const frame = sendFrame(sender, [sealedTo(alice.device)], { storage: "ephemeral" });
    sender.say(frame);
    await sender.next("accepted");
    expect(await alice.client.next("deliver")).toMatchObject({ cursor: 0, messageId: frame.messageId });
    const again = await relay.connected(alice.device);
    expect(await again.rest()).toEqual(["queueEmpty"]);
  });

  it("to a device that is offline is accepted and gone", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    alice.client.hangUp();
    const sender = await relay.anonymous();
    sender.say(sendFrame(sender, [sealedTo(alice.device)], { storage: "ephemeral" }));
    await sender.next("accepted");
    const again = await relay.connected(alice.device);
    expect(await again.rest()).toEqual(["queueEmpty"]);
  });

  it("checks the device list like any other", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const sender = await relay.anonymous();
    sender.say(sendFrame(sender, [{ ...sealedTo(alice.device), envelopes: [] }], { storage: "ephemeral" }));
    await sender.next("deviceMismatch");
  });
});
