import { encodeContent } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { Early, MAX_EARLY, MAX_EARLY_OF_ONE } from "../../../../sdk/core/conversations/early.js";
import { encodeRow, keys } from "../../../../sdk/core/rows.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { conversationId, messageId, peer, Talk } from "../people.js";
import { openSealed } from "../storage/fixture.js";

const DAY_MS = 24 * 3_600_000;

/** Whose a row is, and since when it waits. */
interface Place {
  readonly conversation: string;
  readonly atMs: number;
}

describe("what came early", () => {
  /** Receipts of several conversations, each held since a time. */
  const receipts = (early: Early, store: SealedStore, count: number, at: (index: number) => Place) =>
    Array.from({ length: count }, (_, index) => {
      const { conversation, atMs } = at(index);
      const value = encodeRow("earlyReceipt", { status: "read", atMs });
      return early.put(conversation, keys.earlyReceipt(store, conversation, messageId(index)), value);
    });

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
