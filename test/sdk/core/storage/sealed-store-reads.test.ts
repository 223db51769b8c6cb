import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { StoreRange } from "../../../../sdk/core/ports.js";
import { change, everything, Gate, openSealed, read } from "./fixture.js";
import { UnsafeMemoryStore } from "./unsafe-memory-store.js";

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

  test("of several keys keep what was durable before, though an older read that held it ends meanwhile", async () => {
    const raw = new UnsafeMemoryStore();
    const store = await openSealed(raw);
    await store.commit([change("b", "stored")]);
    const gate = new Gate();
    raw.beforeAnswer = gate.pass;
    const older = store.list(everything);
    await gate.arrival();
    await store.commit([change("a", "new")]);
    const some = store.getMany(["a", "b"]);
    gate.releaseOne();
    await older;
    gate.open();
    expect((await some).map(read)).toEqual(["new", "stored"]);
    await store.close();
  });

  test("that are answered late, in any order and number, see each commit whole", async () => {
    const raw = new UnsafeMemoryStore();
    const store = await openSealed(raw);
    const names = ["a", "b", "c", "d"];
    // One that nobody changes: the disk is asked for it, and for the others only as far as they are not on their way there.
    await store.commit([...names, "still"].map((name) => change(name, "0")));
    let turn = 0;
    const later = async () => {
      turn += 1;
      for (let tick = (turn * 7) % 23; tick > 0; tick--) await Promise.resolve();
    };
    raw.beforeAnswer = later;
    raw.beforeWrite = later;
    const torn: unknown[] = [];
    const look = async (reader: number) => {
      for (let round = 0; round < 100; round++) {
        const shown =
          reader % 2 === 0
            ? (await store.getMany([...names, "still"])).slice(0, -1).map(read)
            : (await store.list({ ...everything, before: "e" })).map(({ value }) => read(value));
        const isWhole = shown.length === names.length && shown[0] !== undefined && new Set(shown).size === 1;
        if (!isWhole) torn.push(shown);
      }
    };
    const commit = async () => {
      for (let round = 1; round < 100; round++) {
        await store.commit(names.map((name) => change(name, String(round))));
        for (let pause = round % 4; pause > 0; pause--) await later();
      }
    };
    await Promise.all([commit(), ...[0, 1, 2, 3, 4, 5].map(look)]);
    expect(torn).toEqual([]);
    await store.close();
  });

  test("do not show the header", async () => {
    const store = await openSealed();
    expect(await store.list(everything)).toEqual([]);
    await store.close();
  });
});

/** Whether a commit is durable by now. */
function isSettled(done: Promise<void>): Promise<boolean> {
  return Promise.race([done.then(() => true), Promise.resolve().then(() => false)]);
}
