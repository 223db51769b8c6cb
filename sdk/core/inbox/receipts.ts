/** Receipts: owed in the same commit as the message they are for, sent together, and never lost or sent twice by a crash. */

import { type AccountId, type Content, limits, type MessageId, SottoError } from "@sotto/protocol";
import type { Clock, StoreChange } from "../ports.js";
import { Rounds } from "../rounds.js";
import { decodeRow, encodeRow, keys, orderOf, type Row, range } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** How long receipts are gathered before they leave. */
const GATHER_MS = 25;
/** While the outbox is full, receipts wait so long. */
const POSTPONE_MS = 1_000;
/** Owed receipts handled in one round. */
const ROUND = 512;

/** What receipts work with. */
export interface ReceiptParts {
  readonly store: SealedStore;
  readonly clock: Clock;
  /** Queues a delivery receipt for messages of this account, in one commit with the given changes. */
  confirm(sender: AccountId, targets: readonly MessageId[], paid: readonly StoreChange[]): Promise<void>;
  failed(error: unknown): void;
}

/** Keeps what is owed and turns it into receipts. */
export class Receipts {
  private next = 1;
  private readonly rounds: Rounds;

  constructor(private readonly parts: ReceiptParts) {
    this.rounds = new Rounds({
      clock: parts.clock,
      delayMs: GATHER_MS,
      work: () => this.round().catch((error: unknown) => this.postpone(error)),
      failed: parts.failed,
    });
  }

  /** Continues behind what an earlier run left owed. */
  async load(): Promise<void> {
    const [last] = await this.parts.store.list({ ...range(keys.owedAll, 1), order: "descending" });
    if (last !== undefined) this.next = orderOf(last.key) + 1;
  }

  /** The change that owes a delivery receipt for a content. */
  owe({ sender, messageId }: Content): StoreChange {
    const key = keys.owed(this.next);
    this.next += 1;
    return { key, value: encodeRow("owed", { recipient: sender, messageId }) };
  }

  /** Sends what is owed, shortly. */
  wake(): void {
    this.rounds.wake();
  }

  /** Stops. What is still owed is sent by the next client. */
  close(): void {
    this.rounds.close();
  }

  /** A full outbox passes; what is owed stays owed. */
  private postpone(error: unknown): void {
    if (!(error instanceof SottoError && error.code === "outboxFull")) throw error;
    this.parts.clock.after(POSTPONE_MS, () => this.wake());
  }

  private async round(): Promise<void> {
    const owed = await this.parts.store.list(range(keys.owedAll, ROUND));
    const groups = new Map<AccountId, { readonly rows: Row<"owed">[]; readonly paid: StoreChange[] }>();
    for (const { key, value } of owed) {
      const row = decodeRow("owed", value);
      const group = groups.get(row.recipient) ?? { rows: [], paid: [] };
      groups.set(row.recipient, group);
      if (group.rows.length === limits.receiptTargets.value) continue;
      group.rows.push(row);
      group.paid.push({ key, value: undefined });
    }
    let paid = 0;
    for (const [recipient, { rows, paid: changes }] of groups) {
      await this.parts.confirm(
        recipient,
        rows.map(({ messageId }) => messageId),
        changes,
      );
      paid += changes.length;
    }
    if (paid < owed.length || owed.length === ROUND) this.wake();
  }
}
