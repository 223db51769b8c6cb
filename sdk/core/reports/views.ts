/**
 * Whether others were shown what this account was not. Everybody says with each word what they had seen last, by commitments that are
 * the same for all who got it; so a relay that keeps something from one of them is found out by comparing. Pure.
 */

import { type AccountId, type MessageId, toHex } from "@sotto/protocol";

/** What was said, as far as it tells what its sender had seen. In the order in which the relay took it. */
export interface ViewWord {
  readonly from: AccountId;
  readonly messageId: MessageId;
  readonly acceptedMs: number;
  readonly commitment: Uint8Array;
  /** Up to eight, the newest last. */
  readonly seen: readonly Uint8Array[];
}

/** A word whose sender had seen something that did not come here. */
export interface Divergence {
  readonly from: AccountId;
  readonly messageId: MessageId;
  readonly acceptedMs: number;
  /** How many of what its sender saw last did not come here. */
  readonly unseen: number;
}

/**
 * What others had seen and this account had not. Only what follows something known here counts: what was said before one joined is
 * nobody's doing.
 */
export function divergences(me: AccountId, words: readonly ViewWord[]): readonly Divergence[] {
  const here = new Set(words.map(({ commitment }) => toHex(commitment)));
  return words.flatMap(({ from, messageId, acceptedMs, seen }) => {
    const isHere = seen.map((one) => here.has(toHex(one)));
    const first = isHere.indexOf(true);
    const unseen = first < 0 ? 0 : isHere.slice(first).filter((known) => !known).length;
    return from === me || unseen === 0 ? [] : [{ from, messageId, acceptedMs, unseen }];
  });
}
