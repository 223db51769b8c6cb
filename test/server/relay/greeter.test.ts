/** Greetings against a relay: challenge, authentication, refusals, deadlines, displacement. */

import { closeCodes, failures, keyDigest, limits, PROTOCOL_VERSION } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { Client } from "./support/client.js";
import { TestDevice } from "./support/device.js";
import { signatures, TestRelay } from "./support/test-relay.js";

describe("a greeting", () => {
  it("opens with version, a fresh nonce, the root and the time", async () => {
    const relay = await TestRelay.start();
    const one = await relay.challenged();
    const other = await relay.challenged();
    expect(one.challenge).toMatchObject({ version: PROTOCOL_VERSION, development: "on", root: signatures.root });
    expect(one.challenge.serverTimeMs).toBe(relay.clock.now());
    expect(one.challenge.nonce).not.toEqual(other.challenge.nonce);
  });

  it("says that registration is not open where it is not", async () => {
    const relay = await TestRelay.start({ policy: { registration: "hostTokens" } });
    expect((await relay.challenged()).challenge.development).toBe("off");
  });

  it("welcomes a registered device with the digest of its keys, then streams its mailbox", async () => {
    const relay = await TestRelay.start();
    const { device, account } = await relay.person("alice");
    const { client, challenge } = await relay.challenged();
    client.say(device.authentication(challenge));
    const welcome = await client.next("welcome");
    expect(welcome).toMatchObject({ account, device: 1, oneTimeCount: 0, kyberCount: 0 });
    const { registrationId, signedPrekey, lastResortPrekey, person } = device;
    expect(welcome.keyDigest).toEqual(
      keyDigest({ identityKey: person.identityKey, registrationId, signedPrekey, lastResortPrekey }),
    );
    await client.next("queueEmpty");
    expect(relay.gauges.get("deviceConnections")).toBe(1);
  });

  it("refuses a signature over another connection's nonce, an unknown account and an unknown device", async () => {
    const relay = await TestRelay.start();
    const { device } = await relay.person("alice");
    const other = await relay.challenged();
    for (const answer of [
      device.authentication(other.challenge),
      { ...device.authentication(other.challenge), device: 2 as typeof device.known.device },
      {
        ...device.authentication(other.challenge),
        account: "00000000-0000-4000-8000-000000000000" as typeof device.known.account,
      },
    ]) {
      const { client } = await relay.challenged();
      client.say(answer);
      expect((await client.next("refused")).failure).toBe(failures.badCredentials.wire);
      await client.closed("unauthenticated");
    }
  });

  it("refuses another version", async () => {
    const relay = await TestRelay.start();
    const { client } = await relay.challenged();
    client.say({ type: "anonymous", version: 2 });
    expect((await client.next("refused")).failure).toBe(failures.unsupportedVersion.wire);
    await client.closed("unauthenticated");
  });

  it("refuses undecodable bytes and requests before the greeting with 4400", async () => {
    const relay = await TestRelay.start();
    for (const bytes of [new Uint8Array([0xc1]), new Uint8Array()]) {
      const { client } = await relay.challenged();
      client.raw(bytes);
      expect((await client.next("refused")).failure).toBe(failures.badFrame.wire);
      await client.closed("badFrame");
    }
    const { client } = await relay.challenged();
    client.say({ type: "ping", id: 1 });
    await client.next("refused");
    await client.closed("badFrame");
  });

  it("gives up on a client that does not answer in time", async () => {
    const relay = await TestRelay.start();
    const { client } = await relay.challenged();
    relay.clock.advance(limits.greetingMs.value - 1_000);
    expect(client.closedWith).toBeUndefined();
    relay.clock.advance(2_000);
    await client.next("refused");
    await client.closed("silent");
    expect(relay.gauges.get("greetingConnections")).toBe(0);
  });

  it("forgets a client that hangs up while its answer is checked", async () => {
    const relay = await TestRelay.start();
    const { device, client: first } = await relay.person("alice");
    first.hangUp();
    const { client, challenge } = await relay.challenged();
    client.say(device.authentication(challenge));
    client.hangUp();
    expect(await client.rest()).toEqual([]);
    expect(relay.gauges).toEqual(
      new Map([
        ["greetingConnections", 0],
        ["deviceConnections", 0],
      ]),
    );
    expect(relay.bus.publish(`${device.known.account}.1.${device.registrationId}` as never, { kind: "revoked" })).toBe(
      false,
    );
  });
});

describe("a connection", () => {
  it("is displaced by a newer one of the same device", async () => {
    const relay = await TestRelay.start();
    const { device, client: older } = await relay.person("alice");
    const newer = await relay.connected(device);
    await older.closed("displaced");
    await newer.next("queueEmpty");
    newer.say({ type: "ping", id: 9 });
    expect(await newer.next("pong")).toMatchObject({ id: 9 });
    expect(newer.closedWith).toBeUndefined();
  });

  it("is not displaced by another device of the same account", async () => {
    const relay = await TestRelay.start();
    const { client, person } = await relay.person("alice");
    await relay.registered(new TestDevice(person), "add");
    expect(await client.rest()).toEqual(["devicesChanged"]);
    expect(client.closedWith).toBeUndefined();
  });

  it("answers pings, stays open while they come, and is given up after silence", async () => {
    const relay = await TestRelay.start();
    const client = await relay.anonymous();
    for (let beat = 0; beat < 5; beat++) {
      relay.clock.advance(limits.heartbeatMs.value);
      client.say({ type: "ping", id: client.id() });
      await client.next("pong");
    }
    relay.clock.advance(limits.silenceMs.value + 1_001);
    await client.closed("silent");
  });

  it("is closed with 4400 for undecodable bytes, for a second greeting, and for a frame of the wrong stage", async () => {
    const relay = await TestRelay.start();
    const garbage = await relay.anonymous();
    garbage.raw(new Uint8Array([1, 2, 3]));
    await garbage.closed("badFrame");
    const again = await relay.anonymous();
    again.say({ type: "anonymous", version: PROTOCOL_VERSION });
    await again.closed("badFrame");
    const resolving = await relay.anonymous();
    resolving.say({ type: "resolve", id: 77, userId: "bob" });
    await resolving.failure(77, "notAuthenticated");
    await resolving.closed("badFrame");
  });

  it("is closed with 4429 when too much of it is unanswered", async () => {
    const relay = await TestRelay.start();
    const client = await relay.anonymous();
    const account = "00000000-0000-4000-8000-000000000000" as never;
    for (let count = 0; count <= limits.requestsInFlight.value; count++) {
      client.say({ type: "fetchBundles", id: client.id(), account, devices: [], deliveryKey: new Uint8Array(16) });
    }
    await client.closed("flooding");
  });

  it("is closed with 4429 when frames pour in", async () => {
    const relay = await TestRelay.start({ policy: { limiterScale: 0.01 } });
    const client = await relay.anonymous();
    for (let count = 0; count < 200; count++) client.say({ type: "ping", id: 1 });
    await client.closed("flooding");
  });
});

describe("a relay", () => {
  it("drains: refuses newcomers, answers new requests busy, and goes on delivering", async () => {
    const relay = await TestRelay.start();
    const { client } = await relay.person("alice");
    relay.relay.drain();
    expect(new Client(relay.relay).isRefused).toBe(true);
    const id = client.id();
    client.say({ type: "fetchCertificate", id });
    await client.failure(id, "busy");
    client.say({ type: "ping", id: 5 });
    await client.next("pong");
  });

  it("that drains sends those still greeting away as busy", async () => {
    const relay = await TestRelay.start();
    const { client } = await relay.challenged();
    relay.relay.drain();
    client.say({ type: "anonymous", version: PROTOCOL_VERSION });
    expect((await client.next("refused")).failure).toBe(failures.busy.wire);
    await client.closed("unauthenticated");
  });

  it("closes every connection with 4503 and leaves no timer behind", async () => {
    const relay = await TestRelay.start();
    const { client } = await relay.person("alice");
    const { client: greeting } = await relay.challenged();
    await Promise.all([relay.relay.close(), relay.relay.close()]);
    expect([client.closedWith, greeting.closedWith]).toEqual([closeCodes.unavailable, closeCodes.unavailable]);
    expect(relay.clock.waiting).toEqual([]);
  });

  it("refuses connections of an address that opens too many", async () => {
    const relay = await TestRelay.start({ policy: { limiterScale: 0.002 } });
    const opened = Array.from({ length: 4 }, () => new Client(relay.relay));
    expect(opened.map(({ isRefused }) => isRefused)).toEqual([false, false, true, true]);
    expect(new Client(relay.relay, "192.0.2.2").isRefused).toBe(false);
  });
});
