/** Polls in words: the question, what can be chosen, and who chose it. */

import type { AccountId, Item } from "@sotto/sdk/node";
import { harmless } from "./words.js";

/** A poll as it stands. */
type Poll = Extract<Item, { kind: "poll" }>;

/** Squares drawn for one option at most. */
const MAX_SQUARES = 20;

/** What is asked. */
export function questionWords({ question, choose }: Poll): string {
  return `[poll] ${harmless(question)} (choose ${choose === "one" ? "one" : "any"})`;
}

/** A line for each option, by the number to vote with. */
export function optionLines({ options, tally }: Poll, nameOf: (account: AccountId) => string): readonly string[] {
  const longest = Math.max(...options.map((option) => harmless(option).length));
  return options.map((option, place) => {
    const { count = 0, voters = [] } = tally.options[place] ?? {};
    const mine = tally.mine.includes(place) ? "●" : "○";
    const drawn = "■".repeat(Math.min(count, MAX_SQUARES));
    const votes = count === 0 ? "" : ` ${drawn} ${count}: ${voters.map(nameOf).join(", ")}`;
    return `${mine} ${place + 1}  ${harmless(option).padEnd(longest)}${votes}`.trimEnd();
  });
}
