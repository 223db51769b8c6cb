/** Strangers: one message for each pair of accounts, a few repairs, and replies. */

import {
  type AccountId,
  type FirstContactPolicy,
  type Frame,
  failures,
  hashDeliveryKey,
  limits,
  type WireFailureCode,
} from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import type { Client } from "./support/client.js";
import { Person, TestDevice } from "./support/device.js";
import { envelopeFor, sealedTo, sendFrame, TestRelay } from "./support/test-relay.js";

const REFUSED_AFTER_MS = 250;
const DAY_MS = 86_400_000;

type Someone = Awaited<ReturnType<TestRelay["person"]>>;

const openly = (to: TestDevice) => ({ account: to.known.account, envelopes: [envelopeFor(to)] });

async function access(owner: Someone, changes: Partial<Frame<"setAccess">> = {}): Promise<void> {
  const deliveryKeyHash = hashDeliveryKey(owner.person.deliveryKey);
  const id = owner.client.id();
  owner.client.say({ type: "setAccess", id, deliveryKeyHash, firstContact: "everyone", blocked: [], ...changes });
  await owner.client.skipTo("done");
}

/** Sends and expects to be accepted. */
async function passes(client: Client, frame: Frame<"send">): Promise<void> {
  client.say(frame);
  expect((await client.skipTo("accepted")).id).toBe(frame.id);
}

/** Sends and expects this refusal, no earlier than its time. */
async function fails(relay: TestRelay, client: Client, frame: Frame<"send">, code: WireFailureCode): Promise<void> {
  client.say(frame);
  await client.rest();
  relay.clock.advance(REFUSED_AFTER_MS - 1);
  expect((await client.rest()).filter((type) => type !== "deliver")).toEqual([]);
  relay.clock.advance(1);
  const failed = await client.skipTo("failed");
  expect([failed.id, failed.failure]).toEqual([frame.id, failures[code].wire]);
}

async function strangers(options?: Parameters<typeof TestRelay.start>[0]) {
  const relay = await TestRelay.start(options);
  const alice = await relay.person("alice");
  const bob = await relay.person("bob");
  const first = (changes: Partial<Frame<"send">> = {}) => sendFrame(bob.client, [openly(alice.device)], changes);
  const pass = (frame = first()) => passes(bob.client, frame);
  const fail = (code: WireFailureCode, frame = first()) => fails(relay, bob.client, frame, code);
  return { relay, alice, bob, first, pass, fail };
}

describe("a first contact", () => {
  it("is one message, which may be repeated under its id, and then waits for an answer", async () => {
    const { relay, alice, bob, first, pass, fail } = await strangers();
    const message = first();
    await pass(message);
    await pass({ ...message, id: 90 });
    await fail("requestPending");
    await alice.client.next("deliver");
    expect(await alice.client.rest()).toEqual([]);
    relay.clock.advance(30 * DAY_MS);
    await passes(await relay.connected(bob.device), first());
  });

  it("has room for a few repairs, each of which may be repeated", async () => {
    const { first, pass, fail } = await strangers();
    await pass();
    const repairs = Array.from({ length: limits.firstContactRepairs.value }, () => first({ purpose: "repair" }));
    for (const repair of repairs) await pass(repair);
    for (const repair of repairs) await pass({ ...repair, id: repair.id + 50 });
    await fail("requestPending", first({ purpose: "repair" }));
    await fail("requestPending");
  });

  it("does not get around its limit by calling everything a repair", async () => {
    const { first, pass, fail } = await strangers();
    for (let count = 0; count < limits.firstContactRepairs.value; count++) await pass(first({ purpose: "repair" }));
    await fail("requestPending", first({ purpose: "repair" }));
    await pass();
    await fail("requestPending");
  });

  it("is never ephemeral, and asks no table then", async () => {
    const { relay, first, fail } = await strangers();
    await fail("notAllowed", first({ storage: "ephemeral" }));
    expect([...relay.counts.keys()].filter((name) => name.startsWith("limited"))).toEqual([]);
  });

  it("of many at once is exactly one", async () => {
    const { relay, bob, first } = await strangers();
    const sent = Array.from({ length: 16 }, () => first());
    for (const frame of sent) bob.client.say(frame);
    await bob.client.rest();
    relay.clock.advance(REFUSED_AFTER_MS);
    const accepted = await bob.client.next("accepted");
    for (const { id } of sent) if (id !== accepted.id) await bob.client.failure(id, "requestPending");
  });

  it("that found the mailbox full may be sent again under its id, and under no other", async () => {
    const { relay, alice, bob, first, pass, fail } = await strangers({
      policy: { mailboxQuota: { envelopes: 1, bytes: 1_000 } },
    });
    const sealed = await relay.anonymous();
    await passes(sealed, sendFrame(sealed, [sealedTo(alice.device)]));
    const message = first();
    bob.client.say(message);
    await bob.client.failure(message.id, "mailboxFull");
    await fail("requestPending");
    await alice.client.next("deliver");
    alice.client.say({ type: "acknowledge", upTo: 1, also: [] });
    await alice.client.rest();
    await pass({ ...message, id: 70 });
  });

  it("with a wrong device list takes nothing of the pair", async () => {
    const { alice, bob, pass } = await strangers();
    bob.client.say(sendFrame(bob.client, [{ account: alice.account, envelopes: [] }]));
    await bob.client.next("deviceMismatch");
    await pass();
  });

  it("starts anew with a sender that starts over, and with a recipient that rotated its delivery key", async () => {
    const { relay, alice, pass, fail } = await strangers();
    await pass();
    await fail("requestPending");
    await access(alice, { deliveryKeyHash: new Uint8Array(32).fill(1) });
    await pass();
    await fail("requestPending");
    const again = new TestDevice(new Person("bob"));
    const { client } = await relay.registered(again, "reset");
    await passes(client, sendFrame(client, [openly(alice.device)]));
  });

  it("is pending for a blocked sender as for any other, and a closed policy changes nothing of it", async () => {
    const { alice, bob, pass, fail } = await strangers();
    await pass();
    await access(alice, { blocked: [bob.account] });
    await fail("requestPending");
    await access(alice, { firstContact: "nobody" });
    await fail("requestPending");
  });
});

describe("a policy", () => {
  it.each<[FirstContactPolicy, FirstContactPolicy, boolean]>([
    ["everyone", "everyone", true],
    ["everyone", "grant", false],
    ["grant", "everyone", false],
    ["everyone", "contacts", false],
    ["nobody", "everyone", false],
  ])("of %s under a floor of %s lets a stranger in: %s", async (firstContact, floor, isAllowed) => {
    const { alice, pass, fail } = await strangers({ policy: { firstContactFloor: floor } });
    await access(alice, { firstContact });
    if (isAllowed) await pass();
    else await fail("notAllowed");
  });

  it("that changed, and a block, count for the next send", async () => {
    const { alice, bob, pass, fail } = await strangers();
    await access(alice, { firstContact: "contacts" });
    await fail("notAllowed");
    await access(alice, { blocked: [bob.account] });
    await fail("notAllowed");
    await access(alice);
    await pass();
  });

  it("that closes while a first contact is noted refuses it", async () => {
    const { relay, alice, bob, first } = await strangers();
    const { table } = relay.store;
    const compareAndSet = table.compareAndSet.bind(table);
    let closed: Promise<void> | undefined;
    table.compareAndSet = async (...row) => {
      if (row[0] === "pair") closed ??= access(alice, { firstContact: "nobody" });
      await closed;
      return compareAndSet(...row);
    };
    await fails(relay, bob.client, first(), "notAllowed");
    expect(await alice.client.rest()).toEqual([]);
  });

  it("of nobody still lets former contacts in who were written to, and all others let any", async () => {
    const { relay, alice, bob, fail } = await strangers();
    const former = () => sendFrame(bob.client, [sealedTo(alice.device)]);
    const rotated = { deliveryKeyHash: new Uint8Array(32).fill(1) };
    for (const firstContact of ["everyone", "grant", "contacts"] as const) {
      await access(alice, { ...rotated, firstContact });
      await passes(bob.client, former());
      await passes(bob.client, sendFrame(bob.client, [sealedTo(alice.device)], { storage: "ephemeral" }));
    }
    await access(alice, { ...rotated, firstContact: "nobody" });
    await fail("notAllowed", former());
    await passes(alice.client, sendFrame(alice.client, [openly(bob.device)]));
    await passes(bob.client, former());
    await access(alice, { ...rotated, blocked: [bob.account] });
    await fail("notAllowed", former());
    expect(relay.bugs).toEqual([]);
  });
});

describe("a reply", () => {
  it("to who wrote first is taken under every policy, as often as it likes, until blocked", async () => {
    const { relay, alice, bob, pass } = await strangers();
    await pass();
    await alice.client.next("deliver");
    const reply = () => sendFrame(alice.client, [openly(bob.device)]);
    for (const firstContact of ["everyone", "grant", "contacts", "nobody"] as const) {
      await access(bob, { firstContact });
      for (let count = 0; count < 3; count++) await passes(alice.client, reply());
      await passes(alice.client, { ...reply(), purpose: "repair" });
    }
    await access(bob, { blocked: [alice.account] });
    await fails(relay, alice.client, reply(), "notAllowed");
  });

  it("still finds who wrote first after that one rotated its delivery key, but not after it started over", async () => {
    const { relay, alice, bob, pass } = await strangers();
    await pass();
    await alice.client.next("deliver");
    await access(bob, { firstContact: "nobody" });
    await access(alice, { deliveryKeyHash: new Uint8Array(32).fill(1) });
    await passes(alice.client, sendFrame(alice.client, [openly(bob.device)]));
    const again = new TestDevice(new Person("bob"));
    await relay.registered(again, "reset");
    await fails(relay, alice.client, sendFrame(alice.client, [openly(again)]), "notAllowed");
  });
});

describe("the limits of strangers", () => {
  it("bound look-ups of one sender, whether anybody is there or not", async () => {
    const relay = await TestRelay.start({ policy: { limiterScale: 1 / 200 } });
    const bob = await relay.person("bob");
    const nobody = { account: "00000000-0000-4000-8000-000000000000" as AccountId, envelopes: [] };
    const codes: number[] = [];
    for (let count = 0; count < 3; count++) {
      const frame = sendFrame(bob.client, [nobody]);
      bob.client.say(frame);
      await bob.client.rest();
      relay.clock.advance(REFUSED_AFTER_MS);
      codes.push((await bob.client.next("failed")).failure);
    }
    expect(codes[2]).toBe(6);
    expect(relay.counts.get("limited lookUpsPerAccount")).toBe(1);
  });

  it("bound replies and former contacts towards one account, apart from its contacts", async () => {
    const { relay, alice, bob } = await strangers({ policy: { limiterScale: 1 / 100 } });
    await access(alice, { deliveryKeyHash: new Uint8Array(32).fill(1) });
    for (let count = 0; count < 10; count++) await passes(bob.client, sendFrame(bob.client, [sealedTo(alice.device)]));
    const eleventh = sendFrame(bob.client, [sealedTo(alice.device)]);
    bob.client.say(eleventh);
    await bob.client.failure(eleventh.id, "tooManyRequests");
    expect(relay.counts.get("limited identifiedPerRecipient")).toBe(1);
  });
});
