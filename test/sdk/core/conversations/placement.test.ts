import { parseMessageId } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareWords } from "../../../../sdk/core/conversations/last-word.js";
import { orderText, placementOf, positionOf, withAcceptance } from "../../../../sdk/core/conversations/placement.js";
import { MAX_WORDS_PER_ACCOUNT, type ReactionWord, withWord } from "../../../../sdk/core/conversations/reactions.js";
import { me, messageId, peer, Talk } from "../people.js";

const placement = fc.record({
  acceptedMs: fc.maxSafeNat(),
  counter: fc.maxSafeNat(),
  messageId: fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map((id) => parseMessageId(Buffer.from(id).toString("hex"))),
});
const placed = placement.map((of) => ({ kind: "placed" as const, placement: of }));

describe("the order of an item", () => {
  it("compares as time, counter and id do, behind all of them while it is on its way, and reads back", () => {
    fc.assert(
      fc.property(placed, placed, fc.maxSafeNat(), (one, other, sequence) => {
        const [a, b] = [one.placement, other.placement];
        const expected =
          a.acceptedMs - b.acceptedMs ||
          a.counter - b.counter ||
          (a.messageId < b.messageId ? -1 : a.messageId > b.messageId ? 1 : 0);
        expect(orderText(one) < orderText(other)).toBe(expected < 0);
        expect(positionOf(orderText(one))).toEqual(one);
        const pending = orderText({ kind: "pending", sequence });
        expect(orderText(one) < pending).toBe(true);
        expect(positionOf(pending)).toEqual({ kind: "pending", sequence });
      }),
    );
  });

  it("is refused if it is none of ours", () => {
    for (const text of ["", "1", "~1", "zzzzzzzzzzz.00000000001.".padEnd(56, "0"), `~${"z".repeat(11)}`])
      expect(() => positionOf(text)).toThrow(expect.objectContaining({ code: "invalidArgument" }));
  });

  it("of what an earlier version stored is by this device's clock, but for what was not accepted", async () => {
    const talk = await Talk.open();
    await talk.say(me, 1, { kind: "text", text: "hi" });
    const row = await talk.timeline.row(1);
    if (row === undefined) throw new Error("no row");
    expect(placementOf(withAcceptance(row), 1)).toBeUndefined();
    expect(placementOf(withAcceptance({ ...row, status: "delivered" }), 1)).toEqual({
      acceptedMs: row.atMs,
      counter: 1,
      messageId: messageId(1),
    });
  });
});

describe("the timeline in the order of acceptance", () => {
  it("does not lose a message whose receipt came before the relay's answer", async () => {
    const talk = await Talk.open();
    await talk.say(me, 1, { kind: "text", text: "hi" });
    await talk.say(peer, 2, { kind: "receipt", receipt: "delivered", targets: [messageId(1)] });
    expect(await talk.items()).toMatchObject([{ text: "hi", status: "delivered" }]);
  });

  it("shows what came late where it belongs, and follows the arrival otherwise", async () => {
    const talk = await Talk.open();
    const early = talk.content(peer, messageId(1), { kind: "text", text: "first" });
    await talk.say(peer, 2, { kind: "text", text: "second" });
    await talk.write(early);
    expect(await talk.items()).toMatchObject([
      { text: "first", cursor: "2" },
      { text: "second", cursor: "1" },
    ]);
  });
});

describe("a stamp", () => {
  it("never goes back, whatever the clock does", async () => {
    const { timeline } = await Talk.open();
    expect(timeline.stamp(1_000)).toEqual({ counter: 1, sentAtMs: 1_000 });
    expect(timeline.stamp(10)).toEqual({ counter: 2, sentAtMs: 1_000 });
    expect(timeline.stamp(10, 2_000)).toEqual({ counter: 3, sentAtMs: 2_000 });
  });
});

describe("reaction words", () => {
  const word = fc.record({
    from: fc.constantFrom(me, peer),
    emoji: fc.constantFrom("a", "b", "c"),
    action: fc.constantFrom("add" as const, "remove" as const),
    sentAtMs: fc.nat(3),
    device: fc.constantFrom(1, 2),
    counter: fc.nat(3),
  });

  it("end alike in whatever order they come, also those that a modified client gave one stamp", () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 20 }), fc.infiniteStream(fc.nat()), (words, chance) => {
        const shuffled = words
          .map((one) => ({ one, at: chance.next().value ?? 0 }))
          .sort((a, b) => a.at - b.at)
          .map(({ one }) => one);
        const all = (list: readonly ReactionWord[]) => list.reduce<readonly ReactionWord[]>(withWord, []);
        expect(all(shuffled)).toEqual(all(words));
      }),
    );
  });

  it("lose their oldest removal when there is no room", () => {
    let words: readonly ReactionWord[] = [];
    const say = (emoji: string, action: "add" | "remove", sentAtMs: number) => {
      words = withWord(words, { from: peer, emoji, action, sentAtMs, device: 1, counter: 1 });
    };
    say("kept", "add", 1);
    say("old", "remove", 2);
    say("newer", "remove", 3);
    for (let count = 3; count <= MAX_WORDS_PER_ACCOUNT; count++) say(`e${count}`, "add", 10 + count);
    expect(words).toHaveLength(MAX_WORDS_PER_ACCOUNT);
    expect(words.map(({ emoji }) => emoji).slice(0, 2)).toEqual(["kept", "newer"]);
  });

  it("are compared by time, then device, then counter", () => {
    const stamp = { sentAtMs: 1, device: 1, counter: 9 };
    expect(compareWords(stamp, { ...stamp, sentAtMs: 2 })).toBeLessThan(0);
    expect(compareWords(stamp, { sentAtMs: 1, device: 2, counter: 1 })).toBeLessThan(0);
    expect(compareWords(stamp, { ...stamp, counter: 8 })).toBeGreaterThan(0);
  });
});
