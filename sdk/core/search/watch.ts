/**
 * Notes, in the very commit that changes it, that a place which the index has is not what it was: so that no crash lets
 * words stay in the index that were deleted or edited away.
 */

import type { StoreChange } from "../ports.js";
import { keys, orderOf, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { placeChange } from "./index-rows.js";

/** How far a conversation is in the index. `upTo` may be ahead of the row on disk, never behind what the index has. */
export interface Mark extends Omit<Row<"searchMark">, "upTo"> {
  upTo: number;
}

/** Watches the timelines of conversations that are in the index. */
export class Watch {
  /** By the beginning of the keys of its places. */
  private readonly marks = new Map<string, Mark>();
  private readonly touched = new Set<string>();

  /** `noted` is called when something was noted, in the turn of its commit. */
  constructor(
    private readonly store: SealedStore,
    private readonly noted: () => void,
  ) {}

  /** Begins to watch. */
  start(): void {
    this.store.accompany((changes) => this.companions(changes));
  }

  /** Watches a conversation up to its mark, which may rise. */
  add(mark: Mark): void {
    this.marks.set(keys.timeline(this.store, mark.conversation), mark);
  }

  /** The mark of a conversation, if it is watched. */
  markOf(conversation: Mark["conversation"]): Mark | undefined {
    return this.marks.get(keys.timeline(this.store, conversation));
  }

  /** Every mark. */
  all(): readonly Mark[] {
    return [...this.marks.values()];
  }

  /** From now on `isTouched` says whether a place was noted once more. */
  forget(noteKeys: readonly string[]): void {
    for (const key of noteKeys) this.touched.delete(key);
  }

  /** Whether a place was noted since it was forgotten. */
  isTouched(noteKey: string): boolean {
    return this.touched.has(noteKey);
  }

  private companions(changes: readonly StoreChange[]): readonly StoreChange[] {
    if (this.marks.size === 0) return [];
    const notes: StoreChange[] = [];
    for (const { key } of changes) {
      if (!key.startsWith(TIMELINE)) continue;
      const mark = this.marks.get(key.slice(0, key.lastIndexOf("/") + 1));
      const sequence = orderOf(key);
      if (mark === undefined || sequence > mark.upTo) continue;
      const note = placeChange(this.store, mark.conversation, sequence);
      this.touched.add(note.key);
      notes.push(note);
    }
    if (notes.length > 0) this.noted();
    return notes;
  }
}

const TIMELINE = "timeline/";
