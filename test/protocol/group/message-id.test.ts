import { groupMessageId, isGroupMessageId, parseAccountId, parseConversationId, parseMessageId } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const group = parseConversationId("0123456789abcdef0123456789abcdef");
const other = parseConversationId("0123456789abcdef0123456789abcde0");
const alice = parseAccountId("00112233-4455-6677-8899-aabbccddeeff");
const mallory = parseAccountId("22222222-2222-4222-8222-222222222222");
const chance = fc.uint8Array({ minLength: 8, maxLength: 8 });

describe("a message id in a group", () => {
  it("is its author's, in that group only", () => {
    fc.assert(
      fc.property(chance, (bytes) => {
        const id = groupMessageId({ group, sender: alice }, bytes);
        expect(parseMessageId(id)).toBe(id);
        expect(isGroupMessageId(id, { group, sender: alice })).toBe(true);
        expect(isGroupMessageId(id, { group, sender: mallory })).toBe(false);
        expect(isGroupMessageId(id, { group: other, sender: alice })).toBe(false);
      }),
    );
  });

  it("differs with its chance, and no other digits make one", () => {
    fc.assert(
      fc.property(chance, fc.nat(31), fc.integer({ min: 1, max: 15 }), (bytes, at, by) => {
        const id = groupMessageId({ group, sender: alice }, bytes);
        const digit = (Number.parseInt(id[at] ?? "0", 16) ^ by).toString(16);
        const altered = parseMessageId(`${id.slice(0, at)}${digit}${id.slice(at + 1)}`);
        expect(isGroupMessageId(altered, { group, sender: alice })).toBe(false);
      }),
    );
  });

  it("is spelled as PROTOCOL.md says", () => {
    const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    expect(groupMessageId({ group, sender: alice }, bytes)).toMatchInlineSnapshot(`"0102030405060708e870766f4d0b498b"`);
  });
});
