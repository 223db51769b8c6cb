/** The index as it lies in the store: sealed segments, how far each conversation is in them, and what has changed since. */

import type { ConversationId } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import { decodeRow, eachRow, encodeRow, keys, orderOf, type Row, range } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { Segment } from "./segment.js";

/** A place that the index has, and that has changed since. */
export interface ChangedPlace {
  readonly key: string;
  readonly conversation: ConversationId;
  readonly sequence: number;
}

/** Every mark. */
export async function readMarks(store: SealedStore): Promise<readonly Row<"searchMark">[]> {
  const marks: Row<"searchMark">[] = [];
  for await (const { value } of eachRow(store, keys.searchMarks)) marks.push(decodeRow("searchMark", value));
  return marks;
}

/** Every segment, by its number. */
export async function readSegments(store: SealedStore): Promise<Map<number, Segment>> {
  const segments = new Map<number, Segment>();
  let spanned = range(keys.searchSegments, 1);
  for (;;) {
    // One at a time: they are large.
    const [row] = await store.list(spanned);
    if (row === undefined) return segments;
    segments.set(orderOf(row.key), Segment.decode(decodeRow("searchSegment", row.value).index));
    spanned = { ...spanned, after: row.key };
  }
}

/** Some of the places that changed. */
export async function readChangedPlaces(store: SealedStore, limit: number): Promise<readonly ChangedPlace[]> {
  const rows = await store.list(range(keys.searchChanges, limit));
  return rows.map(({ key, value }) => ({ key, ...decodeRow("searchChange", value) }));
}

/** The change that keeps how far a conversation is in the index. */
export function markChange(store: SealedStore, mark: Row<"searchMark">): StoreChange {
  return { key: keys.searchMark(store, mark.conversation), value: encodeRow("searchMark", mark) };
}

/** The change that notes that a place changed. */
export function placeChange(store: SealedStore, conversation: ConversationId, sequence: number): StoreChange {
  const value = encodeRow("searchChange", { conversation, sequence });
  return { key: keys.searchChange(store, conversation, sequence), value };
}

/** The change that keeps a segment. */
export async function segmentChange(number: number, segment: Segment): Promise<StoreChange> {
  const index = await segment.encode();
  return { key: keys.searchSegment(number), value: encodeRow("searchSegment", { index }) };
}
