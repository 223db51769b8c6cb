/** The format on disk: which versions are opened, and the bytes of formats 1, 2 and 3. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Engine } from "../../../server/store/engine.js";
import { levelStore } from "../../../server/store/index.js";
import { memoryEngine } from "../../../server/store/memory/memory-engine.js";
import { settleFormat } from "../../../server/store/ordered/format.js";
import { orderedStore } from "../../../server/store/ordered/ordered-store.js";
import { account, bytes, group, mailbox, manualClock, messageId, readAll, text } from "../../contract/store/harness.js";

async function engineWith(rows: Readonly<Record<string, string>>): Promise<Engine> {
  const engine = memoryEngine();
  const batch = engine.batch();
  for (const [key, value] of Object.entries(rows)) batch.put(Buffer.from(key, "hex"), Buffer.from(value, "hex"));
  await batch.write("synced");
  return engine;
}

async function rowsOf(engine: Engine): Promise<Record<string, string>> {
  const rows = await engine.entries({ from: Buffer.of(0), to: Buffer.of(0xff) }, 1_000);
  return Object.fromEntries(rows.map(([key, value]) => [key.toString("hex"), value.toString("hex")]));
}

/** Rows whose keys begin otherwise; a mailbox's head row stays. */
function without(rows: Readonly<Record<string, string>>, ...prefixes: readonly string[]): Record<string, string> {
  const goes = (key: string) => prefixes.some((prefix) => key.startsWith(prefix));
  return Object.fromEntries(Object.entries(rows).filter(([key]) => !goes(key)));
}

const hex = (value: string) => Buffer.from(value).toString("hex");
const MAILBOX_1 = hex(mailbox(1));

/** A store as format 1 writes it: never edit, later formats must still open it. */
const FORMAT_1: Readonly<Record<string, string>> = {
  "00": "0001",
  "01": "000000000003",
  [`10${MAILBOX_1}`]: "000000000001",
  [`11${"000000000001"}${"000000000002"}${"00000003"}`]: `${"0".repeat(31)}2${"018bcfe56800"}${hex("two")}`,
  [`11${"000000000001"}${"f".repeat(12)}${"f".repeat(8)}`]: `${"000000000000"}${"000000000000"}${MAILBOX_1}`,
  [`12${"000000000001"}`]: `${"0".repeat(31)}1${"018bcfe56800"}${"0".repeat(31)}2${"018bcfe56800"}`,
  [`20${"2b"}${MAILBOX_1}01${"000000000007"}`]: hex("prekey"),
  [`21${"2b"}${MAILBOX_1}01`]: "000000000007",
  [`30${hex(account(1))}`]: `${"000000000002"}${"000000000000"}${hex("document")}`,
  [`31${hex("bucket\0key")}`]: `${"000000000003"}${"018bcfe56be8"}${hex("value")}`,
  [`32${"018bcfe56be8"}${hex("bucket\0key")}`]: "",
};

/** What format 2 adds, beside the same rows: never edit, later formats must still open it. */
const FORMAT_2: Readonly<Record<string, string>> = {
  ...FORMAT_1,
  "00": "0002",
  "01": "000000000005",
  [`11${"000000000001"}${"000000000003"}${"00000006"}${"000000000004"}`]: `${"0".repeat(31)}3${"018bcfe56800"}${hex("one")}`,
  [`11${"000000000001"}${"000000000004"}${"00000006"}${"000000000004"}`]: `${"0".repeat(31)}3${"018bcfe56800"}${hex("two")}`,
  [`12${"000000000001"}`]: [1, 2, 3].map((number) => `${"0".repeat(31)}${number}${"018bcfe56800"}`).join(""),
  [`13${"000000000004"}`]: hex("end"),
  [`14${"000000000004"}`]: "000000000002",
  [`40${hex(group(7))}`]: `${"000000000005"}${"000000000002"}${"018bcfe56800"}${"000000000001"}${"000000000007"}${hex("third")}`,
  [`41${"000000000005"}${"000000000002"}${"00000007"}`]: `${"018bcfe56800"}${hex("entry 2")}`,
  [`42${"000000000005"}`]: `${"000000000001"}${hex("checkpoint")}`,
};

const ZEROS = "00".repeat(32);

/** Format 2 as format 3 has it, where nothing was committed to: never edit, later formats must still open it. */
const FORMAT_3: Readonly<Record<string, string>> = {
  ...without(FORMAT_2, `11${"000000000001"}${"000000000002"}`, `11${"000000000001"}${"00000000000"}`),
  "00": "0003",
  [`12${"000000000001"}`]: [1, 2, 3].map((number) => `${"0".repeat(31)}${number}${"018bcfe56800"}${ZEROS}`).join(""),
  [`11${"000000000001"}${"000000000002"}${"00000023"}`]: `${"0".repeat(31)}2${"018bcfe56800"}${hex("two")}${ZEROS}`,
  [`11${"000000000001"}${"000000000003"}${"00000026"}${"000000000004"}`]: `${"0".repeat(31)}3${"018bcfe56800"}${hex("one")}`,
  [`11${"000000000001"}${"000000000004"}${"00000026"}${"000000000004"}`]: `${"0".repeat(31)}3${"018bcfe56800"}${hex("two")}`,
  [`13${"000000000004"}`]: `${hex("end")}${ZEROS}`,
};

/** A mark that a process left which died while it deleted an ended log, and what it had not got to. */
const REMAINS: Readonly<Record<string, string>> = {
  [`41${"000000000003"}${"000000000009"}${"00000003"}`]: `${"018bcfe56800"}${hex("old")}`,
  [`43${"000000000003"}`]: "",
};

describe("the format", () => {
  it("of a store written as format 1 is read as it was meant", async () => {
    const clock = manualClock();
    const store = orderedStore({ engine: await engineWith(FORMAT_1), clock, durability: "synced" });
    await store.open();
    const [envelope] = await readAll(store, mailbox(1));
    expect(envelope).toMatchObject({ cursor: 2, acceptedMs: clock.now() });
    expect(envelope && text(envelope.body)).toBe(`two${"\0".repeat(32)}`);
    const repeat = { messageId: messageId(1), acceptedMs: clock.now(), rows: [], guards: [] };
    const quota = { envelopes: 1, bytes: 1 };
    expect((await store.mail.append({ ...repeat, quota })).kind).toBe("repeated");
    expect(await store.directory.takePrekey(mailbox(1), "curve")).toMatchObject({ id: 7, left: 0 });
    expect(await store.directory.account(account(1))).toMatchObject({ revision: 2 });
    expect(await store.table.get("bucket", "key")).toMatchObject({ revision: 3 });
    await store.close();
  });

  it("of stores written as formats 1 and 2 becomes format 3, and nothing but bodies changes", async () => {
    const second = await engineWith({ ...FORMAT_2, ...REMAINS });
    await settleFormat(second);
    expect(await rowsOf(second)).toEqual({ ...FORMAT_3, ...REMAINS });
    const first = await engineWith(FORMAT_1);
    await settleFormat(first);
    const added = Object.keys(FORMAT_3).filter((key) => /^(11.{12}00000000000[34]|13|14|4)/.test(key));
    const { "01": _numbers, [`12${"000000000001"}`]: _dedupe, ...rest } = without(FORMAT_3, ...added);
    expect(await rowsOf(first)).toMatchObject(rest);
    expect(Object.keys(await rowsOf(first))).toHaveLength(Object.keys(FORMAT_1).length);
  });

  it("becomes format 3 just once, wherever the process dies while it is rewritten", async () => {
    const many: Record<string, string> = { ...FORMAT_2 };
    for (let cursor = 5; cursor <= 200; cursor++) {
      const at = cursor.toString(16).padStart(12, "0");
      many[`11${"000000000001"}${at}${"00000003"}`] = `${"0".repeat(32)}${"018bcfe56800"}${hex("any")}`;
      many[`13${at}`] = hex("end");
      many[`14${at}`] = "000000000001";
    }
    const straight = await engineWith(many);
    await settleFormat(straight);
    const expected = await rowsOf(straight);
    expect(expected[`11${"000000000001"}${"0000000000c8"}${"00000023"}`]).toMatch(new RegExp(`${hex("any")}${ZEROS}$`));
    const sizes = Object.keys(expected).flatMap((key) => /^11.{24}(0{6}..)/.exec(key)?.[1] ?? []);
    expect(new Set(sizes)).toEqual(new Set(["00000023", "00000026"]));
    const ends = Object.entries(expected).filter(([key]) => key.startsWith("13"));
    expect(new Set(ends.map(([, value]) => value))).toEqual(new Set([`${hex("end")}${ZEROS}`]));
    for (let writes = 0; ; writes++) {
      const inner = await engineWith(many);
      let left = writes;
      const dying: Engine = {
        ...inner,
        batch: () => ({
          ...inner.batch(),
          write: () => Promise.reject(new Error("power cut")),
        }),
      };
      const engine: Engine = { ...inner, batch: () => (left-- > 0 ? inner.batch() : dying.batch()) };
      const died = await settleFormat(engine).then(
        () => false,
        () => true,
      );
      await settleFormat(inner);
      expect(await rowsOf(inner)).toEqual(expected);
      if (!died) {
        expect(writes).toBeGreaterThan(7);
        break;
      }
    }
  });

  it("of a store written as format 2 is read as it was meant", async () => {
    const engine = await engineWith({ ...FORMAT_2, ...REMAINS });
    const store = orderedStore({ engine, clock: manualClock(), durability: "synced" });
    await store.open();
    expect((await readAll(store, mailbox(1))).map(({ body }) => text(body))).toEqual(
      ["two", "oneend", "twoend"].map((body) => `${body}${"\0".repeat(32)}`),
    );
    const head = await store.logs.head(group(7));
    expect(head && { ...head, document: text(head.document) }).toEqual({
      seq: 2,
      bytes: 7,
      entries: 1,
      document: "third",
    });
    const [entry] = await store.logs.read(group(7), { after: 0, upTo: 2 }, { count: 5, bytes: 100 });
    expect(entry && text(entry.entry)).toBe("entry 2");
    const checkpoint = await store.logs.checkpoint(group(7));
    expect(checkpoint && text(checkpoint.body)).toBe("checkpoint");

    await store.mail.acknowledge(mailbox(1), 4, []);
    expect(await store.logs.expire(0, { aborted: false })).toBe(0);
    const left = Object.keys(await rowsOf(engine));
    expect(left.filter((key) => /^(13|14|43)/.test(key))).toEqual([]);
    expect(left.filter((key) => key.startsWith("41"))).toHaveLength(1);
    await store.close();
  });

  it("of this version is format 3, byte for byte", async () => {
    const engine = memoryEngine();
    const clock = manualClock();
    const store = orderedStore({ engine, clock, durability: "synced" });
    await store.open();
    await store.mail.create(mailbox(1));
    const committed = (body: string) => Buffer.concat([bytes(body), Buffer.alloc(32)]);
    for (const [number, body] of [committed("one"), committed("two")].entries()) {
      await store.mail.append({
        messageId: messageId(number + 1),
        acceptedMs: clock.now(),
        rows: [{ mailbox: mailbox(1), body }],
        guards: [],
        quota: { envelopes: 10, bytes: 1_000 },
      });
    }
    await store.mail.acknowledge(mailbox(1), 1, []);
    await store.directory.addPrekeys(mailbox(1), "curve", [{ id: 7, key: bytes("prekey") }], 10);
    await store.directory.compareAndSet(account(1), undefined, bytes("document"));
    await store.table.compareAndSet("bucket", "key", undefined, bytes("value"), 1_000);
    await store.mail.append({
      messageId: messageId(3),
      acceptedMs: clock.now(),
      shared: committed("end"),
      rows: ["one", "two"].map((body) => ({ mailbox: mailbox(1), body: bytes(body) })),
      guards: [],
      quota: { envelopes: 10, bytes: 1_000 },
    });
    const log = { group: group(7), acceptedMs: clock.now() };
    await store.logs.append({ ...log, expectedSeq: 0, entry: bytes("entry 1"), document: bytes("first") });
    await store.logs.append({ ...log, expectedSeq: 1, entry: bytes("entry 2"), document: bytes("second") });
    await store.logs.putCheckpoint({
      group: group(7),
      expectedSeq: 2,
      seq: 1,
      body: bytes("checkpoint"),
      document: bytes("third"),
      deleteBelow: 2,
      keep: [],
    });
    expect(await rowsOf(engine)).toEqual(FORMAT_3);
    await store.close();
  });

  it("of a newer version is refused with a clear text, and nothing changes", async () => {
    const engine = await engineWith({ "00": "0004" });
    const store = orderedStore({ engine, clock: manualClock(), durability: "synced" });
    await expect(store.open()).rejects.toMatchObject({ kind: "fatal", message: /newer version.*format 4/ });
    expect(await rowsOf(engine)).toEqual({ "00": "0004" });
  });

  it("of a database that is not ours is refused, and nothing changes", async () => {
    const engine = await engineWith({ "61": "62" });
    await expect(settleFormat(engine)).rejects.toMatchObject({ kind: "fatal" });
    expect(await rowsOf(engine)).toEqual({ "61": "62" });
  });

  it("of an older version is migrated step by step, each step marked when it is done", async () => {
    const engine = await engineWith({ "00": "0001" });
    const steps: string[] = [];
    const step = (name: string) => async (open: Engine) => {
      steps.push(`${name} on ${open.get(Buffer.of(0))?.toString("hex")}`);
    };
    const migrations = new Map([
      [1, step("first")],
      [2, step("second")],
    ]);
    await settleFormat(engine, { current: 3, migrations });
    expect(steps).toEqual(["first on 0001", "second on 0002"]);
    expect(await rowsOf(engine)).toEqual({ "00": "0003" });
    await expect(settleFormat(engine, { current: 5, migrations })).rejects.toMatchObject({ kind: "fatal" });
  });
});

describe("a LevelDB folder", () => {
  it("that is open is refused to a second store, which says why", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sotto-store-"));
    const clock = manualClock();
    const store = levelStore({ folder, clock });
    expect(await store.open()).toEqual({ guarantee: "synced-1" });
    await expect(levelStore({ folder, clock }).open()).rejects.toMatchObject({
      kind: "fatal",
      message: /open in another process/,
    });
    await store.close();
    const unsynced = levelStore({ folder, clock, durability: "unsafeUnsynced" });
    expect(await unsynced.open()).toEqual({ guarantee: "none" });
    await unsynced.close();
    await rm(folder, { recursive: true });
  });
});
