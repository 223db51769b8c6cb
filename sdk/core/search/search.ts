/** Searching what was said, on this device and nowhere else. */

import { type ConversationId, SottoError } from "@sotto/protocol";
import type { Thread } from "../conversations/conversations.js";
import type { Item } from "../conversations/items.js";
import { positionOf } from "../conversations/placement.js";
import { documentOf } from "./place.js";
import type { SearchIndex } from "./search-index.js";
import { wordsIn } from "./words.js";

/** Hits of one call at most. */
const MAX_HITS = 1_000;
const HITS = 50;

/** Where and how much to search. */
export interface SearchOptions {
  /** Only in this conversation. */
  readonly conversation?: ConversationId | undefined;
  /** From 1 to 1000; 50 unless given. */
  readonly limit?: number | undefined;
  /** The `order` of a hit: only what stands before it, to page back. */
  readonly before?: string | undefined;
}

/** A message that was found. */
export interface Hit {
  readonly thread: Thread;
  readonly item: Item;
}

/** What searching works with. */
export interface SearchParts {
  readonly index: Pick<SearchIndex, "find">;
  /** The conversations that are shown, by their id. */
  shown(): Promise<ReadonlyMap<ConversationId, Thread>>;
}

/** Searches. */
export class Search {
  constructor(private readonly parts: SearchParts) {}

  /** As `Client.search`. */
  async find(query: string, { conversation, limit = HITS, before }: SearchOptions): Promise<readonly Hit[]> {
    if (typeof query !== "string") throw new SottoError("invalidArgument", { detail: "a query is text" });
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_HITS)
      throw new SottoError("invalidArgument", { detail: `limit is an integer from 1 to ${MAX_HITS}` });
    const end = before === undefined ? undefined : positionOf(before);
    const words = wordsIn(query);
    if (words.length === 0) return [];
    const threads = await this.parts.shown();
    const isWanted = (id: ConversationId) => threads.has(id) && (conversation === undefined || id === conversation);
    let untilMs = end?.kind === "placed" ? end.placement.acceptedMs : Number.MAX_SAFE_INTEGER;
    const hits: Hit[] = [];
    const seen = new Set<string>();
    // The index may be a moment behind what is read here; then some of what it names is none, and more is asked for.
    for (let asked = limit; ; asked *= 2) {
      const places = await this.parts.index.find(words, { limit: asked, untilMs, isWanted });
      const fresh = places.filter(({ conversation, sequence }) => !seen.has(`${conversation}/${sequence}`));
      for (const { conversation, sequence } of fresh) {
        seen.add(`${conversation}/${sequence}`);
        const thread = threads.get(conversation);
        const item = thread === undefined ? undefined : await read(thread, sequence, words);
        if (thread === undefined || item === undefined || (before !== undefined && item.order >= before)) continue;
        hits.push({ thread, item });
      }
      if (hits.length >= limit || fresh.length === 0) break;
      untilMs = places.at(-1)?.atMs ?? untilMs;
    }
    return hits.sort((one, other) => (one.item.order < other.item.order ? 1 : -1)).slice(0, limit);
  }
}

/** The item in a place, if it says all words now. */
async function read(
  { timeline, reader }: Thread,
  sequence: number,
  words: readonly string[],
): Promise<Item | undefined> {
  const row = sequence > timeline.end ? undefined : await timeline.row(sequence);
  const text = row === undefined ? undefined : documentOf(row)?.text;
  if (row === undefined || text === undefined) return undefined;
  const said = wordsIn(text);
  const last = words.at(-1) ?? "";
  const whole = new Set(said);
  const isSaid = words.slice(0, -1).every((word) => whole.has(word)) && said.some((word) => word.startsWith(last));
  return isSaid ? reader.item({ sequence, row }) : undefined;
}
