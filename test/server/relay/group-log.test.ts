/** Logs of groups: begun once, continued by one at a time, and by nobody without a key. */

import type { ConversationId, Frame } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../../server/store/index.js";
import type { Client } from "./support/client.js";
import { ManualClock } from "./support/manual-clock.js";
import { entry, newKey, TestEpoch, TestGroup } from "./support/test-group.js";
import { POLICY, TestRelay } from "./support/test-relay.js";
import { settle } from "./support/turns.js";

describe("a new group", () => {
  it("begins its log with entry number 1 at the relay's time", async () => {
    const relay = await TestRelay.start();
    const client = await relay.anonymous();
    const group = new TestGroup();
    const frame = group.create(client);
    client.say(frame);
    expect(await client.next("groupAppended")).toEqual({
      type: "groupAppended",
      id: frame.id,
      seq: 1,
      acceptedMs: relay.clock.now(),
    });
    expect(relay.counts.get("groupsCreated")).toBe(1);
  });

  it("repeated gets the first answer, also when the log has moved on and its keys changed", async () => {
    const relay = await TestRelay.start();
    const client = await relay.anonymous();
    const group = new TestGroup();
    const frame = group.create(client);
    client.say(frame);
    const first = await client.next("groupAppended");
    await group.rotate(client, 1);
    relay.clock.advance(60_000);
    client.say({ ...frame, id: 70 });
    expect(await client.next("groupAppended")).toEqual({ ...first, id: 70 });
    expect(relay.counts.get("groupsCreated")).toBe(1);
  });

  it("under the id of another is refused, whatever differs", async () => {
    const relay = await TestRelay.start();
    const { group, client } = await TestGroup.start(relay);
    const other = Object.assign(new TestGroup(), { group: group.group });
    const sameKeys = group.create(client, { entry: entry(9) });
    const sameEntry = other.create(client);
    for (const frame of [sameKeys, sameEntry]) {
      client.say(frame);
      await client.failure(frame.id, "groupExists");
    }
    client.say(group.read(client, { after: 0, atMs: relay.clock.now() }));
    expect((await client.next("groupEntries")).entries).toMatchObject([{ seq: 1, entry: entry(1) }]);
  });

  it("needs the signatures of both its keys", async () => {
    const relay = await TestRelay.start();
    const client = await relay.anonymous();
    const group = new TestGroup();
    const good = group.create(client);
    for (const changes of [
      { accessSignature: good.adminSignature },
      { adminSignature: good.accessSignature },
      { accessSignature: new Uint8Array(64) },
    ]) {
      const frame = { ...good, id: client.id(), ...changes };
      client.say(frame);
      await client.failure(frame.id, "badSignature");
    }
    expect(await relay.store.logs.head(group.group)).toBeUndefined();
  });

  it("is limited by address, and closed to newcomers when crowded", async () => {
    const relay = await TestRelay.start({ policy: { limiterScale: 1 / 50 } });
    const client = await relay.anonymous();
    for (let count = 0; count < 2; count++) {
      client.say(new TestGroup().create(client));
      await client.next("groupAppended");
    }
    const frame = new TestGroup().create(client);
    client.say(frame);
    await client.failure(frame.id, "tooManyRequests");
  });
});

describe("an entry", () => {
  it("is appended by who holds the access or the admin key", async () => {
    const relay = await TestRelay.start();
    const { group, client } = await TestGroup.start(relay);
    for (const [index, key] of [group.epoch.access, group.epoch.admin].entries()) {
      const frame = group.append(client, { expectedSeq: index + 1 }, key);
      client.say(frame);
      expect(await client.next("groupAppended")).toMatchObject({ id: frame.id, seq: index + 2 });
    }
    expect(relay.counts.get("groupEntriesAppended")).toBe(2);
  });

  it("for one number is appended once, whoever of twenty asks at the same time; the others hear where the log is", async () => {
    const relay = await TestRelay.start();
    const { group } = await TestGroup.start(relay);
    const clients = await Promise.all(Array.from({ length: 20 }, () => relay.anonymous()));
    const frames = clients.map((client, index) => group.append(client, { expectedSeq: 1, entry: entry(100 + index) }));
    for (const [index, client] of clients.entries()) client.say(frames[index] as Frame<"appendGroup">);
    const answers = await Promise.all(clients.map((client) => answerOf(client)));
    expect(answers.filter(({ type }) => type === "groupAppended")).toHaveLength(1);
    expect(answers.every((answer) => answer.type === "groupAppended" || answer.seq === 2)).toBe(true);
    const winner = frames[answers.findIndex(({ type }) => type === "groupAppended")];
    const reader = await relay.anonymous();
    reader.say(group.read(reader, { after: 1, atMs: relay.clock.now() }));
    expect(await reader.next("groupEntries")).toMatchObject({ head: 2, entries: [{ seq: 2, entry: winner?.entry }] });
  });

  it("repeated gets the first answer and time, also after a restart and when the log has moved on", async () => {
    const clock = new ManualClock();
    const store = memoryStore({ clock });
    await store.open();
    const { group, client } = await TestGroup.start(await TestRelay.start({ clock, store }));
    const frame = group.append(client, { expectedSeq: 1 });
    client.say(frame);
    const first = await client.next("groupAppended");
    clock.advance(90_000);
    const restarted = await (await TestRelay.start({ clock, store })).anonymous();
    restarted.say({ ...frame, id: 80 });
    expect(await restarted.next("groupAppended")).toEqual({ ...first, id: 80 });
    await group.fill(restarted, 2, 4);
    restarted.say({ ...frame, id: 81 });
    expect(await restarted.next("groupAppended")).toEqual({ ...first, id: 81 });
    restarted.say(group.append(restarted, { expectedSeq: 1, entry: entry(9) }));
    expect(await restarted.next("groupMoved")).toMatchObject({ seq: 4 });
  });

  it("ahead of the log is not stored and hears where the log is", async () => {
    const relay = await TestRelay.start();
    const { group, client } = await TestGroup.start(relay);
    for (const expectedSeq of [0, 2, 0xffff_ffff]) {
      client.say(group.append(client, { expectedSeq, entry: entry(55) }));
      expect(await client.next("groupMoved")).toMatchObject({ seq: 1 });
    }
  });
});

describe("the next epoch", () => {
  it("begins with an admin's entry, and the former keys append nothing more", async () => {
    const relay = await TestRelay.start();
    const { group, client } = await TestGroup.start(relay);
    const former = await group.rotate(client, 1);
    for (const key of [former.access, former.admin]) {
      await expectNotFound(relay, client, group.append(client, { expectedSeq: 2 }, key));
      await expectNotFound(relay, client, group.append(client, { expectedSeq: 1, entry: entry(8) }, key));
    }
    client.say(group.append(client, { expectedSeq: 2 }));
    expect(await client.next("groupAppended")).toMatchObject({ seq: 3 });
  });

  it("is not begun by a plain member", async () => {
    const relay = await TestRelay.start();
    const { group, client } = await TestGroup.start(relay);
    const frame = group.append(client, { expectedSeq: 1, next: new TestEpoch().keys }, group.epoch.access);
    await expectNotFound(relay, client, frame);
    client.say(group.append(client, { expectedSeq: 1 }));
    expect(await client.next("groupAppended")).toMatchObject({ seq: 2 });
  });

  it("asked for again by the admin whose answer was lost gets the first answer, but not with other keys or by a member", async () => {
    const relay = await TestRelay.start();
    const { group, client } = await TestGroup.start(relay);
    const former = group.epoch;
    const next = new TestEpoch();
    const frame = group.append(client, { expectedSeq: 1, next: next.keys }, former.admin);
    client.say(frame);
    const first = await client.next("groupAppended");
    client.say({ ...frame, id: 90 });
    expect(await client.next("groupAppended")).toEqual({ ...first, id: 90 });
    const otherKeys = group.append(client, { expectedSeq: 1, next: new TestEpoch().keys }, former.admin);
    await expectNotFound(relay, client, otherKeys);
    await expectNotFound(relay, client, group.append(client, { expectedSeq: 1 }, former.admin));
    await expectNotFound(relay, client, group.append(client, { expectedSeq: 1, next: next.keys }, former.access));
    group.epoch = next;
    await group.rotate(client, 2);
    client.say({ ...frame, id: 91 });
    expect(await client.next("groupAppended")).toEqual({ ...first, id: 91 });
  });
});

describe("who has no key of a group", () => {
  it("hears the same at the same time, whether there is no group, the key is wrong, former or not enough", async () => {
    const relay = await TestRelay.start();
    const { group, client } = await TestGroup.start(relay);
    const former = await group.rotate(client, 1);
    const atMs = relay.clock.now();
    const nowhere = { group: "00".repeat(16) as ConversationId };
    const ways: ((one: Client) => Frame<"appendGroup" | "readGroup" | "putCheckpoint" | "sendGroup">)[] = [
      (one) => ({ ...group.append(one, { expectedSeq: 2 }), ...nowhere }),
      (one) => group.append(one, { expectedSeq: 2 }, newKey()),
      (one) => group.append(one, { expectedSeq: 2 }, former.admin),
      (one) => group.append(one, { expectedSeq: 2, next: new TestEpoch().keys }, group.epoch.access),
      (one) => ({ ...group.read(one, { after: 0, atMs }), ...nowhere }),
      (one) => group.read(one, { after: 0, atMs }, newKey()),
      (one) => group.read(one, { after: 0, atMs }, former.admin),
      (one) => ({ ...group.checkpoint(one, { seq: 1 }), ...nowhere }),
      (one) => group.checkpoint(one, { seq: 1 }, group.epoch.access),
      (one) => group.checkpoint(one, { seq: 1 }, former.admin),
      (one) => group.checkpoint(one, { seq: 99 }, former.admin),
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
  });

  it("is slowed down by address", async () => {
    const relay = await TestRelay.start({ policy: { limiterScale: 1 / 25 } });
    const { group, client } = await TestGroup.start(relay);
    const codes: number[] = [];
    for (let count = 0; count < 6; count++) {
      client.say(group.append(client, { expectedSeq: 1 }, newKey()));
      await settle();
      relay.clock.advance(POLICY.refusalDelayMs);
      codes.push((await client.next("failed")).failure);
    }
    expect(codes).toEqual([70, 70, 70, 70, 6, 6]);
  });
});

async function answerOf(client: Client): Promise<Frame<"groupAppended" | "groupMoved">> {
  const types = await client.rest();
  return types[0] === "groupAppended" ? client.next("groupAppended") : client.next("groupMoved");
}

async function expectNotFound(relay: TestRelay, client: Client, frame: Frame<"appendGroup">): Promise<void> {
  client.say(frame);
  await settle();
  relay.clock.advance(POLICY.refusalDelayMs);
  await client.failure(frame.id, "groupNotFound");
}
