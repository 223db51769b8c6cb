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
  | "repairsAsked"
  | "repairsAnswered"
  | "sendsAccepted"
  | "sendsRetried";

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
