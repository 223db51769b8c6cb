/** Delivery of one mailbox to one connection. */

import { limits } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { deliveries, offlineWith } from "./support/offline.js";
import { POLICY } from "./support/test-relay.js";

const WINDOW = limits.inFlight.value;

describe("a mailbox stream", () => {
  it("delivers what is stored in order, then queueEmpty once, then what comes", async () => {
    const { relay, alice, write } = await offlineWith(3);
    const client = await relay.connected(alice.device);
    await deliveries(client, 1, 3);
    await client.next("queueEmpty");
    await write(4);
    await write(5);
    await deliveries(client, 4, 5);
    expect(await client.rest()).toEqual([]);
  });

  it("says queueEmpty at once for an empty mailbox, also one that was emptied", async () => {
    const { relay, alice } = await offlineWith(2);
    const client = await relay.connected(alice.device);
    await deliveries(client, 1, 2);
    await client.next("queueEmpty");
    client.say({ type: "acknowledge", upTo: 2, also: [] });
    expect(await client.rest()).toEqual([]);
    const again = await relay.connected(alice.device);
    expect(await again.rest()).toEqual(["queueEmpty"]);
  });

  it("delivers again to the next connection what was not acknowledged, and only that", async () => {
    const { relay, alice } = await offlineWith(5);
    const client = await relay.connected(alice.device);
    await deliveries(client, 1, 5);
    await client.next("queueEmpty");
    client.say({ type: "acknowledge", upTo: 2, also: [4] });
    await client.rest();
    client.hangUp();
    const again = await relay.connected(alice.device);
    expect((await again.next("deliver")).cursor).toBe(3);
    expect((await again.next("deliver")).cursor).toBe(5);
    expect(await again.rest()).toEqual(["queueEmpty"]);
  });

  it("keeps at most the window in flight, and says queueEmpty only after the last of the backlog", async () => {
    const count = WINDOW * 2 + 10;
    const { relay, alice } = await offlineWith(count);
    const client = await relay.connected(alice.device);
    await deliveries(client, 1, WINDOW);
    expect(await client.rest()).toEqual([]);
    client.say({ type: "acknowledge", upTo: WINDOW, also: [] });
    await deliveries(client, WINDOW + 1, WINDOW * 2);
    expect(await client.rest()).toEqual([]);
    client.say({ type: "acknowledge", upTo: WINDOW * 2, also: [] });
    await deliveries(client, WINDOW * 2 + 1, count);
    expect(await client.rest()).toEqual(["queueEmpty"]);
  });

  it("delivers live mail that came while the window was full", async () => {
    const { relay, alice, write } = await offlineWith(0);
    const client = await relay.connected(alice.device);
    await client.next("queueEmpty");
    for (let number = 1; number <= WINDOW + 40; number++) await write(number);
    await deliveries(client, 1, WINDOW);
    expect(await client.rest()).toEqual([]);
    client.say({ type: "acknowledge", upTo: WINDOW, also: [] });
    await deliveries(client, WINDOW + 1, WINDOW + 40);
    expect(await client.rest()).toEqual([]);
  });

  it("waits while the peer does not read, and goes on when it does", async () => {
    const { relay, alice, write } = await offlineWith(0);
    const client = await relay.connected(alice.device);
    await client.next("queueEmpty");
    client.bufferedBytes = 1_000_000;
    for (let number = 1; number <= 5; number++) await write(number);
    expect(await client.rest()).toEqual([]);
    client.drain();
    await deliveries(client, 1, 5);
  });

  it("stops a backlog in the middle of a page when the peer stops reading", async () => {
    const { relay, alice } = await offlineWith(40, 20_000);
    const { client, challenge } = await relay.challenged();
    const send = client.send.bind(client);
    client.send = (message) => {
      send(message);
      client.bufferedBytes += message.length;
    };
    client.say(alice.device.authentication(challenge));
    await client.next("welcome");
    let delivered = 0;
    for (let round = 0; round < 40 && delivered < 40; round++) {
      const came = (await client.rest()).filter((type) => type === "deliver").length;
      expect(came).toBeLessThan(20);
      await deliveries(client, delivered + 1, delivered + came);
      delivered += came;
      client.drain();
    }
    expect(delivered).toBe(40);
    expect(await client.rest()).toEqual(["queueEmpty"]);
  });

  it("skips what outlived its time to live", async () => {
    const { relay, alice, write } = await offlineWith(2);
    relay.clock.advance(POLICY.envelopeTtlMs + 1);
    await write(3);
    const client = await relay.connected(alice.device);
    expect((await client.next("deliver")).cursor).toBe(3);
    await relay.relay.sweep({ aborted: false });
    expect(relay.counts.get("envelopesExpired")).toBe(2);
  });
});

describe("an acknowledgement", () => {
  it("of what was not delivered closes with 4400, cumulative or single", async () => {
    const { relay, alice } = await offlineWith(2);
    for (const [upTo, also] of [
      [3, []],
      [0, [3]],
      [Number.MAX_SAFE_INTEGER, []],
    ] as const) {
      const client = await relay.connected(alice.device);
      await deliveries(client, 1, 2);
      await client.next("queueEmpty");
      client.say({ type: "acknowledge", upTo, also });
      await client.closed("badFrame");
    }
    const client = await relay.connected(alice.device);
    await deliveries(client, 1, 2);
  });

  it("repeated or of what is gone does nothing", async () => {
    const { relay, alice } = await offlineWith(2);
    const client = await relay.connected(alice.device);
    await deliveries(client, 1, 2);
    await client.next("queueEmpty");
    for (let count = 0; count < 3; count++) client.say({ type: "acknowledge", upTo: 1, also: [2, 1] });
    client.say({ type: "acknowledge", upTo: 0, also: [] });
    expect(await client.rest()).toEqual([]);
    expect(relay.counts.get("envelopesAcknowledged")).toBe(2);
  });
});
