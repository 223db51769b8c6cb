import { describe, expect, test } from "vitest";
import { RowCache } from "../../../../sdk/core/storage/row-cache.js";
import { openSealed, text } from "./fixture.js";
import { UnsafeMemoryStore } from "./unsafe-memory-store.js";

describe("the row cache", () => {
  test("tells an absent row from one it knows nothing of", () => {
    const cache = new RowCache(10_000);
    cache.set("gone", undefined);
    expect(cache.find("gone")).toEqual({ value: undefined });
    expect(cache.find("never seen")).toBeUndefined();
  });

  test("lets go of what was used longest ago, and never holds more than its bound", () => {
    const cache = new RowCache(5_000);
    for (let index = 0; index < 100; index++) {
      cache.set(`row ${index}`, new Uint8Array(1_000));
      cache.find("row 0");
      expect(cache.bytes).toBeLessThanOrEqual(5_000);
    }
    expect(cache.find("row 0")).toBeDefined();
    expect(cache.find("row 50")).toBeUndefined();
    expect(cache.find("row 99")).toBeDefined();
  });

  test("weighs a row that is set again once", () => {
    const cache = new RowCache(5_000);
    for (let index = 0; index < 100; index++) cache.set("row", new Uint8Array(1_000));
    expect(cache.bytes).toBeLessThan(1_500);
    cache.clear();
    expect(cache.bytes).toBe(0);
  });

  test("never answers a row as it was before a commit that came while it was read", async () => {
    const raw = new UnsafeMemoryStore();
    const store = await openSealed(raw);
    await store.commit([{ key: "a", value: text("old") }]);
    await store.close();
    const again = await openSealed(raw);
    const reading = again.get("a");
    await again.commit([{ key: "a", value: text("new") }]);
    await reading;
    expect(await again.get("a")).toEqual(text("new"));
    await again.close();
  });
});
