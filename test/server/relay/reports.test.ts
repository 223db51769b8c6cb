/** Reports on their way to the desk: kept until it has them, each once, within bounds. */

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Frame } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { REPORT_LOG } from "../../../server/relay/desk/reports.js";
import { levelStore, memoryStore } from "../../../server/store/index.js";
import type { Client } from "./support/client.js";
import { late } from "./support/community.js";
import { deskOf, withDesk } from "./support/desk.js";
import { ManualClock } from "./support/manual-clock.js";
import { TestGroup } from "./support/test-group.js";

/** A report of so many bytes, sealed for all the relay knows. */
function report(client: Client, bytes = 64, changes: Partial<Frame<"submitReport">> = {}): Frame<"submitReport"> {
  return {
    type: "submitReport",
    id: client.id(),
    report: new Uint8Array(randomBytes(16)),
    heads: new Uint8Array(randomBytes(bytes)),
    words: new Uint8Array(randomBytes(bytes)),
    ...changes,
  };
}

async function left(client: Client, frame = report(client)): Promise<Frame<"submitReport">> {
  client.say(frame);
  await client.next("done");
  return frame;
}

async function fetched(desk: Client, after = 0): Promise<Frame<"reports">> {
  desk.say({ type: "fetchReports", id: desk.id(), after });
  return desk.skipTo("reports");
}

async function acknowledged(desk: Client, upTo: number): Promise<void> {
  desk.say({ type: "acknowledgeReports", id: desk.id(), upTo });
  await desk.skipTo("done");
}

describe("a report", () => {
  it("is kept as it came, with who left it and when, and the desk is told", async () => {
    const { relay, desk } = await withDesk();
    const alice = await relay.person("alice");
    const frame = await left(alice.client);
    await desk.next("reportsWaiting");
    const { heads, report: id, words } = frame;
    const { reports, more } = await fetched(desk);
    const receivedMs = relay.clock.now();
    expect(reports).toEqual([{ seq: reports[0]?.seq, report: id, reporter: alice.account, receivedMs, heads, words }]);
    expect(more).toBe("no");
    expect(relay.gauges.get("reportsWaiting")).toBe(1);
  });

  it("waits for a desk that is away, and the desk is told when it comes", async () => {
    const { relay, realm, desk } = await withDesk();
    desk.hangUp();
    const alice = await relay.person("alice");
    await left(alice.client);
    const again = await deskOf(relay, realm);
    await again.next("reportsWaiting");
    expect((await fetched(again)).reports).toHaveLength(1);
  });

  it("left again is the same, also after the desk has it; another account's is another", async () => {
    const { relay, desk } = await withDesk();
    const [alice, bob] = [await relay.person("alice"), await relay.person("bob")];
    const frame = await left(alice.client);
    await left(alice.client, { ...frame, id: 50 });
    await left(bob.client, { ...frame, id: 51 });
    const { reports } = await fetched(desk);
    expect(reports.map(({ reporter }) => reporter)).toEqual([alice.account, bob.account]);
    await acknowledged(desk, reports[1]?.seq ?? 0);
    await left(alice.client, { ...frame, id: 52 });
    expect((await fetched(desk)).reports).toEqual([]);
    expect(relay.counts.get("reports repeated")).toBe(2);
  });

  it("left twice at once is kept once", async () => {
    const { relay, desk } = await withDesk();
    const alice = await relay.person("alice");
    const frame = report(alice.client);
    alice.client.say(frame);
    alice.client.say({ ...frame, id: 60 });
    for (let answer = 0; answer < 2; answer++) await alice.client.next("done");
    expect((await fetched(desk)).reports).toHaveLength(1);
  });

  it("of the largest size comes whole, and pages hold as many as fit into a frame", async () => {
    const { relay, desk } = await withDesk();
    const alice = await relay.person("alice");
    const large = await left(alice.client, report(alice.client, 1_048_576));
    const small = [];
    for (let count = 0; count < 20; count++) small.push(await left(alice.client, report(alice.client, 4_096)));
    const seen: Frame<"reports">["reports"][number][] = [];
    let page: Frame<"reports">;
    do {
      page = await fetched(desk, seen.at(-1)?.seq ?? 0);
      expect(page.reports.length).toBeLessThanOrEqual(16);
      seen.push(...page.reports);
    } while (page.more === "yes");
    expect(seen.map((one) => one.report)).toEqual([large, ...small].map((one) => one.report));
    expect(Buffer.compare(seen[0]?.words ?? Buffer.of(), large.words)).toBe(0);
  });

  it("is refused as busy where there is no room, and taken once the desk has fetched others", async () => {
    const { relay, desk } = await withDesk({ policy: { reports: { count: 3, bytes: 40_000 } } });
    const alice = await relay.person("alice");
    for (let count = 0; count < 3; count++) await left(alice.client);
    const fourth = report(alice.client);
    alice.client.say(fourth);
    await alice.client.failure(fourth.id, "busy");
    expect(relay.warnings).toContain("reportsFull");
    const { reports } = await fetched(desk);
    await acknowledged(desk, reports[0]?.seq ?? 0);
    const tooLarge = report(alice.client, 20_000);
    alice.client.say(tooLarge);
    await alice.client.failure(tooLarge.id, "busy");
    await left(alice.client, { ...fourth, id: 70 });
    expect((await fetched(desk, reports[2]?.seq)).reports).toHaveLength(1);
  });

  it("has a limiter of its own for each account", async () => {
    const { relay } = await withDesk();
    const alice = await relay.person("alice");
    for (let count = 0; count < 30; count++) await left(alice.client);
    const one = report(alice.client);
    alice.client.say(one);
    await alice.client.failure(one.id, "tooManyRequests");
  });

  it("is numbered higher than any before, whatever became of these", async () => {
    const { relay, desk } = await withDesk({ policy: { groupTtlMs: 30_000 } });
    const alice = await relay.person("alice");
    await left(alice.client);
    const first = (await fetched(desk)).reports[0]?.seq ?? 0;
    await acknowledged(desk, first);
    relay.clock.advance(31_000);
    await relay.relay.sweep({ aborted: false });
    expect(await relay.store.logs.head(REPORT_LOG)).toBeUndefined();
    await left(alice.client);
    expect((await fetched(desk, first)).reports).toHaveLength(1);
  });
});

describe("the log of reports", () => {
  it("is no group's: nobody can begin it, read it, or add to it", async () => {
    const { relay, desk } = await withDesk();
    const alice = await relay.person("alice");
    const group = Object.assign(new TestGroup(), { group: REPORT_LOG });
    const client = await relay.anonymous();
    const early = group.create(client);
    client.say(early);
    await client.failure(early.id, "groupExists");
    await left(alice.client);
    const create = group.create(client);
    client.say(create);
    await client.failure(create.id, "groupExists");
    const append = group.append(client, { expectedSeq: 1 });
    client.say(append);
    const read = group.read(client, { after: 0, atMs: relay.clock.now() });
    client.say(read);
    await late(relay);
    await client.failure(append.id, "groupNotFound");
    await client.failure(read.id, "groupNotFound");
    expect((await fetched(desk)).reports).toHaveLength(1);
    expect(relay.bugs).toEqual([]);
  });
});

describe("reports on disk", () => {
  it("outlive the relay until they are acknowledged, and a repeat is known after that too", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sotto-reports-"));
    const clock = new ManualClock();
    const open = async () => {
      const store = levelStore({ folder, clock });
      await store.open();
      return store;
    };
    let store = await open();
    const first = await withDesk({ clock, store });
    const alice = await first.relay.person("alice");
    const frames = [await left(alice.client), await left(alice.client), await left(alice.client)];
    const before = (await fetched(first.desk)).reports;
    await acknowledged(first.desk, before[0]?.seq ?? 0);
    await first.relay.relay.close();
    await store.close();

    store = await open();
    const second = await withDesk({ clock, store }, first.realm);
    expect((await fetched(second.desk)).reports).toEqual(before.slice(1));
    const again = await second.relay.connected(alice.device);
    await again.next("queueEmpty");
    for (const frame of frames) await left(again, frame);
    expect((await fetched(second.desk)).reports).toEqual(before.slice(1));
    await second.relay.relay.close();
    await store.close();
    await rm(folder, { recursive: true });
  });

  it("are left by two relays on one store without loss", async () => {
    const clock = new ManualClock();
    const store = memoryStore({ clock });
    await store.open();
    const one = await withDesk({ clock, store });
    const other = await withDesk({ clock, store }, one.realm);
    const alice = await one.relay.person("alice");
    const bob = await other.relay.person("bob");
    for (let count = 0; count < 3; count++) {
      await left(alice.client);
      await left(bob.client);
    }
    // What the other left is known here once something changes.
    await left(alice.client);
    expect((await fetched(one.desk)).reports).toHaveLength(7);
  });
});
