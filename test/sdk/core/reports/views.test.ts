import type { AccountId, MessageId } from "@sotto/protocol";
import { expect, test } from "vitest";
import { divergences, type ViewWord } from "../../../../sdk/core/reports/views.js";

const commitment = (name: number) => new Uint8Array(32).fill(name);
const word = (name: number, from: string, seen: readonly number[] = []): ViewWord => ({
  from: from as AccountId,
  messageId: `${name}` as MessageId,
  acceptedMs: name,
  commitment: commitment(name),
  seen: seen.map(commitment),
});
const unseen = (...words: readonly ViewWord[]) =>
  divergences("me" as AccountId, words).map(({ messageId, unseen: count }) => [messageId, count]);

test("what came here is no divergence, in whatever order it was seen", () => {
  expect(
    unseen(word(1, "a"), word(2, "b", [1]), word(3, "me", [1, 2]), word(4, "a", [2, 3]), word(5, "b", [3, 1])),
  ).toEqual([]);
});

test("what others saw behind something known here is one, each of it counted", () => {
  expect(unseen(word(1, "a"), word(4, "b", [1, 2, 3]), word(5, "b", [3, 4]))).toEqual([["4", 2]]);
});

test("what was said before one joined is none, nor what this account said it had seen", () => {
  expect(unseen(word(5, "a", [1, 2, 3]), word(6, "b", [2, 3, 5]), word(7, "me", [5, 9]))).toEqual([]);
});
