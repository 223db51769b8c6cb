import { decodePayload, decodeRegisters, limits, parseDeviceId, type Register, SottoError } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { decodeRow, keys, range } from "../../../../sdk/core/rows.js";
import { accepted, quiet, refuse } from "../outbox/fixture.js";
import { me, peer } from "../people.js";
import { idOf, type Replica, replica, wordOf } from "./fixture.js";

const talk = idOf(1);
const DAY_MS = 86_400_000;
const keysOf = (words: readonly Register[] | undefined) => words?.map(({ kind, key }) => `${kind} ${key}`);

async function rowsIn({ store }: Replica) {
  const stored = await store.list(range(keys.outboxAll, 1_000));
  return stored.map(({ value }) => decodeRow("outbox", value));
}

/** The relay is reached. */
async function connect(it: Replica): Promise<void> {
  it.outbox.ownOthers = [...it.others];
  it.outbox.state = "ready";
  it.outbox.outbox.wake();
  await quiet();
}

describe("an order", () => {
  it("tells once what was typed fifty times while the relay was away, as it was in the end", async () => {
    const it = await replica(1);
    for (let number = 1; number <= 50; number++) await it.put("draft", talk, { text: "x".repeat(number) });
    expect(await it.waiting()).toMatchObject([[{ kind: "draft", key: talk }]]);
    expect(it.outbox.outbox.size).toBe(1);
    await it.clock.advance(2_000);
    await connect(it);
    expect(it.outbox.sends).toHaveLength(1);
    expect(it.outbox.outbox.size).toBe(0);
  });

  it("leaves, though others took the last room while it was gathered into a new one", async () => {
    const it = await replica(1);
    await it.put("label", idOf(7), { name: "early", color: undefined });
    const { outbox } = it.outbox;
    const said = { recipient: peer, type: "contact" } as const;
    while (outbox.room > 1) outbox.queue(said);
    // The first one is taken back: there is room for two, until others take it.
    const others = async () => {
      while (outbox.room < 2) await Promise.resolve();
      while (outbox.room > 0) outbox.queue(said);
    };
    const changed = it.put("label", idOf(8), { name: "late", color: undefined }).catch((error: unknown) => error);
    await Promise.all([changed, others()]);
    expect(await changed).toBeUndefined();
    await connect(it);
    expect(it.outbox.sends).toHaveLength(1);
    expect(await rowsIn(it)).toEqual([]);
  });

  it("for a device that joined is queued, though others took the room that it waited for", async () => {
    const it = await replica(1);
    await it.put("label", idOf(7), { name: "early", color: undefined });
    const { outbox } = it.outbox;
    const said = { recipient: peer, type: "contact" } as const;
    const taken = outbox.queue(said);
    await it.store.commit(taken.changes);
    while (outbox.room > 0) outbox.queue(said);
    const served = it.orders.serve(parseDeviceId(2));
    await quiet();
    await outbox.withdraw(taken.order);
    outbox.queue(said);
    await served;
    expect((await rowsIn(it)).at(-1)).toMatchObject({ type: "registers", device: 2 });
  });

  it("gathers drafts of many conversations, and what changes over restarts", async () => {
    const first = await replica(1);
    for (let number = 0; number < 10; number++) await first.put("draft", idOf(number), { text: `of ${number}` });
    const second = await replica(1, { store: first.store });
    for (let number = 5; number < 15; number++) await second.put("draft", idOf(number), { text: `again ${number}` });
    const bodies = await second.waiting();
    expect(bodies).toHaveLength(1);
    expect(new Set(bodies.flat().map(({ key }) => key)).size).toBe(15);
    expect(second.outbox.outbox.size).toBe(1);
  });

  it("names each register once, however large drafts become and in whatever order", async () => {
    const it = await replica(1);
    for (const size of [10, 30_000, 32_000, 5]) {
      for (let number = 0; number < 5; number++) await it.put("draft", idOf(number), { text: "x".repeat(size) });
    }
    const bodies = await it.waiting();
    const named = bodies.flat().map(({ key }) => key);
    expect(new Set(named).size).toBe(5);
    expect(named).toHaveLength(5);
    expect(bodies.length).toBeLessThanOrEqual(5);
  });

  it("never takes more than a body, and leaves out what was told since by another order", async () => {
    const it = await replica(1);
    await it.put("draft", idOf(1), { text: "one" });
    await it.put("draft", idOf(2), { text: "two" });
    await it.put("draft", idOf(3), { text: "three" });
    const [row] = await rowsIn(it);
    const atMs = it.clock.now() + 1_000;
    const text = "x".repeat(limits.textBytes.value);
    await it.hear([1, 2, 3].slice(0, 2).map((number) => wordOf("draft", idOf(number), { atMs, value: { text } })));
    expect(keysOf(decodeRegisters(await it.orders.filled(row?.body ?? new Uint8Array(0))))).toHaveLength(3);
    await it.hear([wordOf("draft", idOf(3), { atMs, value: { text } })]);
    const filled = await it.orders.filled(row?.body ?? new Uint8Array(0));
    expect(filled.length).toBeLessThanOrEqual(limits.ownBodyBytes.value);
    expect(decodeRegisters(filled)).toEqual([]);
  });

  it("is made anew under another id when what it names changes after it may have left", async () => {
    const it = await replica(1);
    it.outbox.answer = () => refuse("timeout");
    await it.put("assignee", talk, { agent: "Ann" });
    await connect(it);
    const [first] = it.outbox.sends;
    expect(it.outbox.outbox.size).toBe(1);
    await it.put("assignee", talk, { agent: "Bea" });
    it.outbox.answer = async () => accepted;
    await connect(it);
    expect(it.outbox.outbox.size).toBe(0);
    expect(it.outbox.sends.at(-1)?.envelope).not.toEqual(first?.envelope);
  });

  it("of what is typed waits for a moment, and one of anything else does not", async () => {
    const it = await replica(1);
    await connect(it);
    await it.put("draft", talk, { text: "t" });
    await it.put("draft", talk, { text: "ty" });
    await quiet();
    expect(it.outbox.sends).toHaveLength(0);
    await it.clock.advance(2_000);
    await quiet();
    expect(it.outbox.sends).toHaveLength(1);
    await it.put("draft", talk, { text: "typed" });
    await it.put("assignee", talk, { agent: "Ann" });
    await quiet();
    expect(it.outbox.sends).toHaveLength(2);
    await it.clock.advance(10_000);
    expect(it.outbox.sends).toHaveLength(2);
  });

  it("that waited for too long is made anew, and one for a device that is gone is not", async () => {
    const it = await replica(1);
    await it.put("assignee", talk, { agent: "Ann" });
    const [row] = await rowsIn(it);
    if (row === undefined) throw new Error("nothing was queued");
    it.clock.setNow(it.clock.now() + 6 * DAY_MS);
    const before = it.outbox.outbox.size;
    const failed = { kind: "failed", atMs: 0, error: new SottoError("expired") } as const;
    const commit = (alongside: Parameters<typeof it.store.commit>[0]) => it.store.commit(alongside);
    await it.orders.givenUp(row, { ...failed, commit });
    expect(it.outbox.outbox.size).toBe(before + 1);
    expect((await rowsIn(it)).at(-1)).toMatchObject({ type: "registers", body: row.body, createdMs: it.clock.now() });
    await it.orders.givenUp({ ...row, device: parseDeviceId(9) }, { ...failed, commit });
    await it.orders.givenUp(row, { ...failed, error: new SottoError("badCredentials"), commit });
    expect(it.outbox.outbox.size).toBe(before + 1);
  });

  it("is none while this is the only device", async () => {
    const it = await replica(1, { others: [1] });
    await it.put("assignee", talk, { agent: "Ann" });
    expect(it.outbox.outbox.size).toBe(0);
    expect(await it.registers.get("assignee", talk)).toEqual({ agent: "Ann" });
  });

  it("is refused with the change if the outbox is full", async () => {
    const it = await replica(1);
    for (let number = 0; number < 10_000; number++) it.outbox.outbox.queue({ recipient: me, type: "missed", atMs: 1 });
    await expect(it.put("assignee", talk, { agent: "Ann" })).rejects.toMatchObject({ code: "outboxFull" });
    expect(await it.registers.get("assignee", talk)).toBeUndefined();
  });
});

describe("another device", () => {
  const newcomer = parseDeviceId(5);

  it("that is new is told everything, also what was emptied, in as few bodies as hold it", async () => {
    const it = await replica(1, { others: [1] });
    for (let number = 0; number < 40; number++) {
      await it.put("quickReply", idOf(number), { title: `${number}`, text: "x".repeat(limits.quickReplyBytes.value) });
    }
    await it.put("draft", talk, { text: "begun" });
    await it.put("draft", talk, undefined);
    await it.orders.serve(newcomer);
    const told = await it.waiting();
    expect(told).toHaveLength(3);
    const there = await replica(5);
    for (const words of told) await there.hear(words);
    expect(await there.all()).toEqual(await it.all());
    expect((await rowsIn(it)).every(({ device }) => device === newcomer)).toBe(true);
  });

  it("that lost what it was told since a time is told that again, and after long everything", async () => {
    const it = await replica(1);
    it.outbox.answer = async () => ({ ...accepted, acceptedMs: it.clock.now() });
    await connect(it);
    await it.put("assignee", idOf(1), { agent: "before" });
    await quiet();
    it.outbox.state = "waiting";
    await it.put("assignee", idOf(3), { agent: "said before, and told since" });
    it.clock.setNow(it.clock.now() + 2 * DAY_MS);
    const sinceMs = it.clock.now();
    await connect(it);
    await it.put("assignee", idOf(2), { agent: "since" });
    await it.put("assignee", idOf(2), { agent: "and again" });
    await quiet();
    await it.hear([wordOf("assignee", idOf(4), { atMs: sinceMs, device: newcomer, value: { agent: "of its own" } })]);
    it.outbox.state = "waiting";
    const again = async (atMs: number) => {
      const plan = await it.orders.missed(newcomer, atMs);
      await it.store.commit(plan.build());
      return (await it.waiting()).at(-1);
    };
    expect(keysOf(await again(sinceMs))?.sort()).toEqual([2, 3, 4].map((number) => `assignee ${idOf(number)}`));
    expect(keysOf(await again(it.clock.now() - 30 * DAY_MS))).toHaveLength(4);
    expect((await rowsIn(it)).at(-1)).toMatchObject({ device: newcomer, type: "registers" });
  });

  it("is told in payloads that only own devices say", async () => {
    const it = await replica(1);
    await connect(it);
    await it.put("assignee", talk, { agent: "Ann" });
    await quiet();
    const [sent] = it.outbox.sends;
    expect(sent?.link).toBe("device");
    expect(sent?.frame.recipients.map(({ account }) => account)).toEqual([me]);
    expect(decodePayload(sent?.plaintext ?? new Uint8Array(0))).toMatchObject({ type: "registers" });
  });
});
