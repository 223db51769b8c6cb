/** The account document. */

import { failures } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { decodeAccount, encodeAccount } from "../../../server/relay/account.js";
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

  it("survives encoding", async () => {
    const relay = await TestRelay.start();
    const { device } = await relay.person("alice");
    const document = await documentOf(relay, device);
    expect(decodeAccount(encodeAccount(document))).toEqual(document);
    expect(envelopeFor(device).registrationId).toBe(document.devices[0]?.registrationId);
  });
});
