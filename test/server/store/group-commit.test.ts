/** How the one writer shares commits, what readers see meanwhile, and what a failed write does. */

import { beforeEach, describe, expect, it } from "vitest";
import type { AppendOutcome, Store } from "../../../server/ports.js";
import { orderedStore } from "../../../server/store/ordered/ordered-store.js";
import { cursorsIn, EVERYTHING, type ManualClock, mailbox, manualClock, send } from "../../contract/store/harness.js";
import { type ControlledEngine, controlledEngine } from "./controlled-engine.js";

let engine: ControlledEngine;
let store: Store;
let clock: ManualClock;

beforeEach(async () => {
  engine = controlledEngine();
  clock = manualClock();
  store = orderedStore({ engine, clock, durability: "synced" });
  await store.open();
  for (const number of [1, 2]) await store.mail.create(mailbox(number));
  engine.isHolding = true;
});

function append(number: number, body?: Uint8Array): Promise<AppendOutcome> {
  const harness = { store, clock, reopen: async () => {}, dispose: async () => {} };
  return store.mail.append(send(harness, number, [mailbox(1)], body === undefined ? {} : { body }));
}

/** Whether a promise has settled once every microtask has run. */
async function hasSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => {
      settled = true;
    },
    () => {
      settled = true;
    },
  );
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

describe("group commit", () => {
  it("commits at once when idle, and gathers what comes meanwhile into one batch", async () => {
    const first = append(1);
    const write = await engine.nextWrite();
    // Its envelope and the row of its commit's message ids.
    expect(write.operations).toBe(2);
    const rest = Array.from({ length: 100 }, (_, n) => append(2 + n));
    await write.finish();
    expect((await first).kind).toBe("stored");
    const shared = await engine.nextWrite();
    expect(shared.operations).toBe(101);
    expect(await hasSettled(Promise.race(rest))).toBe(false);
    await shared.finish();
    for (const outcome of await Promise.all(rest)) expect(outcome.kind).toBe("stored");
  });

  it("announces cursors ahead of a small commit, leaves a large one's to its answers, and never lets a later one overtake", async () => {
    const told: number[] = [];
    const harness = { store, clock, reopen: async () => {}, dispose: async () => {} };
    const appendTo = (number: number, to: number) =>
      store.mail.append(send(harness, number, [mailbox(to)]), () => told.push(number));
    const first = appendTo(1, 1);
    const write = await engine.nextWrite();
    expect(told).toEqual([1]);
    const many = Array.from({ length: 1_000 }, (_, n) => appendTo(2 + n, 1));
    const early = told.length;
    expect(early).toBeGreaterThan(1);
    expect(early).toBeLessThan(1_000);
    await write.finish();
    await first;
    const large = await engine.nextWrite();
    const later = [appendTo(2_001, 1), appendTo(2_002, 2)];
    // Behind unannounced ones in mailbox 1; nothing stands before it in mailbox 2.
    expect(told.slice(early)).toEqual([2_002]);
    await large.finish();
    await Promise.all(many);
    const last = await engine.nextWrite();
    await last.finish();
    await Promise.all(later);
    const after = appendTo(2_003, 1);
    expect(told.at(-1)).toBe(2_003);
    await (await engine.nextWrite()).finish();
    await after;
  });

  it("writes one summary row for a mailbox however often it is emptied in a batch", async () => {
    const first = append(1);
    const write = await engine.nextWrite();
    const rest: Promise<unknown>[] = [];
    for (let n = 2; n <= 11; n++) rest.push(append(n), store.mail.acknowledge(mailbox(1), n, []));
    await write.finish();
    await first;
    const shared = await engine.nextWrite();
    // Ten envelopes, eleven deletions, one row of message ids, one head.
    expect(shared.operations).toBe(23);
    await shared.finish();
    await Promise.all(rest);
  });

  it("shows readers only what is committed", async () => {
    const first = append(1);
    const write = await engine.nextWrite();
    expect(await store.mail.read(mailbox(1), 0, EVERYTHING)).toEqual({ items: [], more: false, head: 0 });
    expect(await store.mail.heads([mailbox(1)])).toEqual(new Map([[mailbox(1), 0]]));
    const second = append(2);
    await write.finish();
    await first;
    const page = await store.mail.read(mailbox(1), 0, { count: 1, bytes: 1_000 });
    expect(page).toMatchObject({ items: [{ cursor: 1 }], more: false, head: 1 });
    await (await engine.nextWrite()).finish();
    await second;
    expect(await cursorsIn(store, mailbox(1))).toEqual([1, 2]);
  });

  it("answers a repeat only when the first is on disk", async () => {
    const first = append(1);
    const repeat = append(1);
    const write = await engine.nextWrite();
    expect(await hasSettled(repeat)).toBe(false);
    await write.finish();
    expect((await first).kind).toBe("stored");
    expect((await repeat).kind).toBe("repeated");
  });

  it("answers a repeat only when the first is on disk, also where both share a row with a send that is", async () => {
    const earlier = append(1);
    const write = await engine.nextWrite();
    const first = append(2);
    await write.finish();
    await earlier;
    const repeat = append(2);
    const shared = await engine.nextWrite();
    expect(await hasSettled(repeat)).toBe(false);
    await shared.finish();
    expect(await first).toEqual({ kind: "stored", cursors: [2] });
    expect((await repeat).kind).toBe("repeated");
  });

  it("answers a repeated acknowledgement only when the first deletion is on disk", async () => {
    const first = append(1);
    await (await engine.nextWrite()).finish();
    await first;
    const deletions = [store.mail.acknowledge(mailbox(1), 1, []), store.mail.acknowledge(mailbox(1), 1, [])];
    const write = await engine.nextWrite();
    expect(await hasSettled(Promise.race(deletions))).toBe(false);
    await write.finish();
    await Promise.all(deletions);
  });

  it("asks the disk for nothing when a new send goes to a mailbox in use", async () => {
    const first = append(1);
    await (await engine.nextWrite()).finish();
    await first;
    const before = engine.gets;
    const second = append(2);
    await (await engine.nextWrite()).finish();
    await second;
    expect(engine.gets).toBe(before);
  });

  it("refuses further writes as not happened when too much waits, and goes on after that", async () => {
    const outcomes: Promise<AppendOutcome>[] = [];
    const body = new Uint8Array(1024 * 1024);
    for (let n = 0; n < 100; n++) outcomes.push(append(n, body));
    const refused = append(100, body);
    await expect(refused).rejects.toMatchObject({ kind: "unavailable" });
    engine.isHolding = false;
    await (await engine.nextWrite()).finish();
    const kinds = (await Promise.allSettled(outcomes)).map(({ status }) => status);
    const accepted = kinds.filter((status) => status === "fulfilled").length;
    expect(accepted).toBeGreaterThanOrEqual(64);
    expect(accepted).toBeLessThan(100);
    expect((await append(101)).kind).toBe("stored");
    expect(await cursorsIn(store, mailbox(1))).toEqual(Array.from({ length: accepted + 1 }, (_, n) => n + 1));
  });
});

describe("a write that fails", () => {
  it("ends the store: every pending and later call rejects, and the reason is told", async () => {
    const disk = new Error("input/output error");
    const pending = [append(1), store.mail.create(mailbox(3))];
    const write = await engine.nextWrite();
    const gathered = [append(2), store.mail.acknowledge(mailbox(1), 1, []), append(1)];
    const tableWrite = store.table.spendOnce("b", "k", 1_000);
    write.fail(disk);
    for (const outcome of await Promise.allSettled([...pending, ...gathered, tableWrite])) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { kind: "fatal" } });
    }
    const failure = await store.failed;
    expect(failure).toMatchObject({ kind: "fatal", cause: disk });
    const later = [append(3), store.mail.read(mailbox(1), 0, EVERYTHING), store.table.get("b", "k")];
    for (const outcome of await Promise.allSettled(later)) {
      expect(outcome).toMatchObject({ status: "rejected", reason: failure });
    }
    await store.close();
  });

  it("is not tried again", async () => {
    const lost = append(1);
    (await engine.nextWrite()).fail(new Error("input/output error"));
    await expect(lost).rejects.toMatchObject({ kind: "fatal" });
    expect(await hasSettled(engine.nextWrite())).toBe(false);
  });
});
