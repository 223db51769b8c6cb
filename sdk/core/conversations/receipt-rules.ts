/** What receipts change: the peer's, the status of my messages; my own from another device, that of the peer's messages. */

import { type AccountId, type KnownContent, limits, type MessageId, parseMessageId, SottoError } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import type { Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { EarlyReceipts } from "./early-receipts.js";
import { findContent, findNamed } from "./find.js";
import type { Telling } from "./incoming.js";
import { cursorOf } from "./items.js";
import { follows } from "./statuses.js";
import type { Timeline } from "./timeline.js";

type Receipt = Extract<KnownContent, { kind: "receipt" }>;

/** Where receipts apply. */
export interface ReceiptPlace {
  readonly store: SealedStore;
  readonly timeline: Timeline;
  readonly receipts: EarlyReceipts;
  /** In a group there is no peer, and no receipts but read marks of my own. */
  readonly people: { readonly me: AccountId; readonly peer: AccountId | undefined };
}

/** What a receipt changes. `changes` is called in the turn of the commit. */
export interface ReceiptOutcome {
  changes(): readonly StoreChange[];
  /** Messages of mine that were given up here, and that the peer has after all. */
  readonly proven: readonly MessageId[];
  readonly tellings: readonly Telling[];
}

/** A receipt that came. */
export interface ReceiptArrival {
  readonly receipt: Receipt;
  readonly status: string;
  readonly atMs: number;
  /** The relay's clock when it accepted the receipt. */
  readonly acceptedMs?: number | undefined;
}

/**
 * Decides what a receipt changes; `undefined` if it is none that may come. A receipt for what has not come yet is held.
 *
 * Two devices of the peer may race, and so may read marks of my own: a status only ever moves on.
 */
export async function received(
  { store, timeline, receipts, people }: ReceiptPlace,
  { receipt, status, atMs, acceptedMs }: ReceiptArrival,
): Promise<ReceiptOutcome | undefined> {
  const isMine = receipt.sender === people.me;
  // My own delivery receipts concern the peer only.
  if (isMine && (status !== "synced" || receipt.receipt !== "read")) return undefined;
  if (!isMine && people.peer === undefined) return undefined;
  const author = (isMine ? people.peer : undefined) ?? people.me;
  const changes: (() => readonly StoreChange[])[] = [];
  const tellings: Telling[] = [];
  const proven: MessageId[] = [];
  // Of a read mark, when it was made.
  const readMs = acceptedMs ?? atMs;
  for (const messageId of new Set(receipt.targets)) {
    const [found] =
      people.peer === undefined
        ? await findNamed(store, timeline, messageId, people.me)
        : [await findContent(store, timeline, messageId, author)];
    if (found === undefined) {
      const held = await receipts.hold(author, messageId, { status: receipt.receipt, atMs: isMine ? readMs : atMs });
      if (held !== undefined) changes.push(() => [held.build()]);
      continue;
    }
    const { row, sequence } = found;
    if (row === undefined || (isMine && row.from === people.me)) continue;
    // Read on several devices at once, its time runs from the first.
    if (isMine) changes.push(await timeline.lives.read(sequence, row, readMs));
    if (!follows(row.status, receipt.receipt)) continue;
    if (row.status === "failed") proven.push(messageId);
    changes.push(() => timeline.move(sequence, row, confirmed(row, receipt.receipt, acceptedMs)));
    if (row.shape === "hidden") continue;
    const detail = { messageId, status: receipt.receipt, atMs };
    if (!isMine) tellings.push({ type: "receipt", detail });
    tellings.push({ type: "changed", detail: { cursor: cursorOf(sequence) } });
  }
  return { changes: () => changes.flatMap((build) => build()), tellings, proven };
}

/**
 * A message that was confirmed was accepted before: if nobody told when, for its answer was lost or it was given up, it
 * stands where its receipt does until somebody tells.
 */
function confirmed(row: Row<"item">, status: Receipt["receipt"], acceptedMs: number | undefined): Row<"item"> {
  const after: Row<"item"> = { ...row, status, failure: undefined };
  return row.shape === "content" ? { ...after, acceptedMs: row.acceptedMs ?? acceptedMs } : after;
}

/**
 * Lets messages pass that can be marked together.
 *
 * @throws invalidArgument for what is no id, or more than `limits.receiptTargets`.
 */
export function markable(messages: readonly MessageId[]): readonly MessageId[] {
  if (messages.length > limits.receiptTargets.value) {
    throw new SottoError("invalidArgument", { detail: `at most ${limits.receiptTargets.value} messages at once` });
  }
  return messages.map(parseMessageId);
}
