/** The account document. */

import { readFileSync } from "node:fs";
import { failures, fromHex, parseAccountId, parseDeviceId } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { decodeAccount, encodeAccount, withDeliveryKey } from "../../../server/relay/account.js";
import { documentOf } from "./support/registering.js";
import { envelopeFor, TestRelay } from "./support/test-relay.js";

describe("an account document", () => {
  it("that does not parse is our bug, is logged, and closes nobody else's door", async () => {
    const relay = await TestRelay.start();
    const { account, device } = await relay.person("alice");
    const stored = await relay.store.directory.account(account);
    await relay.store.directory.compareAndSet(account, stored?.revision, new Uint8Array([1]));
    const { client, challenge } = await relay.challenged();
    client.say(device.authentication(challenge));
    expect((await client.next("refused")).failure).toBe(failures.internal.wire);
    expect(relay.bugs).toHaveLength(1);
    await relay.person("bob");
  });

  it("of version 1, as a relay wrote it, is read with what it could not say left open, and written as today's", async () => {
    const text = readFileSync(new URL("fixtures/account-1.hex", import.meta.url), "utf8");
    const document = decodeAccount(fromHex(text.replaceAll("\n", "")));
    const fill = (size: number, value: number) => new Uint8Array(size).fill(value);
    const device = (id: number, registrationId: number) => ({
      device: parseDeviceId(id),
      registrationId,
      authenticationKey: fill(32, id),
      signedPrekey: { id: 5, key: fill(33, 3), signature: fill(64, 4) },
      lastResortPrekey: { id: 6, key: fill(1569, 5), signature: fill(64, 6) },
      addedMs: 0,
      seenDay: 0,
    });
    const expected = {
      issuer: "https://host.example",
      identityKey: fill(33, 1),
      role: "person",
      deliveryKeyHash: fill(32, 2),
      formerKeyHashes: [],
      firstContact: "nobody",
      blocked: [parseAccountId("00000000-0000-4000-8000-00000000000b")],
      devices: [device(1, 17), device(3, 4711)],
      retired: [{ device: parseDeviceId(2), registrationId: 99 }],
      lastDevice: parseDeviceId(3),
    };
    expect(document).toEqual(expected);
    expect(decodeAccount(encodeAccount(document))).toEqual({ version: 3, ...expected });
  });

  it("of version 2, as a relay wrote it, is a person's, and written as today's", async () => {
    const text = readFileSync(new URL("fixtures/account-2.hex", import.meta.url), "utf8");
    const document = decodeAccount(fromHex(text.replaceAll("\n", "")));
    const { role, firstContact, devices, lastDevice, formerKeyHashes } = document;
    expect({ role, firstContact, lastDevice }).toEqual({ role: "person", firstContact: "grant", lastDevice: 3 });
    expect(devices.map(({ device, addedMs, name }) => [device, addedMs, name?.length])).toEqual([
      [1, 1_700_000_000_001, 92],
    ]);
    expect(formerKeyHashes).toEqual([new Uint8Array(32).fill(9)]);
    expect(decodeAccount(encodeAccount(document))).toEqual({ version: 3, ...document });
  });

  it("remembers the last eight delivery keys that were replaced, the latest first, and never the one in force", async () => {
    const relay = await TestRelay.start();
    const { device } = await relay.person("alice");
    const key = (value: number) => new Uint8Array(32).fill(value);
    let document = withDeliveryKey(await documentOf(relay, device), key(0));
    expect(document.formerKeyHashes).toHaveLength(1);
    for (let value = 1; value <= 9; value++) document = withDeliveryKey(document, key(value));
    expect(document.formerKeyHashes).toEqual([8, 7, 6, 5, 4, 3, 2, 1].map(key));
    document = withDeliveryKey(document, key(9));
    expect(document.formerKeyHashes).toHaveLength(8);
    document = withDeliveryKey(document, key(5));
    expect(document).toMatchObject({ deliveryKeyHash: key(5), formerKeyHashes: [9, 8, 7, 6, 4, 3, 2, 1].map(key) });
  });

  it("survives encoding", async () => {
    const relay = await TestRelay.start();
    const { device } = await relay.person("alice");
    const document = await documentOf(relay, device);
    expect(decodeAccount(encodeAccount(document))).toEqual(document);
    expect(envelopeFor(device).registrationId).toBe(document.devices[0]?.registrationId);
  });
});
