/** The last vote of each voter in each poll of one conversation, in rows of their own: a group has more voters than a row has room for. */

import type { AccountId, MessageId } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import { decodeRow, eachRow, encodeRow, keys } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Of } from "./kind-roles.js";
import { type Ballot, ballotOf, overtakesBallot } from "./polls.js";

/** The votes of one conversation. Only those in polls that are here: a vote that came first waits with the early words. */
export class Votes {
  constructor(
    private readonly store: SealedStore,
    private readonly conversation: string,
  ) {}

  /** The last vote of every voter in a poll, those taken back included. */
  async in(poll: MessageId): Promise<readonly Ballot[]> {
    const ballots: Ballot[] = [];
    for await (const { value } of eachRow(this.store, keys.votesIn(this.store, this.conversation, poll)))
      ballots.push(decodeRow("vote", value));
    return ballots;
  }

  /** The last vote of one voter in a poll. */
  async last(poll: MessageId, voter: AccountId): Promise<Ballot | undefined> {
    const stored = await this.store.get(this.key(poll, voter));
    return stored === undefined ? undefined : decodeRow("vote", stored);
  }

  /** The changes that count votes; none for votes that later ones replaced. In whatever order they come, all ends alike. */
  async counted(votes: readonly Of<"vote">[]): Promise<readonly StoreChange[]> {
    const kept = new Map<string, Ballot>();
    for (const vote of votes) {
      const key = this.key(vote.target, vote.sender);
      const ballot = ballotOf(vote);
      const before = kept.get(key) ?? (await this.last(vote.target, vote.sender));
      if (before !== undefined && !overtakesBallot(ballot, before)) continue;
      kept.set(key, ballot);
    }
    return [...kept].map(([key, ballot]) => ({ key, value: encodeRow("vote", ballot) }));
  }

  /** The change that leaves this as a voter's vote in a poll, whatever it was before; none if there is none. */
  replaced(poll: MessageId, voter: AccountId, vote: Of<"vote"> | undefined): StoreChange {
    return { key: this.key(poll, voter), value: vote && encodeRow("vote", ballotOf(vote)) };
  }

  /** The changes that let go of all votes in a poll. */
  async dropped(poll: MessageId): Promise<readonly StoreChange[]> {
    return (await this.in(poll)).map(({ voter }) => this.replaced(poll, voter, undefined));
  }

  private key(poll: MessageId, voter: AccountId): string {
    return keys.vote(this.store, this.conversation, { poll, voter });
  }
}
