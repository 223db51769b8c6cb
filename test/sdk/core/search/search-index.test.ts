import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { keys, range } from "../../../../sdk/core/rows.js";
import { Search } from "../../../../sdk/core/search/search.js";
import { SearchIndex } from "../../../../sdk/core/search/search-index.js";
import { SEGMENT_MESSAGES, Segment } from "../../../../sdk/core/search/segment.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { manualClock, settled } from "../link/manual-clock.js";
import { conversationId, me, messageId, peer, Talk } from "../people.js";

const clock = manualClock();
const failed = vi.fn();
afterEach(() => expect(failed).not.toHaveBeenCalled());

/** An index over a talk, as the next run of a client has it. */
async function indexOf(talk: Talk) {
  const index = new SearchIndex({ store: talk.store, clock, failed });
  await index.load();
  const thread = { kind: "direct", peer, ...talk, tell: () => undefined } as never;
  return { index, search: new Search({ index, shown: async () => new Map([[conversationId, thread]]) }) };
}

/** Everything the index keeps, as it is under the seal. */
async function kept(store: SealedStore): Promise<string> {
  const rows = await store.list(range(keys.searchSegments, 100));
  return rows.map(({ value }) => new TextDecoder().decode(value)).join("\n");
}

const WORDS = ["alpha", "beta", "gamma", "delta", "alphabet"];
const sentence = fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 3 }).map((words) => words.join(" "));
const step = fc.oneof(
  fc.record({ kind: fc.constant("say" as const), mine: fc.boolean(), text: sentence }),
  fc.record({ kind: fc.constant("edit" as const), which: fc.nat(), text: sentence }),
  fc.record({ kind: fc.constant("delete" as const), which: fc.nat() }),
  fc.record({ kind: fc.constant("search" as const), text: sentence }),
  fc.record({ kind: fc.constant("tidy" as const) }),
  fc.record({ kind: fc.constantFrom("restart" as const, "crash" as const) }),
);

describe("the index", () => {
  it("finds what is said now, and keeps no other word, whatever is said, edited, deleted or crashes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const talk = await Talk.open();
        let { index, search } = await indexOf(talk);
        const said = new Map<number, { text: string; readonly sender: typeof me }>();
        let number = 0;
        const about = (which: number) => [...said].at(which % Math.max(1, said.size));
        for (const next of steps) {
          switch (next.kind) {
            case "say": {
              const sender = next.mine ? me : peer;
              number += 1;
              await talk.say(sender, number, { kind: "text", text: next.text });
              said.set(number, { text: next.text, sender });
              break;
            }
            case "edit": {
              const [target, message] = about(next.which) ?? [];
              if (target === undefined || message === undefined) break;
              number += 1;
              await talk.say(message.sender, number, { kind: "edit", target: messageId(target), text: next.text });
              message.text = next.text;
              break;
            }
            case "delete": {
              const [target, message] = about(next.which) ?? [];
              if (target === undefined || message === undefined) break;
              number += 1;
              await talk.say(message.sender, number, { kind: "delete", target: messageId(target) });
              said.delete(target);
              break;
            }
            case "search":
              await check(next.text);
              break;
            case "tidy":
              await index.upToDate();
              break;
            case "restart":
              await index.close();
              ({ index, search } = await indexOf(talk));
              break;
            case "crash":
              ({ index, search } = await indexOf(talk));
              break;
            default:
              next satisfies never;
          }
        }
        for (const word of WORDS) await check(word);
        await index.upToDate();
        const there = [...said.values()].flatMap(({ text }) => text.split(" "));
        const index_ = await kept(talk.store);
        for (const word of WORDS) {
          const isKept = index_.includes(`"${word}"`);
          expect(isKept && !there.includes(word), `${word} is gone and still in the index`).toBe(false);
        }
        await index.close();

        async function check(query: string) {
          const words = query.split(" ");
          const isFound = (text: string) => {
            const whole = text.split(" ");
            const last = words.at(-1) ?? "";
            return (
              words.slice(0, -1).every((word) => whole.includes(word)) && whole.some((word) => word.startsWith(last))
            );
          };
          const expected = [...said].filter(([, { text }]) => isFound(text)).map(([id]) => messageId(id));
          const hits = await search.find(query, { limit: 1_000 });
          const found = hits.map(({ item }) => ("messageId" in item ? item.messageId : undefined));
          expect([...found].sort()).toEqual(expected.sort());
        }
      }),
      { numRuns: 60 },
    );
  });

  it("lets go of a deleted word by itself, soon after, also if nobody searches", async () => {
    const talk = await Talk.open();
    const first = await indexOf(talk);
    await talk.say(peer, 1, { kind: "text", text: "quagmire" });
    await first.search.find("quag", {});
    await first.index.close();
    expect(await kept(talk.store)).toContain("quagmire");
    // The next run never searches.
    const { index } = await indexOf(talk);
    await talk.say(peer, 2, { kind: "delete", target: messageId(1) });
    await clock.advance(2_000);
    for (let turn = 0; turn < 200 && (await kept(talk.store)).includes("quagmire"); turn++) await settled();
    expect(await kept(talk.store)).not.toContain("quagmire");
    expect(await talk.store.list(range(keys.searchChanges, 1))).toEqual([]);
    await index.close();
  });

  it("pages through more hits than one segment holds, latest first, and stops where it has enough", async () => {
    const talk = await Talk.open();
    const { index, search } = await indexOf(talk);
    const count = 300;
    for (let number = 1; number <= count; number++)
      await talk.say(peer, number, { kind: "text", text: `item ${number}` });
    const seen: string[] = [];
    for (let before: string | undefined; ; ) {
      const hits = await search.find("item", { limit: 70, before });
      if (hits.length === 0) break;
      seen.push(...hits.map(({ item }) => ("messageId" in item && item.messageId) || ""));
      before = hits.at(-1)?.item.order;
    }
    expect(seen).toEqual(Array.from({ length: count }, (_, at) => messageId(count - at)));
    await index.close();
  });

  it.each([[0], [1_001], [1.5], [Number.NaN]])("refuses a limit of %d", async (limit) => {
    const { search } = await indexOf(await Talk.open());
    await expect(search.find("word", { limit })).rejects.toMatchObject({ code: "invalidArgument" });
  });

  it("refuses what is no query and no order", async () => {
    const { search } = await indexOf(await Talk.open());
    await expect(search.find(7 as never, {})).rejects.toMatchObject({ code: "invalidArgument" });
    await expect(search.find("word", { before: "yesterday" })).rejects.toMatchObject({ code: "invalidArgument" });
  });
});

describe("a segment", () => {
  it("reads back as it was written, and refuses what it did not write", async () => {
    const segment = Segment.empty();
    for (let id = 0; id < 100; id++) segment.add({ id, atMs: id * 2, text: `word${id % 7} common` });
    segment.remove(50);
    const again = Segment.decode(await segment.encode());
    expect(again.find(["common"])).toHaveLength(99);
    expect(again.latest).toBe(198);
    expect(again.has(50)).toBe(false);
    expect(again.hasSame({ id: 51, atMs: 102, text: "word2 common" })).toBe(true);
    expect(again.hasSame({ id: 51, atMs: 102, text: "word3 common" })).toBe(false);
    for (const text of ["", "{}", '{"latestMs":1}', "[]", '{"latestMs":1,"index":{"serializationVersion":9}}']) {
      expect(() => Segment.decode(text), text).toThrow(expect.objectContaining({ code: "storeCorrupt" }));
    }
  });

  it("has room for so many messages", () => {
    const segment = Segment.empty();
    for (let id = 0; id < SEGMENT_MESSAGES; id++) segment.add({ id, atMs: 0, text: "x" });
    expect(segment.hasRoom).toBe(false);
  });

  it("has room for so many words, however few messages they are in, and gets it back from what is removed", async () => {
    let segment = Segment.empty();
    const text = "x".repeat(32_768);
    let count = 0;
    for (; segment.hasRoom; count++) segment.add({ id: count, atMs: 0, text });
    expect(count).toBeLessThan(SEGMENT_MESSAGES / 32);
    segment = Segment.decode(await segment.encode());
    expect(segment.hasRoom).toBe(false);
    segment.remove(0);
    expect(segment.hasRoom).toBe(true);
  });
});
