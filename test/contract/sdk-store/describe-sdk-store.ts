/** The contract of the SDK's `Store` port. Every adapter passes it. */

import { afterEach, describe, expect, test } from "vitest";
import type { Store, StoreChange } from "../../../sdk/core/ports.js";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const put = (key: string, ...values: number[]): StoreChange => ({ key, value: bytes(...values) });
const del = (key: string): StoreChange => ({ key, value: undefined });
const everything = { after: "", before: "\x7f", limit: 100, order: "ascending" } as const;

/** How the suite makes stores. */
export interface StoreMaker {
  /** A closed store at a place of its own; `again` makes another object over the same place. */
  make(): Promise<{ readonly store: Store; again(): Store; dispose(): Promise<void> }>;
}

/** Runs the contract of the `Store` port on what `maker` makes. */
export function describeSdkStore(name: string, maker: StoreMaker): void {
  describe(`the store ${name}`, () => {
    const disposals: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const dispose of disposals.splice(0)) await dispose();
    });
    const made = async () => {
      const place = await maker.make();
      disposals.push(async () => {
        await place.store.close();
        await place.dispose();
      });
      await place.store.open();
      return place;
    };

    test("answers undefined for what is not there, and the bytes for what is", async () => {
      const { store } = await made();
      expect(await store.get("a")).toBeUndefined();
      await store.write([put("a", 1, 2), put("empty")]);
      expect(bytes(...((await store.get("a")) ?? []))).toEqual(bytes(1, 2));
      expect((await store.get("empty"))?.length).toBe(0);
    });

    test("gets many in the order asked, with gaps and repeats", async () => {
      const { store } = await made();
      await store.write([put("a", 1), put("b", 2)]);
      const found = await store.getMany(["b", "x", "a", "b"]);
      expect(found.map((value) => value?.[0])).toEqual([2, undefined, 1, 2]);
      expect(await store.getMany([])).toEqual([]);
    });

    test("keeps every byte of every value", async () => {
      const { store, again } = await made();
      const all = Uint8Array.from({ length: 70_000 }, (_, index) => index % 251);
      await store.write([{ key: "all", value: all }]);
      await store.close();
      const reopened = again();
      await reopened.open();
      const found = await reopened.get("all");
      await reopened.close();
      expect(Buffer.compare(found ?? bytes(), all)).toBe(0);
    });

    test("lists ranges between exclusive ends, in either order, up to the limit", async () => {
      const { store } = await made();
      const keys = ["a", "b!", "b", "b0", "b~", "c", "B"];
      await store.write(keys.map((key, index) => put(key, index)));
      const list = async (range: Parameters<Store["list"]>[0]) => (await store.list(range)).map(({ key }) => key);
      expect(await list(everything)).toEqual(["B", "a", "b", "b!", "b0", "b~", "c"]);
      expect(await list({ ...everything, order: "descending" })).toEqual(["c", "b~", "b0", "b!", "b", "a", "B"]);
      expect(await list({ ...everything, after: "b", before: "b~" })).toEqual(["b!", "b0"]);
      expect(await list({ ...everything, after: "a", limit: 2 })).toEqual(["b", "b!"]);
      expect(await list({ ...everything, before: "b0", limit: 2, order: "descending" })).toEqual(["b!", "b"]);
      expect(await list({ ...everything, after: "x" })).toEqual([]);
      expect(await list({ ...everything, after: "c", before: "a" })).toEqual([]);
      expect(await list({ ...everything, limit: 0 })).toEqual([]);
      expect((await store.list({ ...everything, before: "b" })).map(({ value }) => value[0])).toEqual([6, 0]);
    });

    test("applies the changes of a write in their order", async () => {
      const { store } = await made();
      await store.write([put("a", 1), put("gone", 1)]);
      await store.write([del("a"), put("a", 2), put("b", 1), del("b"), del("gone"), del("never")]);
      expect((await store.get("a"))?.[0]).toBe(2);
      expect(await store.getMany(["b", "gone"])).toEqual([undefined, undefined]);
      await store.write([]);
    });

    test("shows a write to a reader whole or not at all", async () => {
      const { store } = await made();
      const keys = Array.from({ length: 50 }, (_, index) => `k${String(index).padStart(2, "0")}`);
      await store.write(keys.map((key) => put(key, 0)));
      const writing = (async () => {
        for (let round = 1; round <= 20; round++) await store.write(keys.map((key) => put(key, round)));
      })();
      let seen = 0;
      while (seen < 20) {
        const values = new Set((await store.list(everything)).map(({ value }) => value[0]));
        expect(values.size).toBe(1);
        seen = [...values][0] ?? 0;
      }
      await writing;
    });

    test("keeps what was written after closing and opening, also by another object", async () => {
      const { store, again } = await made();
      await store.write([put("a", 1), put("b", 2)]);
      await store.write([del("b")]);
      await store.close();
      await store.open();
      expect((await store.get("a"))?.[0]).toBe(1);
      await store.close();
      const reopened = again();
      await reopened.open();
      expect((await reopened.list(everything)).map(({ key }) => key)).toEqual(["a"]);
      await reopened.close();
    });

    test("finishes what is being written before it closes", async () => {
      const { store, again } = await made();
      const writes = Array.from({ length: 20 }, (_, index) => store.write([put(`k${index}`, index)]));
      await store.close();
      await Promise.all(writes);
      const reopened = again();
      await reopened.open();
      expect(await reopened.list(everything)).toHaveLength(20);
      await reopened.close();
    });

    test("opens and closes as often as asked", async () => {
      const { store } = await made();
      await Promise.all([store.open(), store.open()]);
      await Promise.all([store.close(), store.close()]);
      await store.close();
      await expect(store.get("a")).rejects.toMatchObject({ code: "closed" });
      await store.open();
      expect(await store.get("a")).toBeUndefined();
    });

    test("deletes everything when it is cleared, and works on", async () => {
      const { store, again } = await made();
      await store.write([put("a", 1), put("b", 2)]);
      await store.clear();
      expect(await store.list(everything)).toEqual([]);
      await store.write([put("c", 3)]);
      await store.close();
      const reopened = again();
      await reopened.open();
      expect((await reopened.list(everything)).map(({ key }) => key)).toEqual(["c"]);
      await reopened.close();
    });

    test("tells a second one at the same place that it is in use, and lets it in afterwards", async () => {
      const { store, again } = await made();
      await store.write([put("a", 1)]);
      const second = again();
      await expect(second.open()).rejects.toMatchObject({ code: "storeInUse" });
      expect((await store.get("a"))?.[0]).toBe(1);
      await store.close();
      await second.open();
      expect((await second.get("a"))?.[0]).toBe(1);
      await second.close();
    });
  });
}
