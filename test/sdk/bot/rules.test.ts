import { describe, expect, it } from "vitest";
import type { MessageItem } from "../../../sdk/bot/bot-message.js";
import { ruleFor } from "../../../sdk/bot/rules.js";

const item = (over: Partial<MessageItem>) => ({ kind: "text", text: "", ...over }) as MessageItem;
const handlers = [() => "first", () => "second", () => "third"] as const;

describe("the rules of a bot", () => {
  const global = /\bhelp\b/g;
  const rules = [
    { pattern: /^order (\d+)$/i, handler: handlers[0] },
    { pattern: global, handler: handlers[1] },
    { pattern: ({ kind }: MessageItem) => kind === "location", handler: handlers[2] },
  ];

  it("are asked in their order, and the first that fits is the only one", () => {
    expect(ruleFor(rules, item({ text: "Order 66" }))?.handler).toBe(handlers[0]);
    expect(ruleFor(rules, item({ text: "Order 66" }))?.match?.[1]).toBe("66");
    expect(ruleFor(rules, item({ text: "please help me order 7" }))?.handler).toBe(handlers[1]);
    expect(ruleFor(rules, item({ kind: "location" }))?.handler).toBe(handlers[2]);
    expect(ruleFor(rules, item({ text: "nothing" }))).toBeUndefined();
  });

  it("find the same in the same words, also with a pattern that remembers where it was", () => {
    for (let turn = 0; turn < 3; turn++) expect(ruleFor(rules, item({ text: "help" }))?.handler).toBe(handlers[1]);
    expect(global.lastIndex).toBe(0);
  });

  it("look into the words of attachments too", () => {
    const photo = item({ kind: "attachments", text: "help", attachments: [] } as never);
    expect(ruleFor(rules, photo)?.handler).toBe(handlers[1]);
    expect(ruleFor(rules, item({ kind: "attachments", text: undefined } as never))).toBeUndefined();
  });
});
