/** What a device leaves behind when it closes, and who is recognised by it. */

import { randomBytes } from "node:crypto";
import { hashResumeToken } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../../server/store/index.js";
import type { Client } from "./support/client.js";
import { TestDevice } from "./support/device.js";
import { ManualClock } from "./support/manual-clock.js";
import { TestRelay } from "./support/test-relay.js";

const token = () => new Uint8Array(randomBytes(16));

async function park(client: Client, left: Uint8Array): Promise<void> {
  const id = client.id();
  client.say({ type: "park", id, tokenHash: hashResumeToken(left) });
  await client.next("done");
}

async function live(relay: TestRelay, device: TestDevice): Promise<Client> {
  const client = await relay.connected(device);
  await client.next("queueEmpty");
  return client;
}

async function resumed(relay: TestRelay, device: TestDevice, shown?: Uint8Array): Promise<string> {
  return (await relay.greeted(device, shown)).welcome.resumed;
}

describe("a device that parked", () => {
  it("is recognised by its token once, also by a relay that was started anew meanwhile", async () => {
    const clock = new ManualClock();
    const store = memoryStore({ clock });
    await store.open();
    const first = await TestRelay.start({ clock, store });
    const { client, device } = await first.person("alice");
    const left = token();
    await park(client, left);
    client.hangUp();
    const relay = await TestRelay.start({ clock, store });
    expect(await resumed(relay, device, left)).toBe("yes");
    expect(await resumed(relay, device, left)).toBe("no");
  });

  it("is not when it comes without its token or with another; the token is spent then too", async () => {
    const relay = await TestRelay.start();
    const { client, device } = await relay.person("alice");
    for (const shown of [undefined, token()]) {
      const left = token();
      await park(shown === undefined ? client : await live(relay, device), left);
      expect(await resumed(relay, device, shown)).toBe("no");
      expect(await resumed(relay, device, left)).toBe("no");
    }
  });

  it("is recognised by the last token only", async () => {
    const relay = await TestRelay.start();
    const { client, device } = await relay.person("alice");
    const [one, other] = [token(), token()];
    await park(client, one);
    await park(client, other);
    expect(await resumed(relay, device, one)).toBe("no");
    await park(await live(relay, device), one);
    await park(await live(relay, device), other);
    expect(await resumed(relay, device, other)).toBe("yes");
  });

  it("is not recognised by another device's token", async () => {
    const relay = await TestRelay.start();
    const { client, person } = await relay.person("alice");
    const second = new TestDevice(person);
    await relay.registered(second, "add");
    const left = token();
    await park(client, left);
    expect(await resumed(relay, second, left)).toBe("no");
  });

  it("and comes twice at the same time is recognised once", async () => {
    const relay = await TestRelay.start();
    const { client, device } = await relay.person("alice");
    const left = token();
    await park(client, left);
    const rivals = await Promise.all(Array.from({ length: 8 }, () => relay.challenged()));
    for (const rival of rivals) rival.client.say({ ...device.authentication(rival.challenge), resume: left });
    const answers = await Promise.all(
      rivals.map((rival) =>
        rival.client.next("welcome").then(
          (welcome) => welcome.resumed,
          () => "displaced",
        ),
      ),
    );
    expect(answers.filter((answer) => answer === "yes").length).toBeLessThanOrEqual(1);
    expect(await resumed(relay, device, left)).toBe("no");
  });

  it("is forgotten after 90 days", async () => {
    const relay = await TestRelay.start();
    const { client, device } = await relay.person("alice");
    const left = token();
    await park(client, left);
    relay.clock.advance(90 * 86_400_000);
    expect(await resumed(relay, device, left)).toBe("no");
  });

  it("and registers again with the same keys is not: what it left is spent", async () => {
    const relay = await TestRelay.start();
    const { client, device } = await relay.person("alice");
    const left = token();
    await park(client, left);
    await relay.registered(device);
    expect(await resumed(relay, device, left)).toBe("no");
  });

  it("leaves nothing behind once it was revoked", async () => {
    const relay = await TestRelay.start();
    const { client, person, account } = await relay.person("alice");
    const second = new TestDevice(person);
    const { client: secondClient } = await relay.registered(second, "add");
    await park(secondClient, token());
    const { device } = second.known;
    client.say({ type: "revokeDevice", id: 1, device, deliveryKeyHash: new Uint8Array(32) });
    await client.next("done");
    await client.rest();
    const row = await relay.store.table.get("parked", `${account}.${device}.${second.registrationId}`);
    expect(row).toBeUndefined();
  });
});

describe("a connection that is displaced", () => {
  it("leaves no token that outlives what the newer connection does", async () => {
    const relay = await TestRelay.start();
    const { client, device } = await relay.person("alice");
    const left = token();
    const { client: newer, challenge } = await relay.challenged();
    newer.say(device.authentication(challenge));
    // The old connection parks while the newer one is being greeted.
    client.say({ type: "park", id: 1, tokenHash: hashResumeToken(left) });
    await newer.next("welcome");
    await client.closed("displaced");
    await newer.rest();
    newer.hangUp();
    expect(await resumed(relay, device, left)).toBe("no");
  });
});
