/** How a new message meets what came before it: words about it, and receipts for it. */

import type { AccountId, MessageId } from "@sotto/protocol";
import { timerIn } from "../disappearing/lifetime.js";
import { standsAt } from "../disappearing/words-about.js";
import type { StoreChange } from "../ports.js";
import type { Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Early } from "./early.js";
import { EarlyReceipts } from "./early-receipts.js";
import { EarlyWords, type Word, withEarlyWords } from "./early-words.js";
import { findMessage } from "./find.js";
import { changed, type Telling } from "./incoming.js";
import type { ItemStatus } from "./items.js";
import { follows } from "./statuses.js";
import type { Timeline } from "./timeline.js";
import type { Votes } from "./votes.js";

/** What they work with. */
export interface EarlyContentsParts {
  readonly store: SealedStore;
  readonly timeline: Timeline;
  readonly me: AccountId;
  readonly early: Early;
  readonly votes: Votes;
}

/** A new message's row, and what goes with it. */
interface Meeting {
  readonly row: Row<"item">;
  /** By the place of the message. */
  changes(sequence: number): readonly StoreChange[];
  readonly tellings: readonly Telling[];
}

/** What is known of a new message's status before it comes; `release` lets go of what was held for it, in the turn of its commit. */
interface Known<Status> {
  readonly status: Status | "delivered" | "read";
  /** When it was read, where that was on another device of this account, by the relay's clock. */
  readonly readMs: number | undefined;
  release(): readonly StoreChange[];
}

/** What came early in one conversation. The caller holds the conversation's lock. */
export class EarlyContents {
  readonly words: EarlyWords;
  readonly receipts: EarlyReceipts;

  constructor(private readonly parts: EarlyContentsParts) {
    const { store, timeline, me, early } = parts;
    this.words = new EarlyWords(store, early, timeline.id);
    this.receipts = new EarlyReceipts(store, early, timeline.id, me);
  }

  /**
   * The row of a new message after all words about it that came before, and the changes that belong to it: called in the
   * turn of the commit that stores the row.
   */
  async meeting(
    row: Row<"item">,
    { sender, messageId }: { readonly sender: AccountId; readonly messageId: MessageId },
  ): Promise<Meeting> {
    const { words, release } = await this.words.about(messageId);
    if (words.length === 0) return { row, changes: () => [], tellings: [] };
    const said = withEarlyWords(row, { sender, words });
    const shown = await this.shown(said.shown);
    const votes = await this.parts.votes.counted(said.votes);
    const isTimed = timerIn(row) !== undefined;
    const changes = (sequence: number) => [
      ...release(),
      ...shown.changes(),
      ...votes,
      ...(isTimed ? shown.sequences.map((word) => standsAt(this.parts, sequence, word)) : []),
    ];
    return { row: said.row, changes, tellings: shown.tellings };
  }

  /** The status of a new message by the receipt that came before it, if any; `release` in the turn of its commit. */
  async statusOf<Status extends ItemStatus>(
    status: Status,
    { sender, messageId }: { readonly sender: AccountId; readonly messageId: MessageId },
  ): Promise<Known<Status>> {
    const { timeline, me } = this.parts;
    const isGroup = timeline.peer === undefined;
    const receipt = isGroup && sender === me ? undefined : await this.receipts.take(isGroup ? me : sender, messageId);
    if (receipt === undefined) return { status, readMs: undefined, release: () => [] };
    const release = () => [receipt.release()];
    if (!follows(status, receipt.status)) return { status, readMs: undefined, release };
    return { status: receipt.status, readMs: receipt.atMs, release };
  }

  /** The places that were kept for early words, with the words in them. */
  private async shown(words: readonly Word[]) {
    const { store, timeline } = this.parts;
    const places: { readonly sequence: number; readonly row: Row<"item">; readonly word: Word }[] = [];
    for (const word of words) {
      const found = await findMessage(store, timeline, word.content.messageId, [word.content.sender]);
      if (found?.row.shape === "hidden") places.push({ ...found, word });
    }
    const show = ({ sequence, row, word }: (typeof places)[number]) =>
      timeline.move(sequence, row, { ...row, shape: "content", content: word.encoded });
    const sequences = places.map(({ sequence }) => sequence);
    return { sequences, changes: () => places.flatMap(show), tellings: sequences.map(changed) };
  }
}
