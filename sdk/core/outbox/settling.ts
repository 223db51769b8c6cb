/** What the end of an outbox order means beyond the outbox: for its item, for its handle and for this account's other devices. */

import { decodeContent } from "@sotto/protocol";
import { Conversations } from "../conversations/conversations.js";
import type { Handles } from "../conversations/handles.js";
import { cursorOf } from "../conversations/items.js";
import { settledChanges } from "../conversations/settlement.js";
import type { SentSync } from "../devices/sent-sync.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { Row } from "../rows.js";
import type { Queued, Settled } from "./order.js";

/** What settling works with. */
export interface SettlingParts {
  readonly conversations: Pick<Conversations, "threadOf">;
  readonly handles: Handles;
  readonly locks: KeyedLock;
  readonly sentSync: Pick<SentSync, "accepted">;
}

/**
 * Settles an order: its item moves on, and own devices are told what was accepted, in the commit that ends the order.
 * Nothing is told before that is durable.
 */
export async function settle(parts: SettlingParts, row: Row<"outbox">, outcome: Settled): Promise<void> {
  const { conversations, handles, locks } = parts;
  const { sequence } = row;
  if (sequence === undefined) return settleWord(parts, row, outcome);
  const state = await conversations.threadOf(row);
  const { timeline } = state;
  const { durable, told } = await locks.run(Conversations.lockKey(state), async () => {
    const item = await timeline.row(sequence);
    const told = orders(parts, row, outcome);
    const moved = item === undefined ? [] : settledChanges(timeline, { item, sequence }, outcome);
    return { durable: outcome.commit([...moved, ...told.flatMap(({ changes }) => changes)]), told };
  });
  await durable;
  for (const { sent } of told) sent();
  const { messageId } = decodeContent(row.body);
  if (outcome.kind === "accepted") handles.accepted(timeline.id, messageId, { atMs: outcome.atMs });
  else handles.failed(timeline.id, messageId, outcome.error);
  state.tell({ type: "changed", detail: { cursor: cursorOf(sequence) } });
}

/** An order without an item: a receipt, or a word between SDKs. */
async function settleWord(parts: SettlingParts, row: Row<"outbox">, outcome: Settled): Promise<void> {
  const told = orders(parts, row, outcome);
  await outcome.commit(told.flatMap(({ changes }) => changes));
  for (const { sent } of told) sent();
}

function orders({ sentSync }: SettlingParts, row: Row<"outbox">, outcome: Settled): readonly Queued[] {
  return outcome.kind === "accepted" && outcome.isWanted() ? sentSync.accepted(row, outcome) : [];
}
