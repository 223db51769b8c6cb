/** Sends: who may, which devices, all or none, once. */

import { type AccountId, type DeviceId, type Frame, hashDeliveryKey } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { type AppendOutcome, type AppendRequest, type Store, StoreError } from "../../../server/ports.js";
import { memoryStore } from "../../../server/store/index.js";
import type { Client } from "./support/client.js";
import { TestDevice } from "./support/device.js";
import { ManualClock } from "./support/manual-clock.js";
import { envelopeFor, sealedTo, sendFrame, TestRelay } from "./support/test-relay.js";

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

describe("a sealed send", () => {
  it("is stored for every device, pushed to those online, and accepted with the relay's time", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const second = new TestDevice(alice.person);
    const { client: secondClient } = await relay.registered(second, "add");
    const sender = await relay.anonymous();
    const frame = sendFrame(sender, [sealedTo(alice.device, second)]);
    sender.say(frame);
    expect(await sender.next("accepted")).toEqual({ type: "accepted", id: frame.id, acceptedMs: relay.clock.now() });
    for (const client of [alice.client, secondClient]) {
      expect(await client.next("deliver")).toMatchObject({
        cursor: 1,
        messageId: frame.messageId,
        acceptedMs: relay.clock.now(),
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
    });
    for (const { client } of [alice, bob, carol]) expect(await client.rest()).toEqual([]);
    sender.say({
      ...frame,
      id: 60,
      recipients: [sealedTo(alice.device, second), sealedTo(bob.device), sealedTo(carol.device)],
    });
    await sender.next("accepted");
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
    const cases: readonly (readonly [Client, Frame<"send">["recipients"]])[] = [
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
    const alice = await relay.person("alice");
    const bob = await relay.person("bob");
    for (let count = 0; count < 5; count++) {
      bob.client.say(sendFrame(bob.client, [openlyTo(alice.device)]));
      await bob.client.next("accepted");
    }
    const frame = sendFrame(bob.client, [openlyTo(alice.device)]);
    bob.client.say(frame);
    expect((await bob.client.failure(frame.id, "tooManyRequests")).retryAfterMs).toBeGreaterThan(0);
    bob.client.say(sendFrame(bob.client, [sealedTo(alice.device)]));
    await bob.client.next("accepted");
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

describe("a full mailbox", () => {
  it("refuses the send whole, tells the sender and, once a minute, the owner", async () => {
    const relay = await TestRelay.start({ policy: { mailboxQuota: { envelopes: 2, bytes: 1_000 } } });
    const alice = await relay.person("alice");
    const bob = await relay.person("bob");
    const sender = await relay.anonymous();
    for (let count = 0; count < 2; count++) {
      sender.say(sendFrame(sender, [sealedTo(alice.device)]));
      await sender.next("accepted");
      await alice.client.next("deliver");
    }
    for (let count = 0; count < 2; count++) {
      const frame = sendFrame(sender, [sealedTo(bob.device), sealedTo(alice.device)]);
      sender.say(frame);
      await sender.failure(frame.id, "mailboxFull");
    }
    expect(await alice.client.rest()).toEqual(["mailboxFull"]);
    expect(await bob.client.rest()).toEqual([]);
    await alice.client.next("mailboxFull");
    alice.client.say({ type: "acknowledge", upTo: 2, also: [] });
    await alice.client.rest();
    sender.say(sendFrame(sender, [sealedTo(alice.device)]));
    await sender.next("accepted");
  });
});

describe("trouble under a send", () => {
  async function withAppend(append: (inner: Store, request: AppendRequest) => Promise<AppendOutcome>) {
    const clock = new ManualClock();
    const inner = memoryStore({ clock });
    await inner.open();
    const store = { ...inner, mail: { ...inner.mail, append: (request: AppendRequest) => append(inner, request) } };
    const relay = await TestRelay.start({ clock, store });
    const { device } = await relay.person("alice");
    return { relay, device, sender: await relay.anonymous() };
  }

  it("of the store is answered busy; a bug is logged and answered internal", async () => {
    for (const [cause, code, bugs] of [
      [new StoreError("unavailable", "no"), "busy", 0],
      [new Error("a bug"), "internal", 1],
    ] as const) {
      const { relay, device, sender } = await withAppend(() => Promise.reject(cause));
      const frame = sendFrame(sender, [sealedTo(device)]);
      sender.say(frame);
      await sender.failure(frame.id, code);
      expect(relay.bugs).toHaveLength(bugs);
      sender.say({ type: "ping", id: 1 });
      await sender.next("pong");
    }
  });

  it("from accounts that never rest ends with busy", async () => {
    let appends = 0;
    const { device, sender } = await withAppend(async () => {
      appends += 1;
      return { kind: "changed" };
    });
    const frame = sendFrame(sender, [sealedTo(device)]);
    sender.say(frame);
    await sender.failure(frame.id, "busy");
    expect(appends).toBeLessThan(10);
  });

  it("in flight when the relay closes is finished first", async () => {
    let commit = (): void => {};
    const { relay, device, sender } = await withAppend(async (inner, request) => {
      const outcome = await inner.mail.append(request);
      await new Promise<void>((resolve) => {
        commit = resolve;
      });
      return outcome;
    });
    sender.say(sendFrame(sender, [sealedTo(device)]));
    await sender.rest();
    const closed = relay.relay.close();
    const late = sendFrame(sender, [sealedTo(device)]);
    sender.say(late);
    await sender.failure(late.id, "busy");
    expect(sender.closedWith).toBeUndefined();
    commit();
    await closed;
    await sender.next("accepted");
    await sender.closed("unavailable");
  });

  it("by a removed device is refused, and its connection closed", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const stored = await relay.store.directory.account(alice.account);
    await relay.store.directory.compareAndSet(alice.account, stored?.revision, undefined);
    alice.client.say({ type: "fetchCertificate", id: 3 });
    await alice.client.failure(3, "notAuthenticated");
    await alice.client.closed("revoked");
  });
});
