import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { wordsIn } from "../../../../sdk/core/search/words.js";

describe("the words of a text", () => {
  it.each([
    ["Café au lait, s'il vous plaît!", ["cafe", "au", "lait", "s", "il", "vous", "plait"]],
    ["ＦＵＬＬ width ﬁne", ["full", "width", "fine"]],
    ["snake_case v2.0 #42", ["snake_case", "v2", "0", "42"]],
    ["Привет, мир", ["привет", "мир"]],
    ["مرحبا بالعالم", ["مرحبا", "بالعالم"]],
    ["", []],
    [" … 🙂 — ?!", []],
  ])("%j", (text, words) => {
    expect(wordsIn(text)).toEqual(words);
  });

  it("are those of the language where nothing stands between them", () => {
    expect(wordsIn("東京都に行きます").length).toBeGreaterThan(1);
    expect(wordsIn("สวัสดีชาวโลก").length).toBeGreaterThan(1);
  });

  it.each([
    // Marks that repeat the character before them, which no language's rules take for a word.
    "時々〻綾",
    "𠀀々",
    "𖿣抱",
    "カ〻_に",
    // Cut between the halves of a character.
    `a${"𐐨".repeat(40)}`,
  ])("are found again by what they are spelled like: %j", (text) => {
    const words = wordsIn(text);
    expect(words).not.toEqual([]);
    for (const word of words) expect(wordsIn(word)).toEqual([word]);
    expect(wordsIn(words.join(" "))).toEqual(words);
  });

  it("are spelled alike whatever the case and the form of their accents, and are bounded", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const words = wordsIn(text);
        expect(wordsIn(text.normalize("NFC"))).toEqual(wordsIn(text.normalize("NFD")));
        for (const word of words) expect(word.length).toBeLessThanOrEqual(64);
        // What they are spelled like finds them again.
        expect(wordsIn(words.join(" "))).toEqual(words);
      }),
    );
    expect(wordsIn("a ".repeat(20_000))).toHaveLength(8_192);
    expect(wordsIn("x".repeat(500))).toEqual(["x".repeat(64)]);
  });
});
