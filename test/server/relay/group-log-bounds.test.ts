/** How large a log may become, how fast, and how long it is kept. */

import { randomBytes } from "node:crypto";
import { limits } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { groupLimiters } from "../../../server/relay/group-limiters.js";
import { entry, TestGroup, type TestKey } from "./support/test-group.js";
import { TestRelay } from "./support/test-relay.js";

describe("the size of a log", () => {
  it("ends a member's entries at its bound and an admin's at twice that", async () => {
    const relay = await TestRelay.start({ policy: { groupLog: { entries: 3, bytes: 1_048_576 } } });
    const { group, client } = await TestGroup.start(relay);
    const append = (expectedSeq: number, by: TestKey) => {
      const frame = group.append(client, { expectedSeq }, by);
      client.say(frame);
      return frame.id;
    };
    for (const expectedSeq of [1, 2]) {
      append(expectedSeq, group.epoch.access);
      await client.next("groupAppended");
    }
    await client.failure(append(3, group.epoch.access), "groupLogFull");
    for (const expectedSeq of [3, 4, 5]) {
      append(expectedSeq, group.epoch.admin);
      await client.next("groupAppended");
    }
    await client.failure(append(6, group.epoch.admin), "groupLogFull");
  });

  it("counts bytes, and a checkpoint makes room", async () => {
    const relay = await TestRelay.start({ policy: { groupLog: { entries: 10_000, bytes: 42_000 } } });
    const { group, client } = await TestGroup.start(relay);
    const large = () => new Uint8Array(randomBytes(20_000));
    for (const expectedSeq of [1, 2]) {
      client.say(group.append(client, { expectedSeq, entry: large() }));
      await client.next("groupAppended");
    }
    const refused = group.append(client, { expectedSeq: 3, entry: large() });
    client.say(refused);
    await client.failure(refused.id, "groupLogFull");
    await group.fill(client, 3, 210);
    client.say(group.checkpoint(client, { seq: 210 }));
    await client.next("done");
    client.say(group.append(client, { expectedSeq: 210, entry: large() }));
    await client.next("groupAppended");
  });

  it("is not filled by a few large entries of a member, which a checkpoint would not take away", async () => {
    const relay = await TestRelay.start();
    const { group, client } = await TestGroup.start(relay);
    const most = new Uint8Array(randomBytes(limits.groupMemberEntryBytes.value));
    client.say(group.append(client, { expectedSeq: 1, entry: most }));
    await client.next("groupAppended");
    const more = group.append(client, { expectedSeq: 2, entry: new Uint8Array([...most, 0]) });
    client.say(more);
    await client.failure(more.id, "tooLarge");
    client.say(group.append(client, { expectedSeq: 2, entry: more.entry }, group.epoch.admin));
    await client.next("groupAppended");
  });

  it("is little for who begins many: an address writes so many bytes, whatever groups they are of", async () => {
    const relay = await TestRelay.start({ policy: { limiterScale: 1 / 1_000 } });
    const bytes = groupLimiters.groupBytesWrittenPerAddress.capacity / 1_000;
    const { group, client } = await TestGroup.start(relay);
    const large = new Uint8Array(randomBytes(Math.floor(bytes * 0.6)));
    client.say(group.append(client, { expectedSeq: 1, entry: large }, group.epoch.admin));
    await client.next("groupAppended");
    const second = group.append(client, { expectedSeq: 2, entry: large }, group.epoch.admin);
    client.say(second);
    await client.failure(second.id, "tooManyRequests");
    const checkpoint = group.checkpoint(client, { seq: 1, body: large });
    client.say(checkpoint);
    await client.failure(checkpoint.id, "tooManyRequests");
  });

  it("is kept by the admins' own limiter from what members append", async () => {
    const relay = await TestRelay.start({ policy: { limiterScale: 1 / 400 } });
    const { group, client } = await TestGroup.start(relay);
    for (const expectedSeq of [1, 2, 3]) {
      client.say(group.append(client, { expectedSeq }));
      await client.next("groupAppended");
    }
    const fourth = group.append(client, { expectedSeq: 4 });
    client.say(fourth);
    await client.failure(fourth.id, "tooManyRequests");
    client.say(group.append(client, { expectedSeq: 4 }, group.epoch.admin));
    await client.next("groupAppended");
  });
});

describe("a log that nobody appended to", () => {
  it("is deleted after its time, and its id is free", async () => {
    const relay = await TestRelay.start({ policy: { groupTtlMs: 40_000 } });
    const { group, client } = await TestGroup.start(relay);
    const { group: young } = await TestGroup.start(relay);
    relay.clock.advance(30_000);
    client.say(young.append(client, { expectedSeq: 1 }));
    await client.next("groupAppended");
    relay.clock.advance(11_000);
    await relay.relay.sweep({ aborted: false });
    expect(relay.counts.get("groupsExpired")).toBe(1);
    client.say(young.read(client, { after: 0, atMs: relay.clock.now() }));
    expect((await client.next("groupEntries")).head).toBe(2);
    client.say(group.create(client, { entry: entry(7) }));
    expect(await client.next("groupAppended")).toMatchObject({ seq: 1 });
  });
});
