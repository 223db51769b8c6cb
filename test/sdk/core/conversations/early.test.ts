import { encodeContent, type MessageId } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { Early, MAX_EARLY, MAX_EARLY_OF_ONE } from "../../../../sdk/core/conversations/early.js";
import { EarlyWords } from "../../../../sdk/core/conversations/early-words.js";
import { encodeRow, keys, range } from "../../../../sdk/core/rows.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { conversationId, messageId, peer, Talk } from "../people.js";
import { Gate, openSealed } from "../storage/fixture.js";
import { UnsafeMemoryStore } from "../storage/unsafe-memory-store.js";

const DAY_MS = 24 * 3_600_000;

/** Whose a row is, and since when it waits. */
interface Place {
  readonly conversation: string;
  readonly atMs: number;
}

/** Receipts of several conversations, each held since a time. */
function receipts(early: Early, store: SealedStore, count: number, at: (index: number) => Place) {
  return Array.from({ length: count }, (_, index) => {
    const { conversation, atMs } = at(index);
    const value = encodeRow("earlyReceipt", { status: "read", atMs });
    return early.put(conversation, keys.earlyReceipt(store, conversation, messageId(index)), value);
  });
}

describe("what came early", () => {
  it("is bounded: the newest is refused, until what waited too long is let go", async () => {
    const store = await openSealed();
    const early = new Early(store);
    await early.ready();
    const spread = (index: number) => ({
      conversation: `conversation ${index % 20}`,
      atMs: index < 10 ? 0 : 2 * DAY_MS,
    });
    await store.commit(receipts(early, store, MAX_EARLY, spread));
    expect(await early.room(conversationId, 1, 20 * DAY_MS)).toBe(false);
    expect(await early.room(conversationId, 10, 32 * DAY_MS)).toBe(true);
    expect(await early.room(conversationId, 11, 32 * DAY_MS)).toBe(false);
    const again = new Early(store);
    await again.ready();
    expect(await again.room(conversationId, 10, 32 * DAY_MS)).toBe(true);
    expect(await again.room(conversationId, 11, 32 * DAY_MS)).toBe(false);
  }, 120_000);

  it("leaves room for others, however much one contact sends, also in the next run", async () => {
    const store = await openSealed();
    const early = new Early(store);
    await early.ready();
    const ofOne = () => ({ conversation: "mallory", atMs: DAY_MS });
    await store.commit(receipts(early, store, MAX_EARLY_OF_ONE, ofOne));
    for (const one of [early, new Early(store)]) {
      await one.ready();
      expect(await one.room("mallory", 1, DAY_MS)).toBe(false);
      expect(await one.room(conversationId, 1, DAY_MS)).toBe(true);
    }
  });

  it("of one contact is counted over words as well, and a word from the far future is let go in time", async () => {
    const talk = await Talk.open();
    const nowMs = 100 * DAY_MS;
    const early = new Early(talk.store);
    await early.ready();
    const words = Array.from({ length: MAX_EARLY_OF_ONE }, (_, index) => {
      const target = messageId(index);
      const saying = { kind: "reaction", target, emoji: "x", action: "add" } as const;
      const content = talk.content(peer, messageId(5_000 + index), saying, { sentAtMs: 200 * DAY_MS });
      const value = encodeRow("early", { content: encodeContent(content) });
      return early.put(conversationId, keys.early(talk.store, conversationId, peer, target), value);
    });
    await talk.store.commit(words);
    const again = new Early(talk.store);
    await again.ready();
    expect(await again.room("another", 1, nowMs)).toBe(true);
    expect(await again.room(conversationId, 1, nowMs)).toBe(true);
    expect(again.has(keys.early(talk.store, conversationId, peer, messageId(1)))).toBe(false);
  });

  it("is at most 64 words of one account about one message", async () => {
    const talk = await Talk.open();
    const react = (number: number) =>
      talk.say(peer, 100 + number, { kind: "reaction", target: messageId(1), emoji: `e${number}`, action: "add" });
    for (let number = 0; number < 64; number++) expect(await react(number)).toBe("applied");
    expect(await react(64)).toBe("refused");
  });
});

describe("words that wait for one message", () => {
  /** Further ahead than anybody waits. */
  const FAR_MS = 100 * DAY_MS;
  const TARGET = messageId(1);

  /** A conversation in which the peer's room is full but for so many rows, none of which waited too long. */
  const nearlyFull = async (left: number) => {
    const store = await openSealed();
    const place = () => ({ conversation: conversationId, atMs: 5_000 });
    await store.commit(receipts(new Early(store), store, MAX_EARLY_OF_ONE - left, place));
    return Talk.open(store);
  };
  const react = (talk: Talk, number: number, target: MessageId, emoji: string, sentAtMs: number) =>
    talk.write(talk.content(peer, messageId(number), { kind: "reaction", target, emoji, action: "add" }, { sentAtMs }));
  const reactionsTo = async (talk: Talk) => {
    const items = await talk.items();
    return items.flatMap((item) => ("reactions" in item ? item.reactions.map(({ emoji }) => emoji) : []));
  };

  it("are found behind one that waited too long and was let go", async () => {
    const talk = await nearlyFull(2);
    expect(await react(talk, 2, TARGET, "old", FAR_MS)).toBe("applied");
    expect(await react(talk, 3, TARGET, "young", 5_000)).toBe("applied");
    // No room: what waited too long makes it.
    expect(await react(talk, 4, messageId(9), "other", 5_000)).toBe("applied");
    await talk.say(peer, 1, { kind: "text", text: "here at last" });
    expect(await reactionsTo(talk)).toEqual(["young"]);
    expect(await talk.store.list(range(keys.earlies, 9))).toHaveLength(1);
  });

  it("are held behind one that is let go to make room for them", async () => {
    const talk = await nearlyFull(1);
    expect(await react(talk, 2, TARGET, "old", FAR_MS)).toBe("applied");
    expect(await react(talk, 3, TARGET, "young", 5_000)).toBe("applied");
    await talk.say(peer, 1, { kind: "text", text: "here at last" });
    expect(await reactionsTo(talk)).toEqual(["young"]);
    expect(await talk.store.list(range(keys.earlies, 9))).toEqual([]);
  });

  const NOW_MS = 40 * DAY_MS;

  /** A full house, whose search for what waited too long is held back when it has read the words: one of them is old. */
  const searched = async () => {
    const raw = new UnsafeMemoryStore();
    const talk = await Talk.open(await openSealed(raw));
    const { store } = talk;
    const early = new Early(store);
    const words = new EarlyWords(store, early, conversationId);
    const hold = async (number: number, text: string, sentAtMs: number) => {
      const content = talk.content(peer, messageId(number), { kind: "edit", target: TARGET, text }, { sentAtMs });
      const holding = await words.hold({ content, encoded: encodeContent(content) }, TARGET, NOW_MS);
      if (holding.kind === "held") await store.commit(holding.build());
      return holding.kind;
    };
    expect(await hold(2, "old", 5_000)).toBe("held");
    const spread = (index: number) => ({ conversation: `conversation ${index % 20}`, atMs: NOW_MS });
    await store.commit(receipts(early, store, MAX_EARLY - 1, spread));
    const gate = new Gate();
    const list = raw.list.bind(raw);
    raw.list = async (asked) => {
      if (asked.after === keys.earlyReceipts) await gate.pass();
      return list(asked);
    };
    const room = early.room("another", 1, NOW_MS);
    await gate.arrival();
    return { early, words, hold, gate, room };
  };

  it("are kept if they take the place of what waited too long while that is looked for", async () => {
    const { words, hold, gate, room } = await searched();
    expect(await hold(3, "young", NOW_MS)).toBe("held");
    gate.open();
    const hasRoom = await room;
    const { words: waiting } = await words.about(TARGET);
    expect(waiting.map(({ content }) => content.messageId)).toEqual([messageId(3)]);
    expect(hasRoom).toBe(false);
  });

  it("have the room that is being made for others too", async () => {
    const { early, gate, room } = await searched();
    const other = early.room("yet another", 1, NOW_MS);
    gate.open();
    expect(await Promise.all([room, other])).toEqual([true, true]);
  });
});
