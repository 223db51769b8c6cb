import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { flatText, textRuns } from "../../server/desk/console/safe-text.js";

const signs = (text: string) => textRuns(text).flatMap((run) => (run.kind === "mark" ? [run.sign] : []));
const plain = (text: string) =>
  textRuns(text)
    .flatMap((run) => (run.kind === "plain" ? [run.text] : []))
    .join("");

describe("hostile text", () => {
  test("shows what turns the reading direction, and does not let it", () => {
    expect(signs("invoice\u202Efdp.exe")).toEqual(["RLO"]);
    for (const code of [
      0x061c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069,
    ]) {
      const text = `a${String.fromCodePoint(code)}b`;
      expect(plain(text)).toBe("ab");
      expect(signs(text)).toHaveLength(1);
    }
  });

  test("shows what takes no room", () => {
    expect(signs("a\u200Bb\uFEFFc\u00ADd\u2060e\u3164f\u2800g")).toEqual(["ZWSP", "BOM", "SHY", "WJ", "HF", "BLANK"]);
    expect(signs("tag\u{E0041}\u{E0100}")).toEqual(["U+E0041", "U+E0100"]);
    expect(signs("bell\u0007escape\u001b")).toEqual(["U+0007", "U+001B"]);
  });

  test("leaves words, line breaks, emoji and scripts of the world as they are", () => {
    for (const text of ["two\nlines\tand a tab", "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪", "שלום مرحبا नमस्ते สวัสดี", "e\u0301a\u0300"]) {
      expect(textRuns(text)).toEqual([{ kind: "plain", text }]);
    }
  });

  test("shows a joiner that joins no pictures", () => {
    expect(signs("a\u200Db")).toEqual(["ZWJ"]);
  });

  test("cuts piles of combining marks and says how many", () => {
    const text = `z${"\u0300".repeat(50)}algo`;
    expect(signs(text)).toEqual(["+44"]);
    expect(plain(text)).toBe(`z${"\u0300".repeat(6)}algo`);
  });

  test("keeps no character that acts, of any text there is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(plain(text)).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u200b\u200e\u200f\ufeff]/u);
        expect(flatText(text)).not.toMatch(/[\n\t\u202e]/u);
      }),
    );
  });
});
