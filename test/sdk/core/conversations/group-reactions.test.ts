import { type AccountId, parseAccountId } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { MAX_WORDS_PER_ACCOUNT, type ReactionWord, withWord } from "../../../../sdk/core/conversations/reactions.js";
import { decodeRow, encodeRow, MAX_REACTION_WORDS } from "../../../../sdk/core/rows.js";
import { me } from "../people.js";
import { carol, GroupTalk, idOf, react, text } from "./members.js";

function member(number: number): AccountId {
  return parseAccountId(`00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`);
}

function added(from: AccountId, number: number): ReactionWord {
  return { from, emoji: `e${number}`, action: "add", sentAtMs: number, device: 1, counter: number };
}

const inTurn = (words: readonly ReactionWord[]) =>
  words.reduce<readonly ReactionWord[]>((kept, word) => withWord(kept, word), []);

describe("reactions in a group", () => {
  it("are taken of more members than used to fit, and none of them stops a device", async () => {
    const talk = await GroupTalk.open();
    await talk.hear(talk.content(carol, 1, text("we won")));
    for (let number = 0; number < 300; number++) {
      expect(await talk.hear(talk.content(member(number), 1, react(idOf(carol, 1))))).toBe("shown");
    }
    const [row] = (await talk.thread.timeline.latest(1_000)).filter(({ sequence }) => sequence === 1);
    expect(row?.row.reactions).toHaveLength(300);
  });

  it("of all members of the largest group fit beside those of a few who say all they may", () => {
    const greedy = Array.from({ length: 20 * MAX_WORDS_PER_ACCOUNT }, (_, at) =>
      added(member(at % 20), Math.floor(at / 20)),
    );
    const others = Array.from({ length: 1_000 }, (_, at) => added(member(100 + at), 1_000));
    const kept = inTurn([...greedy, ...others, added(me, 1)]);
    expect(kept).toHaveLength(MAX_REACTION_WORDS);
    const senders = new Set(kept.map(({ from }) => from));
    expect(senders.size).toBe(1_021);
    const content = new Uint8Array(1);
    const row = { shape: "content", from: me, atMs: 1, content, status: "received", reactions: [...kept] } as const;
    expect(decodeRow("item", encodeRow("item", row)).reactions).toHaveLength(MAX_REACTION_WORDS);
  }, 120_000);
});
