/** Resolving users, fetching bundles, publishing keys, certificates. */

import { PublicKey, SenderCertificate } from "@signalapp/libsignal-client";
import { type AccountId, type Frame, keyDigest, parseDeviceId } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { mailboxId } from "../../../server/ports.js";
import type { Client } from "./support/client.js";
import { Person, TestDevice } from "./support/device.js";
import { sealedTo, sendFrame, signatures, TestRelay } from "./support/test-relay.js";

const NOBODY = "00000000-0000-4000-8000-000000000000" as AccountId;

async function publish(client: Client, person: Person, ids: readonly number[]): Promise<Frame<"published">> {
  client.say({ type: "publishKeys", oneTime: "add", id: client.id(), ...person.oneTimeKeys(ids) });
  return client.next("published");
}

function range(first: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

describe("resolve", () => {
  it("finds a registered user and says who is none", async () => {
    const relay = await TestRelay.start();
    const { account } = await relay.person("alice");
    const { client } = await relay.person("bob");
    const id = client.id();
    client.say({ type: "resolve", id, userId: "alice" });
    expect(await client.next("resolved")).toEqual({
      type: "resolved",
      id,
      account,
      role: "person",
      firstContact: "everyone",
      bases: [],
    });
    const other = client.id();
    client.say({ type: "resolve", id: other, userId: "carol" });
    await client.failure(other, "unknownUser");
  });
});

describe("publishKeys", () => {
  it("counts what it holds, ignores a repeat, and keeps at most 100 of a kind", async () => {
    const relay = await TestRelay.start();
    const { client, person } = await relay.person("alice");
    const upload = { type: "publishKeys", oneTime: "add", id: 1, ...person.oneTimeKeys(range(1, 5)) } as const;
    client.say(upload);
    expect(await client.next("published")).toMatchObject({ id: 1, oneTimeCount: 5, kyberCount: 5 });
    client.say(upload);
    expect(await client.next("published")).toMatchObject({ oneTimeCount: 5, kyberCount: 5 });
    expect(await publish(client, person, range(6, 100))).toMatchObject({ oneTimeCount: 100, kyberCount: 100 });
  });

  it("in the place of those there are discards them for good, also when the upload is repeated", async () => {
    const relay = await TestRelay.start();
    const { client, person, account } = await relay.person("alice");
    await publish(client, person, range(1, 5));
    const upload = { type: "publishKeys", oneTime: "replace", id: 7, ...person.oneTimeKeys(range(20, 3)) } as const;
    for (let count = 0; count < 2; count++) {
      client.say(upload);
      expect(await client.next("published")).toMatchObject({ oneTimeCount: 3, kyberCount: 3 });
    }
    const taker = await relay.anonymous();
    taker.say({ type: "fetchBundles", id: 1, account, devices: [], deliveryKey: person.deliveryKey });
    const [bundle] = (await taker.next("bundles")).devices;
    expect([bundle?.oneTimePrekey?.id, bundle?.kyberPrekey.id]).toEqual([20, 20]);
    client.say({ type: "publishKeys", oneTime: "replace", id: 8, oneTimePrekeys: [], kyberPrekeys: [] });
    await client.next("keysLow");
    expect(await client.next("published")).toMatchObject({ oneTimeCount: 0, kyberCount: 0 });
    expect(await publish(client, person, range(1, 30))).toMatchObject({ oneTimeCount: 8, kyberCount: 8 });
  });

  it("that is refused discards nothing", async () => {
    const relay = await TestRelay.start();
    const { client, person } = await relay.person("alice");
    await publish(client, person, range(1, 5));
    const { oneTimePrekeys } = person.oneTimeKeys([20]);
    const kyberPrekeys = [new Person("mallory").kyberPrekey(20)];
    client.say({ type: "publishKeys", oneTime: "replace", id: 1, oneTimePrekeys, kyberPrekeys });
    await client.failure(1, "badSignature");
    expect(await publish(client, person, [])).toMatchObject({ oneTimeCount: 5, kyberCount: 5 });
  });

  it("replaces signed and last-resort keys and answers their digest, as the next welcome does", async () => {
    const relay = await TestRelay.start();
    const { client, person, device } = await relay.person("alice");
    const signedPrekey = person.signedPrekey(2);
    const lastResortPrekey = person.kyberPrekey(3);
    const id = client.id();
    client.say({
      type: "publishKeys",
      oneTime: "add",
      id,
      signedPrekey,
      lastResortPrekey,
      oneTimePrekeys: [],
      kyberPrekeys: [],
    });
    const { registrationId } = device;
    const expected = keyDigest({ identityKey: person.identityKey, registrationId, signedPrekey, lastResortPrekey });
    expect((await client.next("published")).keyDigest).toEqual(expected);
    const { client: again, challenge } = await relay.challenged();
    again.say(device.authentication(challenge));
    expect((await again.next("welcome")).keyDigest).toEqual(expected);
  });

  it("refuses keys of the wrong kind, unsigned keys and ids that do not rise, and stores nothing of them", async () => {
    const relay = await TestRelay.start();
    const { client, person } = await relay.person("alice");
    const stranger = new Person("mallory");
    const good = person.oneTimeKeys([1, 2]);
    const [first, second] = good.oneTimePrekeys as [(typeof good.oneTimePrekeys)[0], (typeof good.oneTimePrekeys)[0]];
    const none = { oneTimePrekeys: [], kyberPrekeys: [] };
    const wrong = [
      [{ ...good, kyberPrekeys: [stranger.kyberPrekey(1)] }, "badSignature"],
      [{ ...none, signedPrekey: stranger.signedPrekey(4) }, "badSignature"],
      [{ ...none, lastResortPrekey: stranger.kyberPrekey(4) }, "badSignature"],
      [{ ...good, oneTimePrekeys: [first, { id: 2, key: new Uint8Array(33) }] }, "badKeys"],
      [{ ...good, oneTimePrekeys: [second, first] }, "badKeys"],
      [{ ...good, kyberPrekeys: [...good.kyberPrekeys].reverse() }, "badKeys"],
    ] as const;
    for (const [keys, code] of wrong) {
      const id = client.id();
      client.say({ type: "publishKeys", oneTime: "add", id, ...keys });
      await client.failure(id, code);
    }
    client.say({ type: "publishKeys", oneTime: "add", id: 99, ...none });
    expect(await client.next("published")).toMatchObject({ oneTimeCount: 0, kyberCount: 0 });
  });
});

describe("fetchBundles", () => {
  it("gives 64 concurrent takers 64 different one-time keys, and the last-resort key to those after", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    await publish(alice.client, alice.person, range(1, 64));
    const takers = await Promise.all(range(0, 8).map((index) => relay.anonymous(`192.0.2.${index + 1}`)));
    const { account } = alice;
    const { deliveryKey } = alice.person;
    for (const taker of takers) {
      for (let count = 0; count < 8; count++) {
        taker.say({ type: "fetchBundles", id: taker.id(), account, devices: [], deliveryKey });
      }
    }
    const bundles = await Promise.all(
      takers.map(async (taker) => {
        const all: Frame<"bundles">[] = [];
        for (let count = 0; count < 8; count++) all.push(await taker.next("bundles"));
        return all;
      }),
    );
    const devices = bundles.flat().map(({ devices: [device] }) => device);
    const curve = new Set(devices.map((device) => device?.oneTimePrekey?.id));
    const kyber = new Set(devices.map((device) => device?.kyberPrekey.id));
    expect([curve.size, kyber.size, curve.has(undefined)]).toEqual([64, 64, false]);
    for (const device of devices) {
      if (device === undefined) throw new Error("a bundle without a device");
      const { key, signature } = device.kyberPrekey;
      expect(signatures.verifyIdentity(alice.person.identityKey, key, signature)).toBe(true);
    }

    const [late] = takers as [Client];
    late.say({ type: "fetchBundles", id: late.id(), account, devices: [], deliveryKey });
    const [last] = (await late.next("bundles")).devices;
    expect(last?.oneTimePrekey).toBeUndefined();
    expect(last?.kyberPrekey).toEqual(alice.device.lastResortPrekey);
  });

  it("serves a device without the delivery key, one device or all, but not the asking one", async () => {
    const relay = await TestRelay.start({ policy: { keysLowAt: 0 } });
    const alice = await relay.person("alice");
    const second = new TestDevice(alice.person);
    await relay.registered(second, "add");
    const { client } = await relay.person("bob");
    const ask = async (of: Client, devices: readonly number[]) => {
      const id = of.id();
      of.say({
        type: "fetchBundles",
        id,
        account: alice.account,
        devices: devices as Frame<"bundles">["devices"][0]["device"][],
      });
      return (await of.next("bundles")).devices.map(({ device, registrationId }) => [device, registrationId]);
    };
    const one = [1, alice.device.registrationId];
    const two = [2, second.registrationId];
    expect(await ask(client, [])).toEqual([one, two]);
    expect(await ask(client, [2])).toEqual([two]);
    expect(await ask(client, [2, 7])).toEqual([two]);
    expect(await ask(alice.client, [])).toEqual([two]);
  });

  it("refuses a device that is named twice", async () => {
    const relay = await TestRelay.start();
    const { client, account } = await relay.person("alice");
    const id = client.id();
    const twice = [1, 1] as unknown as Frame<"fetchBundles">["devices"];
    client.say({ type: "fetchBundles", id, account, devices: twice });
    await client.failure(id, "badFrame");
  });

  it("tells the device when few keys are left", async () => {
    const relay = await TestRelay.start({ policy: { keysLowAt: 3 } });
    const alice = await relay.person("alice");
    await publish(alice.client, alice.person, range(1, 4));
    const { client } = await relay.person("bob");
    const take = async () => {
      client.say({ type: "fetchBundles", id: client.id(), account: alice.account, devices: [] });
      await client.next("bundles");
    };
    await take();
    expect(await alice.client.rest()).toEqual([]);
    await take();
    expect(await alice.client.next("keysLow")).toMatchObject({ oneTimeCount: 2, kyberCount: 2 });
  });

  it("goes on with last-resort keys when somebody drains an account, so that it stays reachable", async () => {
    const relay = await TestRelay.start({ policy: { limiterScale: 0.01 } });
    const alice = await relay.person("alice");
    const taker = await relay.anonymous();
    const { deliveryKey } = alice.person;
    const kyber: unknown[] = [];
    for (let count = 0; count < 5; count++) {
      taker.say({ type: "fetchBundles", id: taker.id(), account: alice.account, devices: [], deliveryKey });
      kyber.push((await taker.next("bundles")).devices[0]?.kyberPrekey);
    }
    expect(relay.counts.get("limited bundlesPerTarget")).toBe(2);
    expect(kyber[4]).toEqual(alice.device.lastResortPrekey);
  });

  it("refuses the wrong key, no key and an unknown account alike, and as late", async () => {
    const relay = await TestRelay.start();
    const { account, person } = await relay.person("alice");
    const client = await relay.anonymous();
    const asks: Pick<Frame<"fetchBundles">, "account" | "deliveryKey">[] = [
      { account, deliveryKey: new Uint8Array(16) },
      { account },
      { account: NOBODY, deliveryKey: person.deliveryKey },
    ];
    const before = client.messages.length;
    for (const ask of asks) {
      client.say({ type: "fetchBundles", id: 7, devices: [], ...ask });
      expect(await client.rest()).toEqual([]);
      relay.clock.advance(249);
      expect(await client.rest()).toEqual([]);
      relay.clock.advance(1);
      await client.failure(7, "notAllowed");
    }
    const answers = client.messages.slice(before).map((message) => Buffer.from(message).toString("hex"));
    expect(new Set(answers).size).toBe(1);
    expect(answers).toHaveLength(3);
  });
});

describe("fetchCertificate", () => {
  it("answers a certificate under the root for this device and this long", async () => {
    const relay = await TestRelay.start({ policy: { certificateTtlMs: 99 * 86_400_000 } });
    const { client, account, person } = await relay.person("alice");
    client.say({ type: "fetchCertificate", id: client.id() });
    const { certificate, expiresMs } = await client.next("certificate");
    expect(expiresMs).toBe(relay.clock.now() + 86_400_000);
    const parsed = SenderCertificate.deserialize(Uint8Array.from(certificate));
    const root = PublicKey.deserialize(Uint8Array.from(signatures.root));
    expect(parsed.validate(root, relay.clock.now())).toBe(true);
    expect([parsed.senderUuid(), parsed.senderDeviceId(), parsed.expiration()]).toEqual([account, 1, expiresMs]);
    expect(parsed.key().serialize()).toEqual(person.identityKey);
  });
});

describe("bundles in a device mismatch", () => {
  /** Alice with a second device that published keys, and a sender that does not know of it. */
  async function unknownSecond(options: Parameters<typeof TestRelay.start>[0] = {}) {
    const relay = await TestRelay.start(options);
    const { person, device, account } = await relay.person("alice");
    const second = new TestDevice(person);
    const { client } = await relay.registered(second, "add");
    await publish(client, person, range(1, 40));
    const sender = await relay.anonymous();
    const mismatch = async (wantBundles: "no" | "yes", named = sealedTo(device)) => {
      sender.say(sendFrame(sender, [named], { wantBundles }));
      return sender.next("deviceMismatch");
    };
    return { relay, person, account, device, second, sender, mismatch };
  }

  it("are those of missing and of stale devices, with one-time keys, if the sender wants them", async () => {
    const { person, account, device, second, mismatch } = await unknownSecond();
    const { accounts, bundles } = await mismatch("yes");
    expect(accounts).toMatchObject([{ missing: [2], extra: [], stale: [] }]);
    expect(bundles).toMatchObject([
      {
        account,
        identityKey: person.identityKey,
        devices: [
          { device: 2, registrationId: second.registrationId, oneTimePrekey: { id: 1 }, kyberPrekey: { id: 1 } },
        ],
      },
    ]);
    const both = sealedTo(device, second);
    const stale = both.envelopes.map((one) => ({ ...one, registrationId: 1 + (one.registrationId % 0x3fff) }));
    const again = await mismatch("yes", { ...both, envelopes: stale });
    expect(again.accounts).toMatchObject([{ missing: [], extra: [], stale: [1, 2] }]);
    expect(again.bundles[0]?.devices.map((bundle) => [bundle.device, bundle.oneTimePrekey?.id])).toEqual([
      [1, undefined],
      [2, 2],
    ]);
  });

  it("are left out, and no key is taken, if the sender does not want them or only names too many", async () => {
    const { relay, account, device, second, mismatch } = await unknownSecond();
    expect((await mismatch("no")).bundles).toEqual([]);
    const both = sealedTo(device, second);
    const extra = { ...(both.envelopes[0] as (typeof both.envelopes)[0]), device: parseDeviceId(5) };
    const { accounts, bundles } = await mismatch("yes", { ...both, envelopes: [...both.envelopes, extra] });
    expect(accounts).toMatchObject([{ missing: [], extra: [5], stale: [] }]);
    expect(bundles).toEqual([]);
    const { registrationId } = second;
    const mailbox = mailboxId(account, second.known.device, registrationId);
    expect(await relay.store.directory.countPrekeys(mailbox, "curve")).toBe(40);
  });

  it("come without one-time keys once too many were asked for", async () => {
    const { account, sender, mismatch, person } = await unknownSecond();
    for (let count = 0; count < 300; count++) {
      sender.say({
        type: "fetchBundles",
        id: count,
        account,
        devices: [parseDeviceId(1)],
        deliveryKey: person.deliveryKey,
      });
      await sender.next("bundles");
    }
    const { bundles } = await mismatch("yes");
    expect(bundles[0]?.devices).toMatchObject([{ device: 2, kyberPrekey: { id: 1 } }]);
    expect(bundles[0]?.devices[0]?.oneTimePrekey).toBeUndefined();
  });
});
