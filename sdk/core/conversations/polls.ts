/** Polls: which choices of a vote count, which of a voter's votes does, and what they come to. Pure rules. */

import type { AccountId } from "@sotto/protocol";
import type { Row } from "../rows.js";
import type { Of } from "./kind-roles.js";
import { compareWords } from "./last-word.js";
import { readStored } from "./stored-content.js";

/** What a vote's choices are judged by. */
export type Poll = Pick<Of<"poll">, "options" | "choose">;

/** The last vote of one voter. */
export type Ballot = Row<"vote">;

/** What the votes of a poll come to, as far as they came here. */
export interface Tally {
  /** One for each option of the poll, in their order. */
  readonly options: readonly {
    readonly count: number;
    /** In the order of their ids. */
    readonly voters: readonly AccountId[];
  }[];
  /** The places of the options that this account chose, from 0, ascending. */
  readonly mine: readonly number[];
  /** How many people's votes count; of a poll that lets them choose many, fewer than all counts together. */
  readonly voters: number;
}

/** The poll in a row; `undefined` if there is none, or it was deleted. */
export function pollIn({ shape, content, deletedMs }: Row<"item">): Of<"poll"> | undefined {
  if (shape !== "content" || deletedMs !== undefined) return undefined;
  const said = readStored(content);
  return said.kind === "poll" ? said : undefined;
}

/** A vote as it is kept. */
export function ballotOf({ sender, messageId, choices, sentAtMs, device, counter }: Of<"vote">): Ballot {
  return { voter: sender, messageId, choices, sentAtMs, device, counter };
}

/** Whether a vote counts in place of another one of the same voter. */
export function overtakesBallot(ballot: Ballot, other: Ballot): boolean {
  const order = compareWords(ballot, other);
  // Two votes under one stamp come from a modified client; the id decides, so that even then all devices agree.
  return order === 0 ? ballot.messageId > other.messageId : order > 0;
}

/**
 * The choices of a vote that count, ascending, each once: places of options that there are. Where only one may be chosen, a
 * vote for more counts for none. It is its voter's last word all the same, as is one that chooses nothing.
 */
export function countedChoices({ options, choose }: Poll, choices: readonly number[]): readonly number[] {
  const fitting = [...new Set(choices)].filter((choice) => choice >= 0 && choice < options.length);
  return choose === "one" && fitting.length > 1 ? [] : fitting.sort((one, other) => one - other);
}

/** What the last votes of all voters come to; in whatever order they are listed. */
export function tallyOf(poll: Poll, ballots: readonly Ballot[], me: AccountId): Tally {
  const votes = ballots
    .map(({ voter, choices }) => ({ voter, choices: countedChoices(poll, choices) }))
    .filter(({ choices }) => choices.length > 0)
    .sort((one, other) => (one.voter < other.voter ? -1 : 1));
  const options = poll.options.map((_option, place) => {
    const voters = votes.filter(({ choices }) => choices.includes(place)).map(({ voter }) => voter);
    return { count: voters.length, voters };
  });
  return { options, mine: votes.find(({ voter }) => voter === me)?.choices ?? [], voters: votes.length };
}
