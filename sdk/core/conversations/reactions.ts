/** Reactions: the last word of each account on each emoji, removals included. Pure rules. */

import type { AccountId, KnownContent } from "@sotto/protocol";
import { MAX_REACTION_WORDS, type Row } from "../rows.js";
import { compareWords, type Stamp } from "./last-word.js";

/** Words kept of one account on one message. Each has its own room, so that nobody pushes another's reactions out. */
export const MAX_WORDS_PER_ACCOUNT = 128;

/** The last word of an account on an emoji. */
export type ReactionWord = Row<"item">["reactions"][number];

/**
 * The words after one more; the same list if it changes nothing.
 *
 * The order in which words come does not matter, but where there is no room: of the words of an account that said more than it
 * may, or of the one that said most where all together did, the oldest removals go first, then the latest additions.
 */
export function withWord(words: readonly ReactionWord[], word: ReactionWord): readonly ReactionWord[] {
  const before = lastWord(words, word);
  if (before !== undefined && !overtakes(word, before)) return words;
  const others = words.filter((one) => one !== before);
  const all = [...others, word].sort(inOrder);
  const own = all.filter(({ from }) => from === word.from);
  const isFull = own.length > MAX_WORDS_PER_ACCOUNT;
  if (!isFull && all.length <= MAX_REACTION_WORDS) return all;
  const shortened = isFull ? own : ofMostWords(all);
  const dropped = shortened.find(({ action }) => action === "remove") ?? shortened.at(-1);
  return dropped === word ? words : all.filter((one) => one !== dropped);
}

/** The words of the account that has the most of them; of several, of the one with the greatest id. */
function ofMostWords(words: readonly ReactionWord[]): readonly ReactionWord[] {
  const byAccount = new Map<AccountId, ReactionWord[]>();
  for (const word of words) byAccount.set(word.from, [...(byAccount.get(word.from) ?? []), word]);
  const [most = []] = [...byAccount]
    .sort(([one, its], [other, others]) => others.length - its.length || compareTexts(other, one))
    .map(([, said]) => said);
  return most;
}

/** A row after a reaction; the same row if it changes nothing. */
export function reacted(row: Row<"item">, reaction: Extract<KnownContent, { kind: "reaction" }>): Row<"item"> {
  const { sender: from, emoji, action, sentAtMs, device, counter } = reaction;
  const reactions = withWord(row.reactions, { from, emoji, action, sentAtMs, device, counter });
  return reactions === row.reactions ? row : { ...row, reactions };
}

/** What an account last said about an emoji. */
export function lastWord(
  words: readonly ReactionWord[],
  { from, emoji }: { readonly from: AccountId; readonly emoji: string },
): ReactionWord | undefined {
  return words.find((one) => one.from === from && one.emoji === emoji);
}

/** Two words under one stamp come from a modified client: then the removal counts, on every device. */
function overtakes(word: ReactionWord, other: ReactionWord): boolean {
  const order = compareWords(word, other);
  return order === 0 ? word.action === "remove" : order > 0;
}

/** The same on every device, because it depends on nothing but the words. */
function inOrder(one: ReactionWord & Stamp, other: ReactionWord & Stamp): number {
  return compareWords(one, other) || compareTexts(one.from, other.from) || compareTexts(one.emoji, other.emoji);
}

function compareTexts(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
