import { describe, expect, it } from "vitest";
import { harmless } from "../../examples/chat/words.js";

describe("the words of others in the chat", () => {
  it("lose what moves a cursor, changes colours, or reorders what is read", () => {
    const steering = "\u001b[2Ja\u009b31mb\rc\nd\u0007e\u202ef\u2066g\u2028h\u200bi";
    const shown = harmless(steering);
    expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(shown.replaceAll(" ", "")).toBe("[2Ja31mbcdefghi");
  });

  it("keep every letter and every emoji that is made of several", () => {
    const words = "Grüße, 你好, مرحبا 👩‍👩‍👧";
    expect(harmless(words)).toBe(words);
  });
});
