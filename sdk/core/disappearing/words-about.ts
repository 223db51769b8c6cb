/** Where the words about a message stand, so that they go with it: kept of messages that have a timer, and of no others. */

import type { AccountId } from "@sotto/protocol";
import { findNamed } from "../conversations/find.js";
import type { AboutMessage } from "../conversations/kind-roles.js";
import type { Timeline } from "../conversations/timeline.js";
import type { StoreChange } from "../ports.js";
import { eachRow, encodeRow, keys, orderOf } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { timerIn } from "./lifetime.js";

/** The rows of one conversation. */
export interface WordsOf {
  readonly store: SealedStore;
  readonly timeline: Timeline;
  readonly me: AccountId;
}

/** The change that remembers where a word stands, by its place, if its message has a timer and is here. */
export async function wordAbout(
  { store, timeline, me }: WordsOf,
  { target }: Pick<AboutMessage, "target">,
): Promise<(word: number) => readonly StoreChange[]> {
  const timed: number[] = [];
  for (const { sequence, row } of await findNamed(store, timeline, target, me)) {
    const isTimed = timerIn(row) !== undefined || (await timeline.lives.at(sequence)) !== undefined;
    if (isTimed && row?.shape === "content") timed.push(sequence);
  }
  return (word) => timed.map((sequence) => standsAt({ store, timeline }, sequence, word));
}

/** The change that remembers where a word about the message in a place stands. */
export function standsAt(
  { store, timeline }: Pick<WordsOf, "store" | "timeline">,
  message: number,
  word: number,
): StoreChange {
  return { key: keys.wordAbout(store, timeline.id, message, word), value: encodeRow("mark", {}) };
}

/** The places of the words about the message in a place, and the rows that say so. */
export async function wordsAbout(
  { store, timeline }: Pick<WordsOf, "store" | "timeline">,
  message: number,
): Promise<readonly { readonly key: string; readonly sequence: number }[]> {
  const found: { readonly key: string; readonly sequence: number }[] = [];
  for await (const { key } of eachRow(store, keys.wordsAbout(store, timeline.id, message))) {
    found.push({ key, sequence: orderOf(key) });
  }
  return found;
}
