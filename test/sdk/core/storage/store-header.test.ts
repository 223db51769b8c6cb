import { describe, expect, test } from "vitest";
import { FORMAT, HEADER_KEY } from "../../../../sdk/core/storage/store-header.js";
import { openSealed, read, text, unsafePlaintextKey } from "./fixture.js";
import { MemoryPlace, UnsafeMemoryStore } from "./unsafe-memory-store.js";

/** A store with one row in it, closed again. */
async function used(): Promise<MemoryPlace> {
  const place = new MemoryPlace();
  const store = await openSealed(new UnsafeMemoryStore(place));
  await store.commit([{ key: "a", value: text("1") }]);
  await store.close();
  return place;
}

const rowsOf = (place: MemoryPlace) => structuredClone([...place.rows]);

describe("opening", () => {
  test("a store again with its key shows what was there", async () => {
    const store = await openSealed(new UnsafeMemoryStore(await used()));
    expect(read(await store.get("a"))).toBe("1");
    await store.close();
  });

  test("with another key is refused, changes nothing and lets go of the store", async () => {
    const place = await used();
    const before = rowsOf(place);
    const raw = new UnsafeMemoryStore(place);
    await expect(openSealed(raw, unsafePlaintextKey("guess"))).rejects.toMatchObject({ code: "wrongKey" });
    expect(rowsOf(place)).toEqual(before);
    expect([raw.isOpen, raw.writes]).toEqual([false, []]);
  });

  test("notices a wrong key even if the key source does not", async () => {
    const place = await used();
    for (const size of [31, 32]) {
      const careless = { wrap: async () => new Uint8Array(1), unwrap: async () => new Uint8Array(size) };
      const opening = openSealed(new UnsafeMemoryStore(place), careless);
      await expect(opening).rejects.toMatchObject({ code: "wrongKey" });
    }
  });

  test("a store of a newer format asks for a newer program and changes nothing", async () => {
    const place = await used();
    const header = place.rows.get(HEADER_KEY) ?? new Uint8Array();
    const newer = Uint8Array.of(...header.subarray(0, 5), FORMAT + 1, 1, 2, 3);
    place.rows.set(HEADER_KEY, newer);
    await expect(openSealed(new UnsafeMemoryStore(place))).rejects.toMatchObject({ code: "storeVersion" });
    expect(place.rows.get(HEADER_KEY)).toEqual(newer);
  });

  test.each([
    ["an empty header", new Uint8Array(0)],
    ["a foreign header", text("something else entirely")],
    ["a cut header", Uint8Array.of(...text("sotto"), 1, 0x92)],
  ])("a store with %s says that it is corrupt", async (_what, header) => {
    const place = await used();
    place.rows.set(HEADER_KEY, header);
    await expect(openSealed(new UnsafeMemoryStore(place))).rejects.toMatchObject({ code: "storeCorrupt" });
  });

  test("rows without a header are not taken over", async () => {
    const place = await used();
    place.rows.delete(HEADER_KEY);
    const before = rowsOf(place);
    await expect(openSealed(new UnsafeMemoryStore(place))).rejects.toMatchObject({ code: "storeCorrupt" });
    expect(rowsOf(place)).toEqual(before);
  });

  test("for the first time can fail at any point and be tried again", async () => {
    const place = new MemoryPlace();
    const fails = () => Promise.reject(new Error("power gone"));
    const failing = new UnsafeMemoryStore(place);
    failing.beforeWrite = fails;
    await expect(openSealed(failing)).rejects.toMatchObject({ code: "storeFailed" });
    const noKey = { wrap: fails, unwrap: fails };
    await expect(openSealed(new UnsafeMemoryStore(place), noKey)).rejects.toMatchObject({ code: "storeFailed" });
    expect(place.rows.size).toBe(0);
    const store = await openSealed(new UnsafeMemoryStore(place));
    await store.commit([{ key: "a", value: text("1") }]);
    await store.close();
  });

  test("says that another one has the store", async () => {
    const place = await used();
    const store = await openSealed(new UnsafeMemoryStore(place));
    await expect(openSealed(new UnsafeMemoryStore(place))).rejects.toMatchObject({ code: "storeInUse" });
    expect(read(await store.get("a"))).toBe("1");
    await store.close();
  });

  test("the same store object twice is refused too, and the first goes on", async () => {
    const raw = new UnsafeMemoryStore();
    const store = await openSealed(raw);
    await expect(openSealed(raw)).rejects.toMatchObject({ code: "storeInUse" });
    await store.commit([{ key: "a", value: text("1") }]);
    await store.close();
    const again = await openSealed(raw);
    expect(read(await again.get("a"))).toBe("1");
    await again.close();
  });
});
