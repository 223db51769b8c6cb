/** Registration: modes, proofs, tokens, limits. */

import { failures, hashDeliveryKey, limits, parseDeviceId, SottoError, type WireFailureCode } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { mailboxId } from "../../../server/ports.js";
import { Person, TestDevice } from "./support/device.js";
import { type Changes, documentOf, expectRefusal, refusal } from "./support/registering.js";
import { sealedTo, sendFrame, TestRelay } from "./support/test-relay.js";

describe("a first registration", () => {
  it("gives a random account of version 4, device 1, and a mailbox", async () => {
    const relay = await TestRelay.start();
    const { account, device } = await relay.registered(new TestDevice(new Person("alice")));
    expect(account).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(device).toBe(1);
    expect(relay.counts.get("registrations first")).toBe(1);
  });

  it("of a user who has an account is refused", async () => {
    const relay = await TestRelay.start();
    const { person } = await relay.person("alice");
    await expectRefusal(relay, new TestDevice(person), { mode: "first" }, "accountExists");
    await expectRefusal(relay, new TestDevice(new Person("alice")), { mode: "first" }, "accountExists");
  });

  it("repeated with the same keys, because its answer was lost, is the same device", async () => {
    const relay = await TestRelay.start();
    const { device, account } = await relay.person("alice");
    const again = await relay.registered(device, "first");
    expect(again).toMatchObject({ account, device: 1 });
    expect((await documentOf(relay, device)).devices).toHaveLength(1);
  });

  it("takes exactly one of token and user id", async () => {
    const relay = await TestRelay.start();
    const device = new TestDevice(new Person("alice"));
    await expectRefusal(relay, device, { mode: "first", token: "t" }, "badFrame");
    await expectRefusal(relay, device, { mode: "first", userId: undefined } as Changes, "badFrame");
  });
});

describe("proofs", () => {
  it("that are missing or wrong are refused, and nothing is written", async () => {
    const relay = await TestRelay.start();
    const device = new TestDevice(new Person("alice"));
    const stranger = new Person("mallory");
    const elsewhere = (await relay.challenged()).challenge;
    const wrong: readonly [Changes, WireFailureCode][] = [
      [{ mode: "first", identitySignature: new Uint8Array(64) }, "badSignature"],
      [{ mode: "first", authenticationSignature: new Uint8Array(64) }, "badSignature"],
      [{ mode: "first", identityKey: stranger.identityKey }, "badSignature"],
      [{ mode: "first", registrationId: 1 + (device.registrationId % 0x3fff) }, "badSignature"],
      [{ mode: "first", deliveryKeyHash: new Uint8Array(32) }, "badSignature"],
      [{ mode: "first", signedPrekey: stranger.signedPrekey(1) }, "badSignature"],
      [{ mode: "first", lastResortPrekey: stranger.kyberPrekey(1) }, "badSignature"],
      [{ mode: "first", identityKey: new Uint8Array(33) }, "badKeys"],
      [{ mode: "first", signedPrekey: { ...device.signedPrekey, key: new Uint8Array(33) } }, "badKeys"],
      [{ mode: "first", lastResortPrekey: { ...device.lastResortPrekey, key: new Uint8Array(1569) } }, "badKeys"],
    ];
    for (const [changes, code] of wrong) await expectRefusal(relay, device, changes, code);
    const { client } = await relay.challenged();
    client.say(device.registration(elsewhere, { mode: "first" }));
    expect((await client.next("refused")).failure).toBe(failures.badSignature.wire);
    expect((await relay.registered(device)).device).toBe(1);
  });
});

describe("a host's token", () => {
  const hostTokens = {
    verify: async (token: string) => {
      if (!token.startsWith("for ")) throw new SottoError("badToken");
      return { issuer: "https://host.example", subject: token.slice(4), role: "person" as const };
    },
  };

  it("registers the user it names; a bare user id is refused", async () => {
    const relay = await TestRelay.start({ policy: { registration: "hostTokens" }, hostTokens });
    const device = new TestDevice(new Person("alice"));
    await expectRefusal(relay, device, { mode: "first" }, "registrationClosed");
    await expectRefusal(relay, device, { mode: "first", userId: undefined, token: "forged" } as Changes, "badToken");
    const { client, challenge } = await relay.challenged();
    client.say(device.registration(challenge, { mode: "first", userId: undefined, token: "for alice" } as Changes));
    expect((await client.next("welcome")).device).toBe(1);
  });

  it("says what the user is; a role beside it is refused, beside a bare user id it counts", async () => {
    const relay = await TestRelay.start({ hostTokens });
    const device = new TestDevice(new Person("alice"));
    const beside = { mode: "first", userId: undefined, token: "for alice", role: "bot" } as Changes;
    await expectRefusal(relay, device, beside, "badFrame");
    const { client, challenge } = await relay.challenged();
    client.say(new TestDevice(new Person("bot")).registration(challenge, { mode: "first", role: "bot" } as Changes));
    await client.next("welcome");
    const bob = await relay.person("bob");
    const id = bob.client.id();
    bob.client.say({ type: "resolve", id, userId: "bot" });
    expect((await bob.client.next("resolved")).role).toBe("bot");
  });

  it("means another user than the same name of another issuer", async () => {
    const relay = await TestRelay.start({ hostTokens });
    await relay.person("alice");
    const { client, challenge } = await relay.challenged();
    const device = new TestDevice(new Person("alice"));
    client.say(device.registration(challenge, { mode: "first", userId: undefined, token: "for alice" } as Changes));
    expect((await client.next("welcome")).device).toBe(1);
  });

  it("is refused where no host is configured", async () => {
    const relay = await TestRelay.start();
    const device = new TestDevice(new Person("alice"));
    await expectRefusal(relay, device, { mode: "first", userId: undefined, token: "any" } as Changes, "badToken");
  });
});

describe("adding a device", () => {
  it("needs the account's identity key", async () => {
    const relay = await TestRelay.start();
    const { person, account } = await relay.person("alice");
    expect(await relay.registered(new TestDevice(person), "add")).toMatchObject({ account, device: 2 });
    await expectRefusal(relay, new TestDevice(new Person("alice")), { mode: "add" }, "accountExists");
    await expectRefusal(relay, new TestDevice(new Person("bob")), { mode: "add" }, "unknownUser");
  });

  it("stops at the device limit, lists the devices with their sealed names, and tells those that are connected", async () => {
    const relay = await TestRelay.start({ policy: { deviceLimit: 3 } });
    const { person, client, device: first } = await relay.person("alice");
    const name = new Uint8Array(limits.sealedNameBytes.value).fill(7);
    const second = new TestDevice(person);
    await relay.registered(second, "add", { name });
    relay.clock.advance(60_000);
    const third = new TestDevice(person);
    await relay.registered(third, "add");

    const refused = await refusal(relay, new TestDevice(person), { mode: "add" });
    expect(refused.failure).toBe(failures.deviceLimit.wire);
    const joined = relay.clock.now() - 60_000;
    const day = Math.floor(joined / 86_400_000);
    const id = ({ registrationId }: TestDevice) => registrationId;
    expect(refused.devices).toEqual([
      { device: 1, registrationId: id(first), addedMs: joined, seenDay: day },
      { device: 2, registrationId: id(second), addedMs: joined, seenDay: day, name },
      { device: 3, registrationId: id(third), addedMs: relay.clock.now(), seenDay: day },
    ]);
    await client.next("deviceLimit");
  });

  it("is refused without a word to the devices unless the identity key was proven", async () => {
    const relay = await TestRelay.start({ policy: { deviceLimit: 1 } });
    const { client, person } = await relay.person("alice");
    await expectRefusal(relay, new TestDevice(new Person("alice")), { mode: "add" }, "accountExists");
    const unsigned = { mode: "add", identitySignature: new Uint8Array(64) } as const;
    await expectRefusal(relay, new TestDevice(person), unsigned, "badSignature");
    expect(await client.rest()).toEqual([]);
  });

  it("never exceeds what one send can name", async () => {
    const relay = await TestRelay.start({ policy: { deviceLimit: 1_000 } });
    const { person } = await relay.person("alice");
    for (let count = 1; count < limits.devicesPerAccount.value; count++) {
      await relay.registered(new TestDevice(person), "add");
    }
    expect((await refusal(relay, new TestDevice(person), { mode: "add" })).failure).toBe(failures.deviceLimit.wire);
  });

  it("keeps the account's access settings", async () => {
    const relay = await TestRelay.start();
    const { person, device } = await relay.person("alice");
    const before = await documentOf(relay, device);
    const newcomer = new TestDevice(person);
    const { client, challenge } = await relay.challenged();
    client.say(newcomer.registration(challenge, { mode: "add" }));
    await client.next("welcome");
    expect((await documentOf(relay, device)).deliveryKeyHash).toEqual(before.deliveryKeyHash);
  });
});

describe("adding a device in the place of another", () => {
  it("is one step: the limit holds, the other's connection closes, its mailbox is gone, the rest hear of both", async () => {
    const relay = await TestRelay.start({ policy: { deviceLimit: 2 } });
    const { person, client, account } = await relay.person("alice");
    const old = new TestDevice(person);
    const { client: oldClient } = await relay.registered(old, "add");
    await client.next("devicesChanged");
    const fresh = new TestDevice(person);
    const { device } = await relay.registered(fresh, "add", { replaces: old.known.device });
    expect(device).toBe(3);
    await oldClient.closed("revoked");
    expect((await relay.store.mail.heads([mailboxId(account, old.known.device, old.registrationId)])).size).toBe(0);
    expect((await client.next("devicesChanged")).devices.map(({ device: id }) => id)).toEqual([1, 3]);
    expect((await documentOf(relay, fresh)).retired).toEqual([]);
  });

  it("is refused unless it is there, and outside of `add`", async () => {
    const relay = await TestRelay.start();
    const { person, device } = await relay.person("alice");
    const replaces = parseDeviceId(9);
    await expectRefusal(relay, new TestDevice(person), { mode: "add", replaces }, "unknownDevice");
    const { device: own } = device.known;
    await expectRefusal(relay, new TestDevice(person), { mode: "reset", replaces: own }, "badFrame");
    await expectRefusal(relay, new TestDevice(new Person("bob")), { mode: "first", replaces: own }, "badFrame");
    expect((await documentOf(relay, device)).devices).toHaveLength(1);
  });

  it("names it under the signature", async () => {
    const relay = await TestRelay.start();
    const { person, device } = await relay.person("alice");
    const { client, challenge } = await relay.challenged();
    const unsigned = {
      ...new TestDevice(person).registration(challenge, { mode: "add" }),
      replaces: device.known.device,
    };
    client.say(unsigned);
    expect((await client.next("refused")).failure).toBe(failures.badSignature.wire);
  });

  it("repeated, because its answer was lost, is the same device, though the other is gone", async () => {
    const relay = await TestRelay.start();
    const { person, device: old } = await relay.person("alice");
    const fresh = new TestDevice(person);
    const { device } = await relay.registered(fresh, "add", { replaces: old.known.device });
    expect(await relay.registered(fresh, "add", { replaces: old.known.device })).toMatchObject({ device });
    expect((await documentOf(relay, fresh)).devices).toHaveLength(1);
  });
});

describe("a device's number", () => {
  it("is not given again soon, so that an old certificate names no new device", async () => {
    const relay = await TestRelay.start();
    const { person, device: first } = await relay.person("alice");
    const given: number[] = [];
    let last = first;
    for (let count = 0; count < 4; count++) {
      const next = new TestDevice(person);
      const { device } = await relay.registered(next, "add", { replaces: last.known.device });
      given.push(device ?? 0);
      last = next;
    }
    expect(given).toEqual([2, 3, 4, 5]);
  });
});

describe("a reset", () => {
  it("replaces identity and devices, closes the old connections with 4403, and drops the old mailboxes", async () => {
    const relay = await TestRelay.start();
    const { client: old, device, account } = await relay.person("alice");
    const sender = await relay.anonymous();
    sender.say(sendFrame(sender, [sealedTo(device)]));
    await sender.next("accepted");
    await old.next("deliver");

    const fresh = new TestDevice(new Person("alice"));
    expect(await relay.registered(fresh, "reset")).toMatchObject({ account, device: 2 });
    await old.closed("revoked");
    const document = await documentOf(relay, fresh);
    expect(document).toMatchObject({ identityKey: fresh.person.identityKey, retired: [] });
    expect(document.devices.map(({ device: id }) => id)).toEqual([2]);
    const gone = mailboxId(account, device.known.device, device.registrationId);
    expect((await relay.store.mail.heads([gone])).size).toBe(0);
    const { client, challenge } = await relay.challenged();
    client.say(device.authentication(challenge));
    expect((await client.next("refused")).failure).toBe(failures.badCredentials.wire);
  });

  it("keeps whom the account refuses", async () => {
    const relay = await TestRelay.start();
    const { client, device } = await relay.person("alice");
    const { account: mallory } = await relay.person("mallory");
    const id = client.id();
    const deliveryKeyHash = new Uint8Array(32);
    client.say({ type: "setAccess", id, deliveryKeyHash, firstContact: "nobody", blocked: [mallory] });
    await client.next("done");
    const fresh = new TestDevice(new Person("alice"));
    await relay.registered(fresh, "reset");
    const document = await documentOf(relay, fresh);
    expect(document).toMatchObject({ firstContact: "nobody", blocked: [mallory] });
    expect(document.formerKeyHashes).toEqual([deliveryKeyHash, hashDeliveryKey(device.person.deliveryKey)]);
    expect(device.known.account).toBe(fresh.known.account);
  });

  it("of a user without an account creates one", async () => {
    const relay = await TestRelay.start();
    expect(await relay.registered(new TestDevice(new Person("alice")), "reset")).toMatchObject({ device: 1 });
  });
});

describe("registration limits", () => {
  it("hold for an address and for a user apart, and say when to come again", async () => {
    const relay = await TestRelay.start({ policy: { limiterScale: 0.1 } });
    const alice = new TestDevice(new Person("alice"));
    await relay.registered(alice);
    await relay.registered(alice);
    const refused = await refusal(relay, alice, { mode: "first" }, "192.0.2.9");
    expect(refused.failure).toBe(failures.tooManyRequests.wire);
    expect(refused.retryAfterMs).toBeGreaterThan(0);
    await relay.registered(new TestDevice(new Person("bob")));
    relay.clock.advance(refused.retryAfterMs ?? 0);
    await relay.registered(alice);
  });
});
