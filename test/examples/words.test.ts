import { type AccountId, parseAccountId } from "@sotto/sdk/node";
import { describe, expect, it } from "vitest";
import { changeWords } from "../../examples/chat/group-words.js";
import { nameOf as nameOfPerson } from "../../examples/chat/names.js";
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

describe("what happened to a group", () => {
  const nameOf = (account: string) => `<${account.slice(0, 1)}>`;
  const [a, b] = ["a", "b"].map((first) => parseAccountId(`${first}0000000-0000-4000-8000-000000000000`)) as [
    AccountId,
    AccountId,
  ];

  it("is said without what a title could do to a terminal", () => {
    const changed = { title: "Team\u001b[2J\u202e" };
    const words = changeWords({ kind: "settings", by: a, changed }, nameOf);
    expect(words).toBe('<a> called the group "Team [2J "');
  });

  it("names who did it and whom it is about", () => {
    expect(changeWords({ kind: "removed", account: b, by: a }, nameOf)).toBe("<a> removed <b>");
    expect(changeWords({ kind: "role", account: b, by: a, from: "member", to: "admin" }, nameOf)).toBe(
      "<a> made <b> an admin",
    );
    expect(changeWords({ kind: "succession", account: b, from: "member", after: a }, nameOf)).toBe(
      "<b> is an owner now, because <a> left",
    );
  });

  it("marks a name that somebody gave themselves, so that it is not taken for the host's", () => {
    expect(nameOfPerson({ accountId: a, userId: "bob", name: "alice" })).toBe("bob");
    expect(nameOfPerson({ accountId: a, userId: undefined, name: "bob\u0007" })).toBe("~bob ");
    expect(nameOfPerson({ accountId: a, userId: undefined, name: undefined })).toBe("a0000000");
  });
});
