/** A part of the index: some thousand messages in one MiniSearch, which is read and written as a whole. */

import { SottoError } from "@sotto/protocol";
import MiniSearch, { type AsPlainObject, type Options } from "minisearch";
import { wordsIn } from "./words.js";

/** Messages of one segment. A change of one writes it anew, and a search asks each: so neither few nor many. */
export const SEGMENT_MESSAGES = 8_192;
/**
 * UTF-16 units of their texts, eight times what as many messages of people have. A segment is one row and one text while it is
 * written: messages that are nothing but words must not make it one that is too long for either.
 */
const SEGMENT_LENGTH = 4_194_304;

/** A message as it is found: which, and when it was accepted. */
export interface Found {
  readonly id: number;
  readonly atMs: number;
}

/** A message as it is added. */
export interface Document extends Found {
  readonly text: string;
}

/** What is kept beside the words: `mark` tells this text from another one, without saying it, and `size` how long it is. */
interface Kept extends Document {
  readonly mark: number;
  readonly size: number;
}

/** What is kept beside the index. */
interface Sums {
  readonly latestMs: number;
  readonly length: number;
}

function options(): Options<Kept> {
  return {
    fields: ["text"],
    storeFields: ["atMs", "mark", "size"],
    tokenize: wordsIn,
    // `wordsIn` spelled them already.
    processTerm: (term) => term,
    autoVacuum: false,
  };
}

/** One segment in memory. */
export class Segment {
  private constructor(
    private readonly index: MiniSearch<Kept>,
    private latestMs: number,
    private length: number,
  ) {}

  /** An empty one. */
  static empty(): Segment {
    return new Segment(new MiniSearch(options()), 0, 0);
  }

  /** One that `encode` wrote. @throws storeCorrupt if the text is none. */
  static decode(text: string): Segment {
    try {
      const { latestMs, length, index }: Sums & { readonly index: AsPlainObject } = JSON.parse(text);
      return new Segment(MiniSearch.loadJS(index, options()), latestMs, length);
    } catch (cause) {
      throw new SottoError("storeCorrupt", { detail: "a segment of the search index does not parse", cause });
    }
  }

  /** As text. What was removed has left nothing in it. */
  async encode(): Promise<string> {
    if (this.index.dirtCount > 0) await this.index.vacuum({ batchWait: 0 });
    return JSON.stringify({ latestMs: this.latestMs, length: this.length, index: this.index });
  }

  /** Whether another message fits. */
  get hasRoom(): boolean {
    return this.index.documentCount < SEGMENT_MESSAGES && this.length < SEGMENT_LENGTH;
  }

  /** No message of it was accepted later. */
  get latest(): number {
    return this.latestMs;
  }

  /** Whether it holds a message. */
  has(id: number): boolean {
    return this.index.has(id);
  }

  /** Whether it holds a message as it is. */
  hasSame({ id, atMs, text }: Document): boolean {
    const kept = this.index.getStoredFields(id);
    return kept?.atMs === atMs && kept.mark === markOf(text);
  }

  /** Adds a message that it does not hold. */
  add(document: Document): void {
    const { length: size } = document.text;
    this.index.add({ ...document, mark: markOf(document.text), size });
    this.length += size;
    this.latestMs = Math.max(this.latestMs, document.atMs);
  }

  /** Removes a message that it holds. */
  remove(id: number): void {
    const { size } = this.index.getStoredFields(id) ?? {};
    this.length -= typeof size === "number" ? size : 0;
    this.index.discard(id);
  }

  /** The messages that have all words, the last one as the beginning of one; in no order that matters. */
  find(words: readonly string[]): readonly Found[] {
    const last = words.length - 1;
    const results = this.index.search(words.join(" "), {
      combineWith: "AND",
      prefix: (_term, index) => index === last,
    });
    return results.map(({ id, atMs }) => ({ id, atMs }));
  }
}

/** Thirty-two bits of a text: two that are alike cost one message a stale word, which no hit shows. */
function markOf(text: string): number {
  let mark = text.length;
  for (let at = 0; at < text.length; at++) mark = (Math.imul(mark, 31) + text.charCodeAt(at)) | 0;
  return mark;
}
