/** Receipts that came before the message they are for: of the peer for what my other devices sent, and my own read marks. */

import type { AccountId, MessageId } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import { decodeRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Early } from "./early.js";

/** Holds receipts of one conversation until their message comes. */
export class EarlyReceipts {
  constructor(
    private readonly store: SealedStore,
    private readonly early: Early,
    private readonly conversation: string,
    private readonly me: AccountId,
  ) {}

  /** The status that a message has at once when it comes, and the change that lets go of its receipt. */
  async take(
    author: AccountId,
    message: MessageId,
  ): Promise<(Row<"earlyReceipt"> & { release(): StoreChange }) | undefined> {
    await this.early.ready();
    const key = this.key(author, message);
    const held = await this.held(key);
    return held === undefined ? undefined : { ...held, release: () => this.early.drop(key) };
  }

  /** The change that holds a receipt; none if it says nothing new, or if there is no room for it. */
  async hold(
    author: AccountId,
    message: MessageId,
    receipt: Row<"earlyReceipt">,
  ): Promise<{ build(): StoreChange } | undefined> {
    await this.early.ready();
    const key = this.key(author, message);
    const held = await this.held(key);
    if (held !== undefined && !isNews(receipt, held)) return undefined;
    if (held === undefined && !(await this.early.room(this.conversation, 1, receipt.atMs))) return undefined;
    return { build: () => this.early.put(this.conversation, key, encodeRow("earlyReceipt", receipt)) };
  }

  private async held(key: string): Promise<Row<"earlyReceipt"> | undefined> {
    const stored = this.early.has(key) ? await this.store.get(key) : undefined;
    return stored === undefined ? undefined : decodeRow("earlyReceipt", stored);
  }

  /**
   * What the peer wrote has a name of its own, so that no receipt of the peer counts as this account's read mark. In a group there
   * are read marks and nothing else: there the author is always given as `me`.
   */
  private key(author: AccountId, message: MessageId): string {
    return keys.earlyReceipt(this.store, this.conversation, author === this.me ? message : `${author}/${message}`);
  }
}

/** Of two read marks the earlier one says when it was read. */
function isNews(receipt: Row<"earlyReceipt">, held: Row<"earlyReceipt">): boolean {
  return receipt.status === held.status ? receipt.atMs < held.atMs : held.status !== "read";
}
