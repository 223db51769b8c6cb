import { describe, expect, test } from "vitest";
import { change, everything, Gate, openSealed, read } from "./fixture.js";
import { UnsafeMemoryStore } from "./unsafe-memory-store.js";

describe("commits", () => {
  test("share writes while the disk is busy, and keep their order", async () => {
    const raw = new UnsafeMemoryStore();
    const store = await openSealed(raw);
    const gate = new Gate();
    raw.beforeWrite = gate.pass;
    raw.writes.length = 0;
    const finished: number[] = [];
    const commits = Array.from({ length: 100 }, (_, index) =>
      store.commit([change(`k${index}`, "x"), change("last", String(index))]).then(() => finished.push(index)),
    );
    gate.open();
    await Promise.all(commits);
    expect(finished).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(raw.writes.length).toBeLessThan(5);
    expect(raw.writes[0]?.filter((written) => written.key === "last")).toHaveLength(1);
    expect(read(await store.get("last"))).toBe("99");
    await store.close();
  });

  test("are never cut, and a write never grows without bound", async () => {
    const raw = new UnsafeMemoryStore();
    const store = await openSealed(raw);
    raw.writes.length = 0;
    const big = Array.from({ length: 3_000 }, (_, index) => change(`big${index}`, "x"));
    await Promise.all([
      store.commit([change("before", "x")]),
      store.commit(big),
      ...Array.from({ length: 3_000 }, (_, index) => store.commit([change(`small${index}`, "x")])),
    ]);
    expect(raw.writes.filter((write) => write.some((written) => written.key.startsWith("big")))).toHaveLength(1);
    const mixed = raw.writes.filter((write) => write.length !== big.length);
    expect(Math.max(...mixed.map((write) => write.length))).toBeLessThanOrEqual(2_048);
    await store.close();
  });

  test("are durable only once their promise resolves", async () => {
    const raw = new UnsafeMemoryStore();
    const store = await openSealed(raw);
    const gate = new Gate();
    raw.beforeWrite = gate.pass;
    let durable = false;
    const done = store.commit([change("a", "1")]).then(() => {
      durable = true;
    });
    expect(read(await store.get("a"))).toBe("1");
    await store.getMany(["a", "b"]);
    expect([durable, raw.rows.has("a")]).toEqual([false, false]);
    gate.open();
    await done;
    expect(raw.rows.has("a")).toBe(true);
    await store.close();
  });

  test("of nothing wait for everything before them", async () => {
    const raw = new UnsafeMemoryStore();
    const store = await openSealed(raw);
    const order: string[] = [];
    const first = store.commit([change("a", "1")]).then(() => order.push("first"));
    await store.commit([]).then(() => order.push("empty"));
    await first;
    expect(order).toEqual(["first", "empty"]);
    await store.close();
  });

  test("all fail from the first failed write on, and so does everything else", async () => {
    const raw = new UnsafeMemoryStore();
    const store = await openSealed(raw);
    await store.commit([change("kept", "1")]);
    const gate = new Gate();
    raw.beforeWrite = async () => {
      await gate.pass();
      throw new Error("no space left");
    };
    const outcomes = Promise.allSettled([
      store.commit([change("a", "1")]),
      store.commit([change("b", "1")]),
      store.commit([]),
    ]);
    gate.open();
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "storeFailed" } });
    }
    expect(await store.failed).toMatchObject({ code: "storeFailed" });
    const failing = [
      store.commit([change("c", "1")]),
      store.get("kept"),
      store.getMany(["kept"]),
      store.list(everything),
    ];
    for (const call of failing) await expect(call).rejects.toMatchObject({ code: "storeFailed" });
    await store.close();
    expect(raw.isOpen).toBe(false);
    raw.beforeWrite = async () => {};
    const again = await openSealed(raw);
    expect((await again.list(everything)).map((row) => row.key)).toEqual(["kept"]);
    await again.close();
  });

  test.each(["", "!", "!x", "a b", "ä", "a\n", "x".repeat(513)])(
    "refuse the key %j and change nothing",
    async (bad) => {
      const store = await openSealed();
      await expect(store.commit([change("good", "1"), change(bad, "1")])).rejects.toMatchObject({
        code: "invalidArgument",
      });
      expect(await store.get("good")).toBeUndefined();
      await store.close();
    },
  );
});

describe("closing", () => {
  test("finishes what was committed, then refuses everything, as often as asked", async () => {
    const raw = new UnsafeMemoryStore();
    const store = await openSealed(raw);
    const gate = new Gate();
    raw.beforeWrite = gate.pass;
    const commits = [store.commit([change("a", "1")]), store.commit([change("b", "2")])];
    const closing = Promise.all([store.close(), store.close()]);
    await expect(store.commit([change("c", "3")])).rejects.toMatchObject({ code: "closed" });
    await expect(store.get("a")).rejects.toMatchObject({ code: "closed" });
    gate.open();
    await Promise.all([...commits, closing]);
    expect(raw.isOpen).toBe(false);
    raw.beforeWrite = async () => {};
    const again = await openSealed(raw);
    expect((await again.getMany(["a", "b", "c"])).map(read)).toEqual(["1", "2", undefined]);
    await again.close();
  });
});
