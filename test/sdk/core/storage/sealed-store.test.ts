import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { StoreChange, StoreRange } from "../../../../sdk/core/ports.js";
import { Gate, openSealed, read, text } from "./fixture.js";
import { UnsafeMemoryStore } from "./unsafe-memory-store.js";

const everything = { after: "", before: "\x7f", limit: 1_000, order: "ascending" } as const;

type Command =
  | { readonly kind: "commit"; readonly changes: readonly (readonly [string, string | undefined])[] }
  | { readonly kind: "release" }
  | { readonly kind: "get"; readonly key: string }
  | { readonly kind: "getMany"; readonly keys: readonly string[] }
  | { readonly kind: "list"; readonly range: StoreRange };

const key = fc.constantFrom(..."abcdefgh");
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    kind: fc.constant("commit" as const),
    changes: fc.array(fc.tuple(key, fc.option(fc.string({ maxLength: 3 }), { nil: undefined })), { maxLength: 5 }),
  }),
  fc.constant({ kind: "release" as const }),
  fc.record({ kind: fc.constant("get" as const), key }),
  fc.record({ kind: fc.constant("getMany" as const), keys: fc.array(key, { maxLength: 4 }) }),
  fc.record({
    kind: fc.constant("list" as const),
    range: fc.record({
      after: fc.constantFrom("", "a", "c", "d!"),
      before: fc.constantFrom("\x7f", "b", "e", "g"),
      limit: fc.integer({ min: 1, max: 9 }),
      order: fc.constantFrom("ascending" as const, "descending" as const),
    }),
  }),
);

/** What a plain map answers. */
function listed(model: ReadonlyMap<string, string>, { after, before, limit, order }: StoreRange) {
  const sign = order === "ascending" ? 1 : -1;
  return [...model]
    .filter(([name]) => name > after && name < before)
    .sort(([a], [b]) => (a < b ? -sign : sign))
    .slice(0, limit);
}

describe("reads", () => {
  test("answer what a plain map would, whatever is still on its way to the disk", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 60, size: "max" }), async (commands) => {
        const raw = new UnsafeMemoryStore();
        const store = await openSealed(raw);
        const gate = new Gate();
        raw.beforeWrite = gate.pass;
        const model = new Map<string, string>();
        const commits: Promise<void>[] = [];
        for (const step of commands) {
          switch (step.kind) {
            case "commit":
              commits.push(store.commit(step.changes.map(([name, value]) => change(name, value))));
              for (const [name, value] of step.changes) {
                if (value === undefined) model.delete(name);
                else model.set(name, value);
              }
              break;
            case "release":
              if (commits.length === 0) break;
              await gate.arrival();
              gate.releaseOne();
              // The write that passed took at least the oldest commit along; those behind it wait for the next.
              await commits.shift();
              for (const done of commits.splice(0)) if (!(await isSettled(done))) commits.push(done);
              break;
            case "get":
              expect(read(await store.get(step.key))).toBe(model.get(step.key));
              break;
            case "getMany":
              expect((await store.getMany(step.keys)).map(read)).toEqual(step.keys.map((name) => model.get(name)));
              break;
            case "list":
              expect((await store.list(step.range)).map((row) => [row.key, read(row.value)])).toEqual(
                listed(model, step.range),
              );
          }
        }
        gate.open();
        await Promise.all(commits);
        expect((await store.list(everything)).map((row) => [row.key, read(row.value)])).toEqual(
          listed(model, everything),
        );
        await store.close();
      }),
      { numRuns: 300 },
    );
  });

  test("that overlap commits see each commit whole or not at all", async () => {
    const store = await openSealed();
    const names = ["a", "b", "c", "d"];
    const rounds = 200;
    const committing = (async () => {
      for (let round = 0; round < rounds; round++) {
        const done = store.commit(names.map((name) => change(name, String(round))));
        if (round % 3 === 0) await done;
        else await Promise.resolve();
      }
    })();
    let finished = false;
    committing.then(() => {
      finished = true;
    });
    while (!finished) {
      const [rows, many] = await Promise.all([store.list(everything), store.getMany(names)]);
      expect(new Set(rows.map(({ value }) => read(value))).size).toBeLessThanOrEqual(1);
      expect(new Set(many.map(read)).size).toBe(1);
    }
    await committing;
    expect(read(await store.get("d"))).toBe(String(rounds - 1));
    await store.close();
  });

  test("that began before a commit reached the disk show it, if they answer after", async () => {
    const raw = new UnsafeMemoryStore();
    const store = await openSealed(raw);
    const names = ["a", "b", "c", "d", "e", "f"];
    await store.commit(names.map((name) => change(name, "old")));
    const gate = new Gate();
    raw.beforeAnswer = gate.pass;
    const [all, firstTwo, some] = [
      store.list(everything),
      store.list({ ...everything, limit: 2 }),
      store.getMany(["b", "c"]),
    ];
    await gate.arrival();
    await store.commit([change("a", undefined), change("b", undefined), change("c", "new"), change("x", "new")]);
    gate.open();
    const shown = async (rows: ReturnType<typeof store.list>) =>
      (await rows).map((row) => `${row.key} ${read(row.value)}`);
    expect(await shown(all)).toEqual(["c new", "d old", "e old", "f old", "x new"]);
    expect(await shown(firstTwo)).toEqual(["c new", "d old"]);
    expect((await some).map(read)).toEqual([undefined, "new"]);
    await store.close();
  });

  test("do not show the header", async () => {
    const store = await openSealed();
    expect(await store.list(everything)).toEqual([]);
    await store.close();
  });
});

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

/** Whether a commit is durable by now. */
function isSettled(done: Promise<void>): Promise<boolean> {
  return Promise.race([done.then(() => true), Promise.resolve().then(() => false)]);
}

function change(name: string, value: string | undefined): StoreChange {
  return value === undefined ? { key: name, value } : { key: name, value: text(value) };
}
