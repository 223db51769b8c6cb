/**
 * The search index of this device: sealed in the store, in memory once somebody searched, and never further behind the
 * conversations than the next search.
 *
 *   closed ──first search──▶ loaded ──every search: take in what changed and came──▶ loaded
 *
 * What is deleted leaves it within seconds, searched or not. What came is kept with the index now and then; after a crash it
 * is read from the conversations again.
 */

import type { ConversationId } from "@sotto/protocol";
import { isFatal } from "../fatal.js";
import type { Clock, StoreChange } from "../ports.js";
import { decodeRow, eachRow, keys, orderOf, range } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import {
  type ChangedPlace,
  markChange,
  readChangedPlaces,
  readMarks,
  readSegments,
  segmentChange,
} from "./index-rows.js";
import { documentOf } from "./place.js";
import { type Found, Segment } from "./segment.js";
import { type Mark, Watch } from "./watch.js";

/** Rows read at once. Other work gets its turn between two pages, and the words of one row may take a tenth of a second. */
const PAGE = 16;
/** Changed places taken in with one commit. */
const CHANGES = 256;
/** New messages that may be in memory only. */
const UNKEPT_MESSAGES = 1_024;
/** So soon after a change the index is tidied, so that a burst is taken in at once. */
const TIDY_MS = 2_000;
/** Places of one conversation, so that number and place make one number. */
const PLACES = 2 ** 32;

/** What the index works with. */
export interface SearchIndexParts {
  readonly store: SealedStore;
  readonly clock: Clock;
  failed(error: unknown): void;
}

/** A place of a conversation. */
export interface FoundPlace {
  readonly conversation: ConversationId;
  readonly sequence: number;
  readonly atMs: number;
}

/** The index. */
export class SearchIndex {
  private readonly watch: Watch;
  private readonly conversations = new Map<number, ConversationId>();
  private segments: Map<number, Segment> | undefined;
  private readonly unkept = new Set<number>();
  private unkeptMessages = 0;
  private tail: Promise<void> = Promise.resolve();
  private tidying: { cancel(): void } | undefined;
  private isClosed = false;

  constructor(private readonly parts: SearchIndexParts) {
    this.watch = new Watch(parts.store, () => this.tidySoon());
  }

  /** Reads which conversations are in the index, and watches them from here on. */
  async load(): Promise<void> {
    for (const mark of await readMarks(this.parts.store)) this.take({ ...mark });
    this.watch.start();
    if ((await readChangedPlaces(this.parts.store, 1)).length > 0) this.tidySoon();
  }

  /**
   * The places that have all words, the last one as the beginning of one, latest first, up to `limit` of them and all of the
   * same moment as the last. `isWanted` is asked of the conversation; none is later than `untilMs`.
   */
  async find(words: readonly string[], { limit, untilMs, isWanted }: FindOptions): Promise<readonly FoundPlace[]> {
    await this.upToDate();
    const segments = [...(this.segments?.values() ?? [])].sort((one, other) => other.latest - one.latest);
    let found: readonly Found[] = [];
    for (const segment of segments) {
      const leastMs = found[limit - 1]?.atMs ?? 0;
      // What is in here, and in all that follow, is earlier than what there is already.
      if (leastMs > segment.latest) break;
      const more = segment
        .find(words)
        .filter(({ id, atMs }) => atMs >= leastMs && atMs <= untilMs && isWanted(this.conversationOf(id)));
      const all = [...found, ...more].sort((one, other) => other.atMs - one.atMs);
      const last = all[limit - 1];
      found = last === undefined ? all : all.filter(({ atMs }) => atMs >= last.atMs);
    }
    return found.map(({ id, atMs }) => ({ conversation: this.conversationOf(id), sequence: id % PLACES, atMs }));
  }

  /** Takes in everything that came and changed. Resolves when what changed is durable. */
  upToDate(): Promise<void> {
    return this.run(() => this.settle());
  }

  /** Keeps what came with the index, then ends. Idempotent. */
  async close(): Promise<void> {
    this.tidying?.cancel();
    if (!this.isClosed && this.segments !== undefined) await this.run(() => this.keep([])).catch(() => undefined);
    this.isClosed = true;
    await this.tail;
  }

  private run(work: () => Promise<void>): Promise<void> {
    const running = this.tail.then(work);
    this.tail = running.catch(() => undefined);
    return running;
  }

  private tidySoon(): void {
    if (this.tidying !== undefined || this.isClosed) return;
    this.tidying = this.parts.clock.after(TIDY_MS, () => {
      this.tidying = undefined;
      this.upToDate().catch((error: unknown) => {
        if (!this.isClosed && isFatal(error)) this.parts.failed(error);
      });
    });
  }

  private async settle(): Promise<void> {
    if (this.isClosed) return;
    this.segments ??= await readSegments(this.parts.store);
    for (;;) {
      const changed = await readChangedPlaces(this.parts.store, CHANGES);
      if (changed.length === 0) break;
      await this.takeChanged(changed);
    }
    for await (const { value } of eachRow(this.parts.store, keys.conversations)) {
      const { conversation, nextSequence } = decodeRow("conversation", value);
      const mark = this.watch.markOf(conversation) ?? this.begin(conversation);
      if (mark.upTo + 1 < nextSequence) await this.takeNew(mark);
    }
    if (this.unkeptMessages >= UNKEPT_MESSAGES) await this.keep([]);
  }

  private async takeChanged(changed: readonly ChangedPlace[]): Promise<void> {
    const { store } = this.parts;
    this.watch.forget(changed.map(({ key }) => key));
    for (const { conversation, sequence } of changed) {
      const mark = this.watch.markOf(conversation);
      if (mark === undefined) continue;
      const stored = await store.get(keys.item(store, conversation, sequence));
      const said = stored === undefined ? undefined : documentOf(decodeRow("item", stored));
      this.put(idOf(mark, sequence), said);
    }
    await this.keep(changed);
  }

  /** Places behind the mark, page by page. The mark rises before a page is read, so that no change of it is missed. */
  private async takeNew(mark: Mark): Promise<void> {
    const { store } = this.parts;
    const prefix = keys.timeline(store, mark.conversation);
    for (;;) {
      const after = mark.upTo;
      mark.upTo = after + PAGE;
      const page = await store.list(range(prefix, PAGE, after));
      for (const { key, value } of page) {
        const said = documentOf(decodeRow("item", value));
        if (said !== undefined) this.put(idOf(mark, orderOf(key)), said);
      }
      const last = page.at(-1);
      mark.upTo = last === undefined ? after : orderOf(last.key);
      if (this.unkeptMessages >= UNKEPT_MESSAGES * 8) await this.keep([]);
      if (page.length < PAGE) return;
    }
  }

  /** Puts a message in the index as it is now, or out of it. */
  private put(id: number, said: { readonly text: string; readonly atMs: number } | undefined): void {
    const segments = this.segments ?? new Map<number, Segment>();
    for (const [number, segment] of segments) {
      if (!segment.has(id)) continue;
      if (said !== undefined && segment.hasSame({ id, ...said })) return;
      segment.remove(id);
      this.unkept.add(number);
    }
    if (said === undefined) return;
    const numbers = [...segments.keys()];
    const last = numbers.at(-1) ?? 0;
    const number = segments.get(last)?.hasRoom ? last : last + 1;
    const segment = segments.get(number) ?? Segment.empty();
    segments.set(number, segment);
    segment.add({ id, ...said });
    this.unkept.add(number);
    this.unkeptMessages += 1;
  }

  /** Keeps every segment that changed with the marks, and forgets the notes of what was taken in, unless it changed again. */
  private async keep(taken: readonly ChangedPlace[]): Promise<void> {
    const { store } = this.parts;
    const numbers = [...this.unkept];
    const changes: StoreChange[] = [];
    for (const number of numbers) {
      const segment = this.segments?.get(number);
      if (segment !== undefined) changes.push(await segmentChange(number, segment));
    }
    this.unkept.clear();
    this.unkeptMessages = 0;
    const marks = changes.length === 0 ? [] : this.watch.all().map((mark) => markChange(store, mark));
    const notes = taken.filter(({ key }) => !this.watch.isTouched(key)).map(({ key }) => ({ key, value: undefined }));
    await store.commit([...changes, ...marks, ...notes]);
  }

  private begin(conversation: ConversationId): Mark {
    const number = Math.max(0, ...this.conversations.keys()) + 1;
    return this.take({ conversation, number, upTo: 0 });
  }

  private take(mark: Mark): Mark {
    this.conversations.set(mark.number, mark.conversation);
    this.watch.add(mark);
    return mark;
  }

  private conversationOf(id: number): ConversationId {
    const conversation = this.conversations.get(Math.floor(id / PLACES));
    if (conversation === undefined) throw new Error("the index names a conversation that has no mark");
    return conversation;
  }
}

/** What is looked for. */
interface FindOptions {
  readonly limit: number;
  readonly untilMs: number;
  isWanted(conversation: ConversationId): boolean;
}

function idOf({ number }: Mark, sequence: number): number {
  return number * PLACES + sequence;
}
