/** Reading logs: pages, former epochs, and the time a signature is good for. */

import { randomBytes } from "node:crypto";
import { limits } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import type { Client } from "./support/client.js";
import { entry, newKey, TestGroup, type TestKey } from "./support/test-group.js";
import { POLICY, TestRelay } from "./support/test-relay.js";
import { settle } from "./support/turns.js";

/** Asks for what is behind `after`. */
async function read(relay: TestRelay, group: TestGroup, client: Client, after: number, by?: TestKey) {
  client.say(group.read(client, { after, atMs: relay.clock.now() }, by));
  return client.next("groupEntries");
}

describe("a read", () => {
  it("gets the entries behind a number with the times they were accepted, and where the log is", async () => {
    const relay = await TestRelay.start();
    const { group, client } = await TestGroup.start(relay);
    const beganMs = relay.clock.now();
    relay.clock.advance(1_000);
    await group.fill(client, 1, 3);
    expect(await read(relay, group, client, 0)).toMatchObject({
      head: 3,
      entries: [
        { seq: 1, acceptedMs: beganMs, entry: entry(1) },
        { seq: 2, acceptedMs: beganMs + 1_000, entry: entry(2) },
        { seq: 3, acceptedMs: beganMs + 1_000, entry: entry(3) },
      ],
    });
    expect((await read(relay, group, client, 2)).entries).toMatchObject([{ seq: 3 }]);
    for (const after of [3, 4, 0xffff_ffff]) {
      expect(await read(relay, group, client, after)).toEqual({
        type: "groupEntries",
        id: expect.any(Number),
        head: 3,
        entries: [],
      });
    }
  });

  it("comes in pages that fit a frame, however large the entries are", async () => {
    const relay = await TestRelay.start();
    const { group, client } = await TestGroup.start(relay);
    const large = Array.from({ length: 9 }, () => new Uint8Array(randomBytes(limits.groupEntryBytes.value)));
    for (const [index, bytes] of large.entries()) {
      client.say(group.append(client, { expectedSeq: index + 1, entry: bytes }, group.epoch.admin));
      await client.next("groupAppended");
    }
    const seen: Uint8Array[] = [];
    let pages = 0;
    for (let after = 1; after < 10; ) {
      const page = await read(relay, group, client, after);
      expect(page.entries.length).toBeGreaterThan(0);
      expect(page.head).toBe(10);
      for (const { seq, entry: bytes } of page.entries) {
        expect(seq).toBe(after + 1);
        seen.push(bytes);
        after = seq;
      }
      pages += 1;
    }
    expect(Buffer.concat(seen).equals(Buffer.concat(large))).toBe(true);
    expect(pages).toBeGreaterThan(3);
    expect(Math.max(...client.messages.map(({ length }) => length))).toBeLessThan(limits.frameBytes.value / 2);
  });

  it("is good for five minutes around the time it names", async () => {
    const relay = await TestRelay.start();
    const { group, client } = await TestGroup.start(relay);
    const nowMs = relay.clock.now();
    for (const awayMs of [-300_000, 300_000]) {
      client.say(group.read(client, { after: 0, atMs: nowMs + awayMs }));
      await client.next("groupEntries");
    }
    for (const awayMs of [-300_001, 300_001]) {
      const frame = group.read(client, { after: 0, atMs: nowMs + awayMs });
      client.say(frame);
      await client.failure(frame.id, "badFrame");
    }
  });

  it("is signed for what it asks: its number and its time cannot be changed", async () => {
    const relay = await TestRelay.start();
    const { group, client } = await TestGroup.start(relay);
    const frame = group.read(client, { after: 1, atMs: relay.clock.now() });
    for (const changes of [{ after: 0 }, { atMs: frame.atMs + 1 }]) {
      client.say({ ...frame, ...changes });
      await settle();
      relay.clock.advance(POLICY.refusalDelayMs);
      await client.failure(frame.id, "groupNotFound");
    }
  });

  it("costs its address what it is answered with", async () => {
    const relay = await TestRelay.start({ policy: { limiterScale: 1 / 1_000 } });
    const large = new Uint8Array(randomBytes(90_000));
    const { group, client } = await TestGroup.start(relay);
    client.say(group.append(client, { expectedSeq: 1, entry: large }, group.epoch.admin));
    await client.next("groupAppended");
    const answers: string[] = [];
    for (let count = 0; count < 4; count++) {
      const frame = group.read(client, { after: 1, atMs: relay.clock.now() });
      client.say(frame);
      await settle();
      answers.push(...(await client.rest()));
      if (answers.at(-1) === "groupEntries") await client.next("groupEntries");
      else await client.failure(frame.id, "tooManyRequests");
    }
    expect(answers).toEqual(["groupEntries", "groupEntries", "failed", "failed"]);
    expect(relay.counts.get("limited groupBytesReadPerAddress")).toBe(2);
  });
});

describe("a former epoch's access key", () => {
  it("reads up to the entry that ended it, and nothing behind it", async () => {
    const relay = await TestRelay.start();
    const { group, client } = await TestGroup.start(relay);
    const first = await group.rotate(client, 1);
    await group.fill(client, 2, 4);
    const second = await group.rotate(client, 4);
    await group.fill(client, 5, 7);
    const seqs = async (after: number, by?: TestKey) => {
      const { head, entries } = await read(relay, group, client, after, by);
      return { head, seqs: entries.map(({ seq }) => seq) };
    };
    expect(await seqs(0, first.access)).toEqual({ head: 2, seqs: [1, 2] });
    expect(await seqs(2, first.access)).toEqual({ head: 2, seqs: [] });
    expect(await seqs(6, first.access)).toEqual({ head: 2, seqs: [] });
    expect(await seqs(0, second.access)).toEqual({ head: 5, seqs: [1, 2, 3, 4, 5] });
    expect(await seqs(0)).toEqual({ head: 7, seqs: [1, 2, 3, 4, 5, 6, 7] });
  });

  it("that is forgotten reads nothing", async () => {
    const relay = await TestRelay.start();
    const { group, client } = await TestGroup.start(relay);
    const epochs = [group.epoch];
    for (let seq = 1; seq <= 64; seq++) {
      await group.rotate(client, seq);
      epochs.push(group.epoch);
    }
    expect((await read(relay, group, client, 0, epochs[1]?.access)).head).toBe(3);
    const frame = group.read(client, { after: 0, atMs: relay.clock.now() }, epochs[0]?.access);
    client.say(frame);
    await settle();
    relay.clock.advance(POLICY.refusalDelayMs);
    await client.failure(frame.id, "groupNotFound");
  });

  it("is looked for in groups there are and groups there are not, until an address has asked too often", async () => {
    const relay = await TestRelay.start({ policy: { limiterScale: 1 / 100 } });
    const { group, client } = await TestGroup.start(relay);
    const nowhere = new TestGroup();
    for (const asked of [group, nowhere]) {
      const frame = asked.read(client, { after: 0, atMs: relay.clock.now() }, newKey());
      client.say(frame);
      await settle();
      relay.clock.advance(POLICY.refusalDelayMs);
      await client.next("failed");
    }
    for (const asked of [group, nowhere]) {
      const frame = asked.read(client, { after: 0, atMs: relay.clock.now() }, newKey());
      client.say(frame);
      await client.failure(frame.id, "tooManyRequests");
    }
    expect((await read(relay, group, client, 0)).head).toBe(1);
  });
});
