import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openSealed, read, text } from "./fixture.js";
import { MemoryPlace, UnsafeMemoryStore } from "./unsafe-memory-store.js";

const everything = { after: "", before: "\x7f", limit: 10, order: "ascending" } as const;

/** A store of two rows, opened anew so that it answers from its rows and not from memory. */
async function withRows() {
  const place = new MemoryPlace();
  const writer = await openSealed(new UnsafeMemoryStore(place));
  await writer.commit([
    { key: "a", value: text("the first row") },
    { key: "b", value: text("the other row") },
  ]);
  await writer.close();
  const raw = new UnsafeMemoryStore(place);
  return { raw, store: await openSealed(raw) };
}

describe("a stored row", () => {
  test("does not open under another key", async () => {
    const { raw, store } = await withRows();
    const [a, b] = [raw.rows.get("a"), raw.rows.get("b")];
    raw.rows.set("a", b ?? new Uint8Array());
    raw.rows.set("b", a ?? new Uint8Array());
    for (const reading of [store.get("a"), store.getMany(["b"]), store.list(everything)]) {
      await expect(reading).rejects.toMatchObject({ code: "storeCorrupt" });
    }
    await store.close();
  });

  test("does not open with any bit changed, nor cut, nor of another store", async () => {
    const { raw, store } = await withRows();
    const row = raw.rows.get("a") ?? new Uint8Array();
    await fc.assert(
      fc.asyncProperty(fc.nat(row.length * 8 - 1), async (bit) => {
        const changed = row.slice();
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        raw.rows.set("a", changed);
        await expect(store.get("a")).rejects.toMatchObject({ code: "storeCorrupt" });
        raw.rows.set("a", row.slice(0, bit % row.length));
        await expect(store.get("a")).rejects.toMatchObject({ code: "storeCorrupt" });
      }),
    );
    raw.rows.set("a", (await withRows()).raw.rows.get("a") ?? new Uint8Array());
    await expect(store.get("a")).rejects.toMatchObject({ code: "storeCorrupt" });
    raw.rows.set("a", row);
    expect(read(await store.get("a"))).toBe("the first row");
    await store.close();
  });

  test("differs each time although the value is the same", async () => {
    const { raw, store } = await withRows();
    const before = raw.rows.get("a");
    await store.commit([{ key: "a", value: text("the first row") }]);
    expect(raw.rows.get("a")).not.toEqual(before);
    await store.close();
  });
});

describe("a blinded name", () => {
  test("is the same after reopening, and another in another store, under another label or for another text", async () => {
    const place = new MemoryPlace();
    const store = await openSealed(new UnsafeMemoryStore(place));
    const name = store.blind("account", "alice");
    expect(name).toMatch(/^[0-9a-f]{32}$/);
    expect(store.blind("account", "alice")).toBe(name);
    expect(store.blind("conversation", "alice")).not.toBe(name);
    expect(store.blind("account", "alicf")).not.toBe(name);
    expect(store.blind("accounta", "lice")).not.toBe(name);
    for (let index = 0; index < 5_000; index++) store.blind("account", `other ${index}`);
    expect(store.blind("account", "alice")).toBe(name);
    await store.close();
    const again = await openSealed(new UnsafeMemoryStore(place));
    expect(again.blind("account", "alice")).toBe(name);
    await again.close();
    const other = await openSealed();
    expect(other.blind("account", "alice")).not.toBe(name);
    await other.close();
  });
});
