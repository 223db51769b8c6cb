/** What the client counts of envelopes and contents, for `debugBundle()`; no identities. */

import type { FrankRefusal } from "@sotto/protocol";

/** What is counted. */
export type CounterName =
  | "opened"
  | "duplicate"
  | "undecryptable"
  | "rejected"
  | "unfit"
  | "contentRefused"
  | "ephemeralDropped"
  /** What somebody said who may not: more than one text before acceptance, something else than a text, against the policy. */
  | "requestRefused"
  | "blockedDropped"
  /** What somebody said in a group who may not, or entries of its log that no rule allows. */
  | "groupRefused"
  /** Mail between devices of this account that did not open, and what of it was lost for good. */
  | "ownUndecryptable"
  | "ownLost"
  | "repairsAsked"
  | "repairsAnswered"
  | "sendsAccepted"
  | "sendsRetried"
  /** Own sender keys: made, and handed to an account. */
  | "senderKeysMade"
  | "senderKeysShared"
  /** Handed over by somebody and not taken. */
  | "senderKeysRefused"
  /** Members that a word to their group did not go to with the others. */
  | "groupMembersLeftOut"
  /** What such a member is not sent alone either, because too much waits for those who take nothing. */
  | "groupWordsDropped"
  /** Contents that were not shown because their frank did not pass: all, and by the reason. */
  | "unshown"
  | `unshown.${FrankRefusal}`
  /** What the desk wrote that was not taken: sealed to somebody else, of no known form. */
  | "notesRefused"
  /** Reports that the relay refused for good. */
  | "reportsRefused"
  /** Realm documents that were not taken: of another root, older than the held one, or not signed. */
  | "realmRefused"
  /** Stamps that the desk was asked about, at random: those a report can rest on, and those it cannot. */
  | "stampsGood"
  | "stampsBad"
  /** The feed of revoked tokens was not renewed for a day. */
  | "feedStale"
  /** Tokens that were asked for and came; tokens that do not check; messages under a token that was used before. */
  | "tokensTaken"
  | "tokensRefused"
  | "tokensReused"
  /** Messages that were franked, and sends that waited for a token. */
  | "franked"
  | "franksAwaited"
  /** Sends that the relay took when their token was not good: said again. */
  | "franksMissed";

/** Counts since the client was created. */
export class Counters {
  private readonly counts = new Map<CounterName, number>();

  /** Adds one. */
  count(name: CounterName): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  /** All counts that are not zero. */
  snapshot(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.counts);
  }
}
