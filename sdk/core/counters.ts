/** What the client counts of envelopes and contents, for `debugBundle()`; no identities. */

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
  | "groupWordsDropped";

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
