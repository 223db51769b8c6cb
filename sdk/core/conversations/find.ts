/** Finds contents of a conversation by the ids that their senders gave them. */

import { type AccountId, isGroupMessageId, type MessageId } from "@sotto/protocol";
import { decodeRow, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Timeline } from "./timeline.js";

/** A content that came here: the place it took or was given up, and the hash of its bytes. */
export interface FoundContent {
  readonly sequence: number;
  readonly hash: Uint8Array;
  /** The row in its place; none if it took no place. */
  readonly row: Row<"item"> | undefined;
}

/** A message found by its id: its place, row and the hash of its original content. */
export type FoundMessage = FoundContent & { readonly row: Row<"item"> };

/** Looks a message up by id among the given senders; `undefined` if none of them wrote it here. */
export async function findMessage(
  store: SealedStore,
  timeline: Timeline,
  id: MessageId,
  senders: readonly AccountId[],
): Promise<FoundMessage | undefined> {
  for (const sender of senders) {
    const found = await findContent(store, timeline, id, sender);
    if (found?.row !== undefined) return { ...found, row: found.row };
  }
  return undefined;
}

/** Looks up whether a content of this sender came here, also if it took no place. */
export async function findContent(
  store: SealedStore,
  timeline: Timeline,
  id: MessageId,
  sender: AccountId,
): Promise<FoundContent | undefined> {
  const isTheirs = timeline.peer !== undefined || isGroupMessageId(id, { group: timeline.id, sender });
  return isTheirs ? read(store, timeline, timeline.indexKey(sender, id)) : undefined;
}

/**
 * Every content here under an id, whoever gave it: in a group there is at most one, in a DM one of either side, the peer's
 * first.
 */
export async function findNamed(
  store: SealedStore,
  timeline: Timeline,
  id: MessageId,
  me: AccountId,
): Promise<readonly FoundContent[]> {
  const { peer } = timeline;
  const index = peer === undefined ? [timeline.indexKey(me, id)] : [peer, me].map((one) => timeline.indexKey(one, id));
  const found = await Promise.all(index.map((key) => read(store, timeline, key)));
  return found.filter((one) => one !== undefined);
}

/** Those of them that are shown: a message with a timer is not any more from the moment it is over. */
export async function findShown(
  store: SealedStore,
  timeline: Timeline,
  id: MessageId,
  me: AccountId,
): Promise<readonly FoundMessage[]> {
  const shown: FoundMessage[] = [];
  for (const { row, ...found } of await findNamed(store, timeline, id, me)) {
    if (row === undefined || row.shape === "hidden" || (await timeline.lives.isOverAt(found.sequence))) continue;
    shown.push({ ...found, row });
  }
  return shown;
}

async function read(store: SealedStore, timeline: Timeline, key: string): Promise<FoundContent | undefined> {
  const stored = await store.get(key);
  if (stored === undefined) return undefined;
  const { sequence, hash } = decodeRow("messageIndex", stored);
  return { sequence, hash, row: sequence === 0 ? undefined : await timeline.row(sequence) };
}
