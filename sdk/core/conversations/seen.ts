/**
 * What others said last in a conversation, by its commitments: whoever says something says with it what they had seen, so that
 * a report which leaves something out, or turns it round, shows it.
 */

import { type AccountId, type ConversationId, decodeEvidence, equalBytes } from "@sotto/protocol";
import { decodeRow, keys } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** Commitments one content names: as many as its header takes. */
const MAX_SEEN = 8;
/** Rows that are looked through for them; own ones stand between. */
const MAX_LOOKED = 32;
/** Conversations that are remembered; the others are looked up again. */
const MAX_REMEMBERED = 256;

/** Remembers them. */
export class Seen {
  /** Those used last come last. */
  private readonly known = new Map<ConversationId, readonly Uint8Array[]>();
  /** How often something was heard where nothing was remembered. */
  private unplaced = 0;

  constructor(
    private readonly store: SealedStore,
    private readonly me: AccountId,
  ) {}

  /** Up to eight commitments, the newest last. */
  async in(conversation: ConversationId): Promise<readonly Uint8Array[]> {
    const present = this.known.get(conversation);
    if (present !== undefined) return this.remember(conversation, present);
    const { unplaced } = this;
    const stored = await this.stored(conversation);
    // What came meanwhile may not be among it: then it is looked up again the next time.
    const now = this.known.get(conversation);
    return now ?? (unplaced === this.unplaced ? this.remember(conversation, stored) : stored);
  }

  /** Somebody else said something that passed. */
  heard(conversation: ConversationId, commitment: Uint8Array): void {
    const present = this.known.get(conversation);
    // What is not known here is looked up when it is needed, with this.
    if (present === undefined) this.unplaced += 1;
    if (present === undefined || present.some((one) => equalBytes(one, commitment))) return;
    this.remember(conversation, [...present, commitment.slice()].slice(-MAX_SEEN));
  }

  private remember(conversation: ConversationId, commitments: readonly Uint8Array[]): readonly Uint8Array[] {
    this.known.delete(conversation);
    this.known.set(conversation, commitments);
    for (const oldest of this.known.keys()) {
      if (this.known.size <= MAX_REMEMBERED) break;
      this.known.delete(oldest);
    }
    return commitments;
  }

  private async stored(conversation: ConversationId): Promise<readonly Uint8Array[]> {
    const after = keys.evidencesIn(this.store, conversation);
    const before = `${after.slice(0, -1)}0`;
    const page = await this.store.list({ after, before, limit: MAX_LOOKED, order: "descending" });
    return page
      .map(({ value }) => decodeEvidence(decodeRow("evidence", value).evidence))
      .filter(({ head }) => head.account !== this.me)
      .slice(0, MAX_SEEN)
      .map(({ commitment }) => commitment.slice())
      .reverse();
  }
}
