/** How a new message meets what came before it: words about it, and receipts for it. */

import type { AccountId, MessageId } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import type { Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Early } from "./early.js";
import { EarlyReceipts } from "./early-receipts.js";
import { EarlyWords, type Word, withEarlyWords } from "./early-words.js";
import { changed, type Telling } from "./incoming.js";
import { findMessage } from "./item-reader.js";
import type { ItemStatus } from "./items.js";
import { follows } from "./statuses.js";
import type { Timeline } from "./timeline.js";

/** What came early in one conversation. The caller holds the conversation's lock. */
export class EarlyContents {
  readonly words: EarlyWords;
  readonly receipts: EarlyReceipts;

  constructor(
    private readonly store: SealedStore,
    private readonly timeline: Timeline,
    me: AccountId,
    early: Early,
  ) {
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
  ): Promise<{ readonly row: Row<"item">; changes(): readonly StoreChange[]; readonly tellings: readonly Telling[] }> {
    const { words, release } = await this.words.about(messageId);
    if (words.length === 0) return { row, changes: () => [], tellings: [] };
    const said = withEarlyWords(row, { sender, words });
    const shown = await this.shown(said.shown);
    return { row: said.row, changes: () => [...release(), ...shown.changes()], tellings: shown.tellings };
  }

  /** The status of a new message by the receipt that came before it, if any; `release` in the turn of its commit. */
  async statusOf<Status extends ItemStatus>(
    status: Status,
    { sender, messageId }: { readonly sender: AccountId; readonly messageId: MessageId },
  ): Promise<{ readonly status: Status | "delivered" | "read"; release(): readonly StoreChange[] }> {
    const receipt = this.timeline.peer === undefined ? undefined : await this.receipts.take(sender, messageId);
    if (receipt === undefined) return { status, release: () => [] };
    return { status: follows(status, receipt.status) ? receipt.status : status, release: () => [receipt.release()] };
  }

  /** The places that were kept for early words, with the words in them. */
  private async shown(words: readonly Word[]) {
    const places: { readonly sequence: number; readonly row: Row<"item">; readonly word: Word }[] = [];
    for (const word of words) {
      const found = await findMessage(this.store, this.timeline, word.content.messageId, [word.content.sender]);
      if (found?.row.shape === "hidden") places.push({ ...found, word });
    }
    const show = ({ sequence, row, word }: (typeof places)[number]) =>
      this.timeline.move(sequence, row, { ...row, shape: "content", content: word.encoded });
    return { changes: () => places.flatMap(show), tellings: places.map(({ sequence }) => changed(sequence)) };
  }
}
