/** Contract of `Table`: small rows with compare-and-set and expiry. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bytes, type MakeStore, NEVER_ABORTED, type StoreHarness, text } from "./harness.js";

export function describeTable(makeStore: MakeStore): void {
  let harness: StoreHarness;
  beforeEach(async () => {
    harness = await makeStore();
  });
  afterEach(() => harness.dispose());

  async function textAt(bucket: string, key: string): Promise<string | undefined> {
    const row = await harness.store.table.get(bucket, key);
    return row === undefined ? undefined : text(row.value);
  }

  describe("the table", () => {
    it("keeps values apart by bucket and key, also after a reopen", async () => {
      const rows = [
        ["user", "a:b"],
        ["user:a", "b"],
        ["user", ""],
        ["userx", "\0"],
        ["user", "ü"],
      ] as const;
      for (const [bucket, key] of rows) {
        await harness.store.table.compareAndSet(bucket, key, undefined, bytes(`${bucket} ${key}`));
      }
      await harness.reopen();
      for (const [bucket, key] of rows) expect(await textAt(bucket, key)).toBe(`${bucket} ${key}`);
      expect(await textAt("user", "b")).toBeUndefined();
    });

    it("lets exactly one of many concurrent callers win", async () => {
      const { table } = harness.store;
      let revision: number | undefined;
      for (let round = 0; round < 3; round++) {
        const before = revision;
        const answers = await Promise.all(
          Array.from({ length: 30 }, (_, n) => table.compareAndSet("b", "k", before, bytes(`${round} ${n}`))),
        );
        expect(answers.filter(({ won }) => won)).toHaveLength(1);
        revision = answers[0]?.revision;
        expect(await table.get("b", "k")).toMatchObject({ revision });
      }
      expect((await table.compareAndSet("b", "k", revision, undefined)).won).toBe(true);
      expect(await table.get("b", "k")).toBeUndefined();
    });

    it("counts an expired row as absent, and never its revision as current", async () => {
      const { table } = harness.store;
      const { revision = 0 } = await table.compareAndSet("b", "k", undefined, bytes("old"), 1_000);
      harness.clock.advance(999);
      expect(await textAt("b", "k")).toBe("old");
      harness.clock.advance(1);
      expect(await textAt("b", "k")).toBeUndefined();
      expect((await table.compareAndSet("b", "k", revision, bytes("new"))).won).toBe(false);
      const renewed = await table.compareAndSet("b", "k", undefined, bytes("new"));
      expect(renewed.won).toBe(true);
      expect(renewed.revision).not.toBe(revision);
    });

    it("purges what expired and nothing that was written anew", async () => {
      const { table, mail } = harness.store;
      await table.compareAndSet("b", "gone", undefined, bytes("x"), 1_000);
      const { revision } = await table.compareAndSet("b", "renewed", undefined, bytes("x"), 1_000);
      await table.compareAndSet("b", "renewed", revision, bytes("y"), 5_000);
      await table.compareAndSet("b", "forever", undefined, bytes("z"));
      harness.clock.advance(1_000);
      await mail.expire(0, NEVER_ABORTED);
      expect(await textAt("b", "gone")).toBeUndefined();
      expect(await textAt("b", "renewed")).toBe("y");
      expect(await textAt("b", "forever")).toBe("z");
    });
  });

  describe("spendOnce", () => {
    it("is true for exactly one of many callers, also after a reopen", async () => {
      const spend = () => harness.store.table.spendOnce("token", "abc", 60_000);
      const answers = await Promise.all(Array.from({ length: 40 }, spend));
      expect(answers.filter((spent) => spent)).toHaveLength(1);
      await harness.reopen();
      expect(await spend()).toBe(false);
      expect(await harness.store.table.spendOnce("token", "abd", 60_000)).toBe(true);
    });

    it("is free again once the entry has expired", async () => {
      const { table } = harness.store;
      expect(await table.spendOnce("token", "abc", 60_000)).toBe(true);
      harness.clock.advance(59_999);
      expect(await table.spendOnce("token", "abc", 60_000)).toBe(false);
      harness.clock.advance(1);
      expect(await table.spendOnce("token", "abc", 60_000)).toBe(true);
    });
  });
}
