/** Sends to a group: stored once, pushed whole, all or none, and only where the log is. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConversationId, Frame } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import type { AppendRequest } from "../../../server/ports.js";
import { levelStore, memoryStore } from "../../../server/store/index.js";
import type { Client } from "./support/client.js";
import { community, late } from "./support/community.js";
import { TestDevice } from "./support/device.js";
import { ManualClock } from "./support/manual-clock.js";
import { receivedMessage } from "./support/sent-message.js";
import { newKey, TestGroup } from "./support/test-group.js";
import { POLICY, TestRelay } from "./support/test-relay.js";

describe("a group send", () => {
  it("reaches every device of every account with what is its own, once, and is accepted with the relay's time", async () => {
    const { relay, people, group, sender, devices } = await community(["alice", "bob", "carol"]);
    const second = new TestDevice((people[0] as (typeof people)[0]).person);
    const { client: secondClient } = await relay.registered(second, "add");
    const frame = group.send(sender, [[(devices[0] as (typeof devices)[0])[0], second], ...devices.slice(1)]);
    sender.say(frame);
    const accepted = await sender.next("accepted");
    expect(accepted).toMatchObject({ id: frame.id, acceptedMs: relay.clock.now() });
    expect(accepted.stamps).toHaveLength(1);
    for (const [client, account] of [
      ...people.map((one) => [one.client, one.account] as const),
      [secondClient, second.known.account] as const,
    ]) {
      expect(await client.next("deliver")).toEqual({
        type: "deliver",
        cursor: 1,
        messageId: frame.messageId,
        acceptedMs: relay.clock.now(),
        commitment: frame.commitment,
        stamp: expect.any(Uint8Array),
        body: receivedMessage(account),
      });
      expect(await client.rest()).toEqual([]);
    }
    expect(relay.counts.get("envelopesAccepted")).toBe(4);
    expect(relay.counts.get("groupSendsAccepted")).toBe(1);
    expect(relay.counts.get("bytesAccepted")).toBe(4 * 49 + 64);
  });

  it("waits for who is offline, whole", async () => {
    const { relay, people, group, sender, devices } = await community(["alice", "bob"]);
    for (const { client } of people) client.hangUp();
    const frame = group.send(sender, devices);
    sender.say(frame);
    await sender.next("accepted");
    for (const { device, account } of people) {
      const client = await relay.connected(device);
      expect(await client.next("deliver")).toMatchObject({
        messageId: frame.messageId,
        body: receivedMessage(account),
      });
      await client.next("queueEmpty");
    }
  });

  it("is accepted and delivered only after its commit, with the payload given to the store once", async () => {
    const clock = new ManualClock();
    const inner = memoryStore({ clock });
    await inner.open();
    let commit = (): void => {};
    const committed = new Promise<void>((resolve) => {
      commit = resolve;
    });
    const requests: AppendRequest[] = [];
    const append = async (request: AppendRequest, assigned?: (cursors: readonly number[]) => void) => {
      requests.push(request);
      const outcome = await inner.mail.append(request, assigned);
      await committed;
      return outcome;
    };
    const store = { ...inner, mail: { ...inner.mail, append } };
    const { people, group, sender, devices } = await community(["alice", "bob"], { clock, store });
    sender.say(group.send(sender, devices));
    for (const { client } of [...people, { client: sender }]) expect(await client.rest()).toEqual([]);
    commit();
    for (const { client } of people) await client.next("deliver");
    await sender.next("accepted");
    expect(requests).toHaveLength(1);
    expect(requests[0]?.shared).toHaveLength(64 + 32);
    expect(requests[0]?.rows.map(({ body }) => body.length)).toEqual([49, 49]);
    expect(requests[0]?.logGuard).toEqual({ group: group.group, seq: 1 });
  });

  it("repeated under its id is stored once and gets the first answer, also after a restart on disk", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sotto-group-"));
    const clock = new ManualClock();
    const store = levelStore({ folder, clock });
    await store.open();
    const { people, group, sender, devices } = await community(["alice", "bob"], { clock, store });
    const frame = group.send(sender, devices);
    sender.say(frame);
    sender.say({ ...frame, id: 60 });
    const first = await sender.next("accepted");
    expect(await sender.next("accepted")).toEqual({ ...first, id: 60 });
    await store.close();
    const reopened = levelStore({ folder, clock });
    await reopened.open();
    const restarted = await TestRelay.start({ clock, store: reopened });
    clock.advance(60_000);
    const again = await restarted.anonymous();
    again.say({ ...frame, id: 61 });
    expect(await again.next("accepted")).toEqual({ ...first, id: 61 });
    expect(restarted.counts.get("sendsRepeated")).toBe(1);
    const alice = await restarted.connected((people[0] as (typeof people)[0]).device);
    expect((await alice.next("deliver")).cursor).toBe(1);
    await alice.next("queueEmpty");
    await reopened.close();
    await rm(folder, { recursive: true });
  });

  it("of one connection keeps the order of its sends", async () => {
    const { people, group, sender, devices } = await community(["alice"]);
    const sends = Array.from({ length: 30 }, () => group.send(sender, devices));
    for (const frame of sends) sender.say(frame);
    const [alice] = people;
    for (const [index, frame] of sends.entries()) {
      expect(await alice?.client.next("deliver")).toMatchObject({ cursor: index + 1, messageId: frame.messageId });
    }
  });

  it("that is ephemeral is handed on whole and never stored", async () => {
    const { relay, people, group, sender, devices } = await community(["alice", "bob"]);
    people[1]?.client.hangUp();
    const frame = group.send(sender, devices, { storage: "ephemeral" });
    sender.say(frame);
    await sender.next("accepted");
    const [alice, bob] = people;
    expect(await alice?.client.next("deliver")).toMatchObject({
      cursor: 0,
      messageId: frame.messageId,
      body: receivedMessage(alice?.account as never),
    });
    const client = await relay.connected(bob?.device as TestDevice);
    await client.next("queueEmpty");
    expect(await client.rest()).toEqual([]);
  });
});

describe("the log of a group", () => {
  it("that has moved refuses the send atomically, and the sender hears where it is", async () => {
    const { relay, people, group, sender, devices } = await community(["alice"]);
    await group.fill(sender, 1, 3);
    for (const revision of [0, 1, 2, 4]) {
      sender.say(group.send(sender, devices, { revision }));
      expect(await sender.next("groupMoved")).toMatchObject({ seq: 3 });
    }
    expect(await people[0]?.client.rest()).toEqual([]);
    sender.say(group.send(sender, devices, { revision: 3 }));
    await sender.next("accepted");
    expect(relay.counts.get("envelopesAccepted")).toBe(1);
  });

  it("that has moved refuses what is not stored, too, and tells nothing of devices to who is behind", async () => {
    const { relay, people, group, sender, devices } = await community(["alice"]);
    await group.fill(sender, 1, 2);
    sender.say(group.send(sender, devices, { storage: "ephemeral" }));
    expect(await sender.next("groupMoved")).toMatchObject({ seq: 2 });
    await relay.registered(new TestDevice((people[0] as (typeof people)[0]).person), "add");
    sender.say(group.send(sender, devices, { wantBundles: "yes" }));
    expect(await sender.next("groupMoved")).toMatchObject({ seq: 2 });
    expect(await people[0]?.client.rest()).not.toContain("deliver");
  });

  it("that ended is not remembered: who held its keys sends nothing to the one that took its id", async () => {
    const { relay, group, sender, devices } = await community(["alice"], { policy: { groupTtlMs: 30_000 } });
    sender.say(group.send(sender, devices));
    await sender.next("accepted");
    relay.clock.advance(31_000);
    await relay.relay.sweep({ aborted: false });
    const successor = Object.assign(new TestGroup(), { group: group.group });
    sender.say(successor.create(sender));
    await sender.next("groupAppended");
    for (const storage of ["stored", "ephemeral"] as const) {
      const frame = group.send(sender, devices, { storage });
      sender.say(frame);
      await late(relay);
      await sender.failure(frame.id, "groupNotFound");
    }
    sender.say(successor.send(sender, devices));
    await sender.next("accepted");
  });

  it("that moves between decision and commit refuses the send, too", async () => {
    const clock = new ManualClock();
    const inner = memoryStore({ clock });
    await inner.open();
    let interrupt: (() => Promise<void>) | undefined;
    const append = async (request: AppendRequest, assigned?: (cursors: readonly number[]) => void) => {
      await interrupt?.();
      return inner.mail.append(request, assigned);
    };
    const store = { ...inner, mail: { ...inner.mail, append } };
    const { relay, people, group, sender, devices } = await community(["alice"], { clock, store });
    const other = await relay.anonymous();
    interrupt = async () => {
      other.say(group.append(other, { expectedSeq: 1 }));
      await other.next("groupAppended");
    };
    sender.say(group.send(sender, devices));
    expect(await sender.next("groupMoved")).toMatchObject({ seq: 2 });
    expect(await people[0]?.client.rest()).toEqual([]);
  });

  it("that another relay on the same store moved is seen, although this one remembers it", async () => {
    const clock = new ManualClock();
    const store = memoryStore({ clock });
    await store.open();
    const { group, sender, devices } = await community(["alice"], { clock, store });
    sender.say(group.send(sender, devices));
    await sender.next("accepted");
    const there = await (await TestRelay.start({ clock, store })).anonymous();
    await group.rotate(there, 1);
    sender.say(group.send(sender, devices, { revision: 2 }));
    await sender.next("accepted");
  });

  it("opens to the access key of its present epoch only; everybody else hears the same at the same time", async () => {
    const { relay, people, group, sender, devices } = await community(["alice"]);
    const former = await group.rotate(sender, 1);
    const ways: ((one: Client) => Frame<"sendGroup">)[] = [
      (one) => ({ ...group.send(one, devices, { revision: 2 }), group: "00".repeat(16) as ConversationId }),
      (one) => group.send(one, devices, { revision: 2 }, newKey()),
      (one) => group.send(one, devices, { revision: 2 }, former.access),
      (one) => group.send(one, devices, { revision: 1 }, former.access),
      (one) => group.send(one, devices, { revision: 2 }, group.epoch.admin),
      (one) => group.send(one, devices, { revision: 9 }, former.access),
      (one) => ({ ...group.send(one, devices, { revision: 2 }), messageId: new Uint8Array(16) }),
    ];
    const clients = await Promise.all(ways.map(() => relay.anonymous()));
    for (const [index, way] of ways.entries()) {
      const one = clients[index] as Client;
      one.say(way(one));
    }
    relay.clock.advance(POLICY.refusalDelayMs - 1);
    for (const one of clients) expect(await one.rest()).toEqual([]);
    relay.clock.advance(1);
    for (const one of clients) expect(await one.next("failed")).toMatchObject({ failure: 70 });
    expect(await people[0]?.client.rest()).toEqual([]);
  });
});

describe("on a device's connection", () => {
  it("no frame of a group is taken, so that nobody names itself by accident", async () => {
    const { relay, group, devices } = await community(["alice"]);
    const atMs = relay.clock.now();
    const ways: ((
      one: Client,
    ) => Frame<"sendGroup" | "createGroup" | "appendGroup" | "readGroup" | "putCheckpoint">)[] = [
      (one) => group.send(one, devices),
      (one) => new TestGroup().create(one),
      (one) => group.append(one, { expectedSeq: 1 }),
      (one) => group.read(one, { after: 0, atMs }),
      (one) => group.checkpoint(one, { seq: 1 }),
    ];
    for (const [index, way] of ways.entries()) {
      const { client } = await relay.person(`somebody ${index}`);
      const frame = way(client);
      client.say(frame);
      await client.failure(frame.id, "notAuthenticated");
      await client.closed("badFrame");
    }
    expect((await relay.store.logs.head(group.group))?.seq).toBe(1);
  });
});
