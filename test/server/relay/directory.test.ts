/** Resolving users, fetching bundles, publishing keys, certificates. */

import { PublicKey, SenderCertificate } from "@signalapp/libsignal-client";
import { type AccountId, type Frame, keyDigest } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import type { Client } from "./support/client.js";
import { Person, TestDevice } from "./support/device.js";
import { signatures, TestRelay } from "./support/test-relay.js";

const NOBODY = "00000000-0000-4000-8000-000000000000" as AccountId;

async function publish(client: Client, person: Person, ids: readonly number[]): Promise<Frame<"published">> {
  client.say({ type: "publishKeys", id: client.id(), ...person.oneTimeKeys(ids) });
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
    expect(await client.next("resolved")).toEqual({ type: "resolved", id, account });
    const other = client.id();
    client.say({ type: "resolve", id: other, userId: "carol" });
    await client.failure(other, "unknownUser");
  });
});

describe("publishKeys", () => {
  it("counts what it holds, ignores a repeat, and keeps at most 100 of a kind", async () => {
    const relay = await TestRelay.start();
    const { client, person } = await relay.person("alice");
    const upload = { type: "publishKeys", id: 1, ...person.oneTimeKeys(range(1, 5)) } as const;
    client.say(upload);
    expect(await client.next("published")).toMatchObject({ id: 1, oneTimeCount: 5, kyberCount: 5 });
    client.say(upload);
    expect(await client.next("published")).toMatchObject({ oneTimeCount: 5, kyberCount: 5 });
    expect(await publish(client, person, range(6, 100))).toMatchObject({ oneTimeCount: 100, kyberCount: 100 });
  });

  it("replaces signed and last-resort keys and answers their digest, as the next welcome does", async () => {
    const relay = await TestRelay.start();
    const { client, person, device } = await relay.person("alice");
    const signedPrekey = person.signedPrekey(2);
    const lastResortPrekey = person.kyberPrekey(3);
    const id = client.id();
    client.say({ type: "publishKeys", id, signedPrekey, lastResortPrekey, oneTimePrekeys: [], kyberPrekeys: [] });
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
      client.say({ type: "publishKeys", id, ...keys });
      await client.failure(id, code);
    }
    client.say({ type: "publishKeys", id: 99, ...none });
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
