import { describe, expect, it } from "vitest";
import { Early, MAX_EARLY } from "../../../../sdk/core/conversations/early.js";
import { encodeRow, keys } from "../../../../sdk/core/rows.js";
import { conversationId, messageId, peer, Talk } from "../people.js";
import { openSealed } from "../storage/fixture.js";

const DAY_MS = 24 * 3_600_000;

describe("what came early", () => {
  it("is bounded: the newest is refused, until what waited too long is let go", async () => {
    const store = await openSealed();
    const early = new Early(store);
    await early.ready();
    const changes = Array.from({ length: MAX_EARLY }, (_, index) => {
      const value = encodeRow("earlyReceipt", { status: "read", atMs: index < 10 ? 0 : 2 * DAY_MS });
      return early.put(keys.earlyReceipt(store, conversationId, messageId(index)), value);
    });
    await store.commit(changes);
    expect(await early.room(1, 20 * DAY_MS)).toBe(false);
    expect(await early.room(10, 32 * DAY_MS)).toBe(true);
    expect(await early.room(11, 32 * DAY_MS)).toBe(false);
    const again = new Early(store);
    await again.ready();
    expect(await again.room(10, 32 * DAY_MS)).toBe(true);
    expect(await again.room(11, 32 * DAY_MS)).toBe(false);
  }, 30_000);

  it("is at most 64 words of one account about one message", async () => {
    const talk = await Talk.open();
    const react = (number: number) =>
      talk.say(peer, 100 + number, { kind: "reaction", target: messageId(1), emoji: `e${number}`, action: "add" });
    for (let number = 0; number < 64; number++) expect(await react(number)).toBe("applied");
    expect(await react(64)).toBe("refused");
  });
});
