/** What receipts change: the peer's, the status of my messages; my own from another device, that of the peer's messages. */

import type { AccountId, KnownContent } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { EarlyReceipts } from "./early-receipts.js";
import type { Telling } from "./incoming.js";
import { findContent } from "./item-reader.js";
import { cursorOf } from "./items.js";
import { follows } from "./statuses.js";
import type { Timeline } from "./timeline.js";

type Receipt = Extract<KnownContent, { kind: "receipt" }>;

/** Where receipts apply. */
export interface ReceiptPlace {
  readonly store: SealedStore;
  readonly timeline: Timeline;
  readonly receipts: EarlyReceipts;
  readonly people: { readonly me: AccountId; readonly peer: AccountId };
}

/** What a receipt changes. `changes` is called in the turn of the commit. */
export interface ReceiptOutcome {
  changes(): readonly StoreChange[];
  readonly tellings: readonly Telling[];
}

/**
 * Decides what a receipt changes; `undefined` if it is none that may come. A receipt for what has not come yet is held.
 *
 * Two devices of the peer may race, and so may read marks of my own: a status only ever moves on.
 */
export async function received(
  { store, timeline, receipts, people }: ReceiptPlace,
  { receipt, status, atMs }: { readonly receipt: Receipt; readonly status: string; readonly atMs: number },
): Promise<ReceiptOutcome | undefined> {
  const isMine = receipt.sender === people.me;
  // My own delivery receipts concern the peer only.
  if (isMine && (status !== "synced" || receipt.receipt !== "read")) return undefined;
  const author = isMine ? people.peer : people.me;
  const changes: (() => StoreChange)[] = [];
  const tellings: Telling[] = [];
  for (const messageId of new Set(receipt.targets)) {
    const found = await findContent(store, timeline, messageId, author);
    if (found === undefined) {
      const held = await receipts.hold(author, messageId, { status: receipt.receipt, atMs });
      if (held !== undefined) changes.push(held.build);
      continue;
    }
    const { row, sequence } = found;
    if (row === undefined || !follows(row.status, receipt.receipt)) continue;
    changes.push(() => timeline.replace(sequence, { ...row, status: receipt.receipt }));
    if (row.shape === "hidden") continue;
    const detail = { messageId, status: receipt.receipt, atMs };
    if (!isMine) tellings.push({ type: "receipt", detail });
    tellings.push({ type: "changed", detail: { cursor: cursorOf(sequence) } });
  }
  return { changes: () => changes.map((build) => build()), tellings };
}
