/** Contract of `Logs`: entries one behind the other, checkpoints, and the end of a log. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Logs } from "../../../server/ports.js";
import { bytes, EVERYTHING, group, type MakeStore, NEVER_ABORTED, type StoreHarness, text } from "./harness.js";

const ALL = { after: 0, upTo: Number.MAX_SAFE_INTEGER } as const;
type Append = Parameters<Logs["append"]>[0];

export function describeLogs(makeStore: MakeStore): void {
  let harness: StoreHarness;
  beforeEach(async () => {
    harness = await makeStore();
  });
  afterEach(() => harness.dispose());

  function append(number: number, expectedSeq: number, rest: Partial<Append> = {}) {
    return harness.store.logs.append({
      group: group(number),
      expectedSeq,
      acceptedMs: harness.clock.now(),
      entry: bytes(`entry ${expectedSeq + 1}`),
      document: bytes(`document ${expectedSeq + 1}`),
      ...rest,
    });
  }

  async function fill(number: number, entries: number): Promise<void> {
    for (let seq = 0; seq < entries; seq++) await append(number, seq);
  }

  function putCheckpoint(number: number, at: number, rest: Partial<Parameters<Logs["putCheckpoint"]>[0]> = {}) {
    return harness.store.logs.putCheckpoint({
      group: group(number),
      expectedSeq: at,
      seq: at,
      body: bytes(`checkpoint ${at}`),
      document: bytes(`document of checkpoint ${at}`),
      deleteBelow: 0,
      keep: [],
      ...rest,
    });
  }

  async function textsOf(number: number, range: { after: number; upTo: number } = ALL): Promise<readonly string[]> {
    return (await harness.store.logs.read(group(number), range, EVERYTHING)).map(({ entry }) => text(entry));
  }

  async function seqsOf(number: number): Promise<readonly number[]> {
    return (await harness.store.logs.read(group(number), ALL, EVERYTHING)).map(({ seq }) => seq);
  }

  async function headOf(number: number) {
    const head = await harness.store.logs.head(group(number));
    return head === undefined ? undefined : { ...head, document: text(head.document) };
  }

  describe("a log", () => {
    it("begins with its first entry and grows by one, with its document, also after a reopen", async () => {
      expect(await headOf(1)).toBeUndefined();
      expect(await textsOf(1)).toEqual([]);
      expect(await append(1, 0)).toEqual({ kind: "appended", acceptedMs: harness.clock.now() });
      await append(1, 1);
      for (const _ of [1, 2]) {
        expect(await headOf(1)).toEqual({ seq: 2, document: "document 2", bytes: 14, entries: 2 });
        expect(await textsOf(1)).toEqual(["entry 1", "entry 2"]);
        await harness.reopen();
      }
      expect((await append(1, 2)).kind).toBe("appended");
    });

    it("is kept apart from the others", async () => {
      await fill(1, 3);
      await fill(0x11, 1);
      await append(2, 0, { entry: bytes("other") });
      expect(await textsOf(1)).toEqual(["entry 1", "entry 2", "entry 3"]);
      expect(await textsOf(2)).toEqual(["other"]);
      expect(await textsOf(0x11)).toEqual(["entry 1"]);
    });

    it("takes exactly one of twenty callers with the same number, and tells the others where it is", async () => {
      for (let seq = 0; seq < 3; seq++) {
        const calls = Array.from({ length: 20 }, (_, n) => append(1, seq, { entry: bytes(`by ${n}`) }));
        const outcomes = await Promise.all(calls);
        expect(outcomes.filter(({ kind }) => kind === "appended")).toHaveLength(1);
        expect(outcomes.filter((outcome) => outcome.kind === "moved" && outcome.seq === seq + 1)).toHaveLength(19);
        await harness.reopen();
      }
      expect(await textsOf(1)).toEqual(["by 0", "by 0", "by 0"]);
    });

    it("tells where it is to whoever is ahead of it, behind it, or looks for one that is not there", async () => {
      expect(await append(1, 4)).toEqual({ kind: "moved", seq: 0 });
      expect(await headOf(1)).toBeUndefined();
      await fill(1, 2);
      expect(await append(1, 0)).toEqual({ kind: "moved", seq: 2 });
      expect(await append(1, 3)).toEqual({ kind: "moved", seq: 2 });
      expect(await seqsOf(1)).toEqual([1, 2]);
    });

    it("has no entry older than the one before it, though the clock goes back", async () => {
      const startMs = harness.clock.now();
      await append(1, 0);
      expect(await append(1, 1, { acceptedMs: startMs - 5_000 })).toEqual({ kind: "appended", acceptedMs: startMs });
      await harness.reopen();
      expect(await append(1, 2, { acceptedMs: startMs - 1 })).toEqual({ kind: "appended", acceptedMs: startMs });
      expect(await append(1, 3, { acceptedMs: startMs + 1 })).toEqual({ kind: "appended", acceptedMs: startMs + 1 });
      const times = (await harness.store.logs.read(group(1), ALL, EVERYTHING)).map(({ acceptedMs }) => acceptedMs);
      expect(times).toEqual([startMs, startMs, startMs, startMs + 1]);
    });

    it("has taken the entry and the document when append returns", async () => {
      const entry = bytes("before");
      const document = bytes("before");
      const call = append(1, 0, { entry, document });
      entry.set(bytes("AFTER!"));
      document.set(bytes("AFTER!"));
      await call;
      expect(await textsOf(1)).toEqual(["before"]);
      expect(await headOf(1)).toMatchObject({ document: "before" });
    });

    it("takes entries in the order of the calls, with checkpoints between them", async () => {
      const calls: Promise<unknown>[] = [];
      for (let seq = 0; seq < 30; seq++) {
        calls.push(append(1, seq));
        if (seq % 4 === 3) calls.push(putCheckpoint(1, seq + 1, { deleteBelow: seq - 1 }));
      }
      const outcomes = await Promise.all(calls);
      expect(outcomes.filter((outcome) => outcome === true)).toHaveLength(7);
      expect(outcomes.filter((outcome) => typeof outcome === "object")).toHaveLength(30);
      await harness.reopen();
      expect(await seqsOf(1)).toEqual([26, 27, 28, 29, 30]);
      expect(await headOf(1)).toEqual({ seq: 30, document: "document 30", bytes: 5 * 8, entries: 5 });
    });
  });

  describe("reading a log", () => {
    beforeEach(() => fill(1, 9));

    it("answers what lies between two numbers, the first excluded", async () => {
      expect(await textsOf(1, { after: 3, upTo: 5 })).toEqual(["entry 4", "entry 5"]);
      expect(await textsOf(1, { after: 8, upTo: 99 })).toEqual(["entry 9"]);
      expect(await textsOf(1, { after: 9, upTo: 99 })).toEqual([]);
      expect(await textsOf(1, { after: 5, upTo: 5 })).toEqual([]);
      expect(await textsOf(1, { after: 6, upTo: 5 })).toEqual([]);
    });

    it("pages by count and by bytes, and always gives one", async () => {
      const seqs = async (after: number, max: { count: number; bytes: number }) =>
        (await harness.store.logs.read(group(1), { after, upTo: 8 }, max)).map(({ seq }) => seq);
      expect(await seqs(0, { count: 4, bytes: 1_000 })).toEqual([1, 2, 3, 4]);
      expect(await seqs(0, { count: 100, bytes: 20 })).toEqual([1, 2]);
      expect(await seqs(2, { count: 100, bytes: 21 })).toEqual([3, 4, 5]);
      expect(await seqs(5, { count: 100, bytes: 1 })).toEqual([6]);
      expect(await seqs(5, { count: 100, bytes: 1_000 })).toEqual([6, 7, 8]);
    });

    it("never shows an entry that is not committed, nor leaves out one that is", async () => {
      let answered = 9;
      const appends: Promise<unknown>[] = [];
      for (let seq = 9; seq < 60; seq++) {
        appends.push(
          append(1, seq).then(() => {
            answered = seq + 1;
          }),
        );
      }
      for (let seen = 0; seen < 60; ) {
        const before = answered;
        const seqs = await seqsOf(1);
        expect(seqs).toEqual(seqs.map((_, index) => index + 1));
        expect(seqs.length).toBeGreaterThanOrEqual(before);
        seen = seqs.length;
        await Promise.race(appends.slice(Math.max(0, seen - 10)));
      }
      await Promise.all(appends);
    });
  });

  describe("a checkpoint", () => {
    it("replaces the former and the document, and deletes what is old but what is kept", async () => {
      const { logs } = harness.store;
      await fill(1, 6);
      expect(await logs.checkpoint(group(1))).toBeUndefined();
      expect(await putCheckpoint(1, 6, { seq: 4, deleteBelow: 5, keep: [2, 4, 77] })).toBe(true);
      await harness.reopen();
      expect(await seqsOf(1)).toEqual([2, 4, 5, 6]);
      expect(await headOf(1)).toEqual({ seq: 6, document: "document of checkpoint 6", bytes: 28, entries: 4 });
      const first = await harness.store.logs.checkpoint(group(1));
      expect(first).toMatchObject({ seq: 4 });
      expect(first && text(first.body)).toBe("checkpoint 6");

      await append(1, 6);
      expect(await putCheckpoint(1, 7, { deleteBelow: 99, keep: [4] })).toBe(true);
      expect(await seqsOf(1)).toEqual([4]);
      expect(await headOf(1)).toMatchObject({ seq: 7, bytes: 7, entries: 1 });
      expect(await harness.store.logs.checkpoint(group(1))).toMatchObject({ seq: 7 });
      expect((await append(1, 7)).kind).toBe("appended");
      expect(await textsOf(1, { after: 4, upTo: 8 })).toEqual(["entry 8"]);
    });

    it("is refused, and nothing changes, when the log is elsewhere or not there", async () => {
      expect(await putCheckpoint(1, 0)).toBe(false);
      await fill(1, 3);
      expect(await putCheckpoint(1, 2, { deleteBelow: 3 })).toBe(false);
      expect(await putCheckpoint(1, 4, { deleteBelow: 3 })).toBe(false);
      expect(await harness.store.logs.checkpoint(group(1))).toBeUndefined();
      expect(await headOf(1)).toEqual({ seq: 3, document: "document 3", bytes: 21, entries: 3 });
    });

    it("counts right when several come at once", async () => {
      await fill(1, 8);
      const outcomes = await Promise.all([
        putCheckpoint(1, 8, { deleteBelow: 4 }),
        putCheckpoint(1, 8, { deleteBelow: 6, keep: [5] }),
        putCheckpoint(1, 8, { deleteBelow: 3, keep: [1] }),
        append(1, 8),
        putCheckpoint(1, 8, { deleteBelow: 9 }),
      ]);
      expect(outcomes).toEqual([true, true, true, expect.objectContaining({ kind: "appended" }), false]);
      expect(await seqsOf(1)).toEqual([5, 6, 7, 8, 9]);
      expect(await headOf(1)).toMatchObject({ seq: 9, entries: 5, bytes: 35 });
    });
  });

  describe("the expiry of logs", () => {
    it("ends those nothing was appended to, wholly, and counts them", async () => {
      for (const number of [1, 2, 3]) await fill(number, 4);
      await putCheckpoint(2, 4, { deleteBelow: 3 });
      harness.clock.advance(10);
      const beforeMs = harness.clock.now();
      await append(3, 4);
      expect(await harness.store.logs.expire(beforeMs, NEVER_ABORTED)).toBe(2);
      expect(await harness.store.logs.expire(beforeMs, NEVER_ABORTED)).toBe(0);
      for (const _ of [1, 2]) {
        for (const number of [1, 2]) {
          expect(await headOf(number)).toBeUndefined();
          expect(await seqsOf(number)).toEqual([]);
          expect(await harness.store.logs.checkpoint(group(number))).toBeUndefined();
        }
        expect(await seqsOf(3)).toEqual([1, 2, 3, 4, 5]);
        await harness.reopen();
      }
    });

    it("lets a log of the same group begin anew, without anything of the former", async () => {
      await fill(1, 3);
      await putCheckpoint(1, 3);
      harness.clock.advance(1);
      const { logs } = harness.store;
      const ending = logs.expire(harness.clock.now(), NEVER_ABORTED);
      await ending;
      expect(await append(1, 3)).toEqual({ kind: "moved", seq: 0 });
      await append(1, 0, { entry: bytes("anew") });
      expect(await textsOf(1)).toEqual(["anew"]);
      expect(await logs.checkpoint(group(1))).toBeUndefined();
      expect(await headOf(1)).toMatchObject({ seq: 1, entries: 1, bytes: 4 });
    });

    it("spares a log that is appended to meanwhile", async () => {
      await fill(1, 3);
      harness.clock.advance(1);
      const late = append(1, 3);
      const ended = harness.store.logs.expire(harness.clock.now(), NEVER_ABORTED);
      await late;
      expect(await ended).toBe(0);
      expect(await seqsOf(1)).toEqual([1, 2, 3, 4]);
    });

    it("goes through more logs, and more entries, than one step takes, and stops when it is told to", async () => {
      const LOGS = 600;
      const ENTRIES = 2_100;
      await Promise.all(Array.from({ length: LOGS }, (_, number) => append(number, 0)));
      await Promise.all(Array.from({ length: ENTRIES - 1 }, (_, index) => append(7, index + 1)));
      harness.clock.advance(1);
      const beforeMs = harness.clock.now();
      expect(await harness.store.logs.expire(beforeMs, { aborted: true })).toBe(0);
      let looks = 0;
      const signal = {
        get aborted() {
          looks += 1;
          return looks > 1;
        },
      };
      const first = await harness.store.logs.expire(beforeMs, signal);
      expect(first).toBeGreaterThan(0);
      expect(first).toBeLessThan(LOGS);
      await harness.reopen();
      expect(await harness.store.logs.expire(beforeMs, NEVER_ABORTED)).toBe(LOGS - first);
      expect(await harness.store.logs.expire(beforeMs, NEVER_ABORTED)).toBe(0);
      expect(await headOf(7)).toBeUndefined();
    });
  });
}
