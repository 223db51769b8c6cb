/** Commitments and stamps: kept with what is stored, made again at every delivery, under keys that are on disk before and go in time. */

import {
  accountIdToBytes,
  EPOCH_MS,
  epochOf,
  type Frame,
  fromHex,
  hashDeliveryKey,
  PROTOCOL_VERSION,
  stamp,
} from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import type { Store } from "../../../server/ports.js";
import { memoryStore } from "../../../server/store/index.js";
import { TestRealm } from "../../support/raw-desk.js";
import type { Client } from "./support/client.js";
import { deskOf, withDesk } from "./support/desk.js";
import { ManualClock } from "./support/manual-clock.js";
import { TestGroup } from "./support/test-group.js";
import { sealedTo, sendFrame, TestRelay } from "./support/test-relay.js";

const DAY = 86_400_000;

async function keysOf(desk: Client, from = 0): Promise<Frame<"stampKeys">["keys"]> {
  desk.say({ type: "fetchStampKeys", id: desk.id(), from });
  return (await desk.skipTo("stampKeys")).keys;
}

/** The stamp that the desk would find right. */
async function expectedStamp(
  desk: Client,
  realm: TestRealm,
  of: { readonly commitment?: Uint8Array | undefined; readonly acceptedMs: number },
  recipient: Uint8Array,
) {
  const { acceptedMs, commitment } = of;
  const found = (await keysOf(desk)).find(({ epoch }) => epoch === epochOf(acceptedMs));
  if (found === undefined || commitment === undefined) throw new Error("no key, or no commitment");
  return stamp(found.key, realm.id, { commitment, recipient, acceptedMs });
}

describe("a stored send", () => {
  it("is stamped for each of its accounts, live and from the backlog alike", async () => {
    const { relay, realm, desk } = await withDesk();
    const [alice, bob] = [await relay.person("alice"), await relay.person("bob")];
    bob.client.hangUp();
    const sender = await relay.anonymous();
    const frame = sendFrame(sender, [sealedTo(alice.device), sealedTo(bob.device)]);
    sender.say(frame);
    const { acceptedMs, stamps } = await sender.next("accepted");
    const facts = { commitment: frame.commitment, acceptedMs };
    const right = [];
    for (const { account } of [alice, bob]) {
      right.push(await expectedStamp(desk, realm, facts, accountIdToBytes(account)));
    }
    expect(stamps).toEqual(right);
    const body = frame.recipients[0]?.envelopes[0]?.body;
    expect(await alice.client.next("deliver")).toMatchObject({ ...facts, stamp: right[0], body });
    const again = await relay.connected(bob.device);
    expect(await again.next("deliver")).toMatchObject({ ...facts, stamp: right[1], body });
    expect(relay.counts.get("stamps")).toBe(4);
  });

  it("to a group is stamped for each member, and for the group to who sent it", async () => {
    const { relay, realm, desk } = await withDesk();
    const [alice, bob] = [await relay.person("alice"), await relay.person("bob")];
    bob.client.hangUp();
    const { group, client: sender } = await TestGroup.start(relay);
    const frame = group.send(sender, [[alice.device], [bob.device]]);
    sender.say(frame);
    const { acceptedMs, stamps } = await sender.next("accepted");
    const facts = { commitment: frame.commitment, acceptedMs };
    expect(stamps).toEqual([await expectedStamp(desk, realm, facts, fromHex(group.group))]);
    const again = await relay.connected(bob.device);
    for (const [client, account] of [[alice.client, alice.account] as const, [again, bob.account] as const]) {
      const right = await expectedStamp(desk, realm, facts, accountIdToBytes(account));
      const delivered = await client.skipTo("deliver");
      expect(delivered).toMatchObject({ ...facts, stamp: right });
      expect(delivered.body).toHaveLength(49 + 64);
    }
  });

  it("repeated is stamped at its first time", async () => {
    const { relay, realm, desk } = await withDesk();
    const alice = await relay.person("alice");
    const sender = await relay.anonymous();
    const frame = sendFrame(sender, [sealedTo(alice.device)]);
    sender.say(frame);
    const first = await sender.next("accepted");
    relay.clock.advance(60_000);
    sender.say({ ...frame, id: 90 });
    expect(await sender.next("accepted")).toEqual({ ...first, id: 90 });
    expect(first.stamps).toEqual([
      await expectedStamp(desk, realm, { ...frame, ...first }, accountIdToBytes(alice.account)),
    ]);
  });

  it("under the id of another is accepted as that one, and neither delivered nor stamped", async () => {
    const { relay } = await withDesk();
    const alice = await relay.person("alice");
    const { group, client: sender } = await TestGroup.start(relay);
    const sends = [sendFrame(sender, [sealedTo(alice.device)]), group.send(sender, [[alice.device]])];
    for (const frame of sends) {
      sender.say(frame);
      const { acceptedMs } = await sender.next("accepted");
      await alice.client.next("deliver");
      sender.say({ ...frame, commitment: new Uint8Array(32).fill(7) });
      expect(await sender.next("accepted")).toMatchObject({ acceptedMs, stamps: [] });
      expect(await alice.client.rest()).toEqual([]);
    }
  });

  it("must have a commitment, and what is ephemeral must have none", async () => {
    const { relay } = await withDesk();
    const alice = await relay.person("alice");
    const { group, client: sender } = await TestGroup.start(relay);
    const to = [sealedTo(alice.device)];
    const wrong = [
      sendFrame(sender, to, { commitment: undefined }),
      sendFrame(sender, to, { storage: "ephemeral", commitment: new Uint8Array(32) }),
      group.send(sender, [[alice.device]], { commitment: undefined }),
      group.send(sender, [[alice.device]], { storage: "ephemeral", commitment: new Uint8Array(32) }),
    ];
    for (const frame of wrong) {
      sender.say(frame);
      await sender.failure(frame.id, "badFrame");
    }
    const typing = sendFrame(sender, to, { storage: "ephemeral" });
    sender.say(typing);
    expect((await sender.next("accepted")).stamps).toEqual([]);
    const delivered = await alice.client.next("deliver");
    expect(delivered).toMatchObject({ cursor: 0, body: typing.recipients[0]?.envelopes[0]?.body });
    expect(delivered.stamp ?? delivered.commitment).toBeUndefined();
  });

  it("is busy until the desk has said which realm it is, and then is not", async () => {
    const realm = new TestRealm();
    const relay = await TestRelay.start({ policy: { deskKey: realm.link.publicKey } });
    const alice = await relay.person("alice");
    const { group, client: sender } = await TestGroup.start(relay);
    const frames = [sendFrame(sender, [sealedTo(alice.device)]), group.send(sender, [[alice.device]])];
    for (const frame of frames) {
      sender.say(frame);
      await sender.failure(frame.id, "busy");
    }
    sender.say(sendFrame(sender, [sealedTo(alice.device)], { storage: "ephemeral" }));
    await sender.next("accepted");
    const desk = await deskOf(relay, realm);
    desk.say({ type: "putRealm", id: 1, document: realm.document() });
    await desk.next("done");
    for (const frame of frames) {
      sender.say(frame);
      await sender.next("accepted");
    }
  });

  it("at a relay without a desk is stamped for no realm there can be", async () => {
    const relay = await TestRelay.start();
    const alice = await relay.person("alice");
    const sender = await relay.anonymous();
    const frame = sendFrame(sender, [sealedTo(alice.device)]);
    sender.say(frame);
    const { acceptedMs, stamps } = await sender.next("accepted");
    const row = await relay.store.table.get("stampKey", String(epochOf(acceptedMs)));
    const stamped = {
      commitment: frame.commitment as Uint8Array,
      recipient: accountIdToBytes(alice.account),
      acceptedMs,
    };
    expect(stamps).toEqual([stamp(row?.value as Uint8Array, new Uint8Array(16), stamped)]);
  });

  it("keeps its commitment through a change of the account's delivery key and of its revision", async () => {
    const { relay } = await withDesk();
    const alice = await relay.person("alice");
    const sender = await relay.anonymous();
    for (let round = 0; round < 3; round++) {
      const deliveryKeyHash = hashDeliveryKey(alice.person.deliveryKey);
      alice.client.say({ type: "setAccess", id: 1, deliveryKeyHash, firstContact: "everyone", blocked: [] });
      const frame = sendFrame(sender, [sealedTo(alice.device)]);
      sender.say(frame);
      await sender.next("accepted");
      expect(await alice.client.skipTo("deliver")).toMatchObject({ commitment: frame.commitment });
    }
  });
});

describe("stamp keys", () => {
  it("are made for this epoch and the next, are the same after a restart, and for every relay on the store", async () => {
    const clock = new ManualClock();
    const store = memoryStore({ clock });
    await store.open();
    const first = await withDesk({ clock, store });
    const keys = await keysOf(first.desk);
    const present = epochOf(clock.now());
    expect(keys.map(({ epoch }) => epoch)).toEqual([present, present + 1]);
    expect(new Set(keys.map(({ key }) => Buffer.from(key).toString("hex"))).size).toBe(2);
    const beside = await withDesk({ clock, store }, first.realm);
    expect(await keysOf(beside.desk)).toEqual(keys);
    await first.relay.relay.close();
    const second = await withDesk({ clock, store }, first.realm);
    expect(await keysOf(second.desk)).toEqual(keys);
    expect(await keysOf(second.desk, present + 1)).toEqual(keys.slice(1));
  });

  it("are on disk before anything is stamped under them", async () => {
    const clock = new ManualClock();
    const inner = memoryStore({ clock });
    await inner.open();
    const writes: (() => void)[] = [];
    const table: Store["table"] = {
      ...inner.table,
      async compareAndSet(bucket, key, ...rest) {
        if (bucket === "stampKey") await new Promise<void>((resolve) => writes.push(resolve));
        return inner.table.compareAndSet(bucket, key, ...rest);
      },
    };
    const relay = await TestRelay.start({ clock, store: { ...inner, table } });
    const client = await relay.challenged();
    client.client.say({ type: "anonymous", version: PROTOCOL_VERSION });
    expect(await client.client.rest()).toEqual([]);
    while ((await client.client.rest()).length === 0) writes.shift()?.();
    await client.client.next("welcome");
    expect(await inner.table.get("stampKey", String(epochOf(clock.now())))).toBeDefined();
  });

  it("change with the epoch of acceptance, without a moment in which nothing can be stored", async () => {
    const { relay, realm, desk } = await withDesk();
    const alice = await relay.person("alice");
    const sender = await relay.anonymous();
    const toMidnight = EPOCH_MS - (relay.clock.now() % EPOCH_MS);
    const send = async () => {
      const frame = sendFrame(sender, [sealedTo(alice.device)]);
      sender.say(frame);
      const { acceptedMs, stamps } = await sender.next("accepted");
      await alice.client.next("deliver");
      return { acceptedMs, commitment: frame.commitment, stamp: stamps[0] };
    };
    relay.clock.shift(toMidnight - 1);
    const before = await send();
    relay.clock.shift(1);
    const after = await send();
    expect(epochOf(after.acceptedMs)).toBe(epochOf(before.acceptedMs) + 1);
    for (const sent of [before, after]) {
      const right = await expectedStamp(desk, realm, sent, accountIdToBytes(alice.account));
      expect(sent.stamp).toEqual(right);
    }
  });

  it("are made on demand where the clock went further than what was made ahead", async () => {
    const { relay } = await withDesk();
    const alice = await relay.person("alice");
    const sender = await relay.anonymous();
    relay.clock.shift(5 * DAY);
    sender.say(sendFrame(sender, [sealedTo(alice.device)]));
    expect((await sender.next("accepted")).stamps).toHaveLength(1);
  });

  it("are gone 31 days after their epoch, and mail of then comes without a stamp", async () => {
    const { relay, desk } = await withDesk({ policy: { envelopeTtlMs: 365 * DAY } });
    const alice = await relay.person("alice");
    alice.client.hangUp();
    const sender = await relay.anonymous();
    const frame = sendFrame(sender, [sealedTo(alice.device)]);
    sender.say(frame);
    await sender.next("accepted");
    const epoch = epochOf(relay.clock.now());
    const end = (epoch + 1) * EPOCH_MS + 31 * DAY;
    relay.clock.shift(end - 1 - relay.clock.now());
    await relay.relay.sweep({ aborted: false });
    expect((await keysOf(desk)).some((one) => one.epoch === epoch)).toBe(true);
    relay.clock.shift(1);
    await relay.relay.sweep({ aborted: false });
    expect((await keysOf(desk)).some((one) => one.epoch === epoch)).toBe(false);
    expect(await relay.store.table.get("stampKey", String(epoch))).toBeUndefined();
    const again = await relay.connected(alice.device);
    const delivered = await again.next("deliver");
    expect(delivered.body).toEqual(frame.recipients[0]?.envelopes[0]?.body);
    expect(delivered.stamp ?? delivered.commitment).toBeUndefined();
  });
});
