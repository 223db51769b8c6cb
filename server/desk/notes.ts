/** What the desk writes to accounts: sealed to their box at once, numbered, fetched by their devices. Unsealed it is kept nowhere. */

import {
  type AccountId,
  type DeskAnswer,
  type DeskNote,
  encodeNote,
  noteContext,
  type Realm,
  seal,
} from "@sotto/protocol";
import type { DeskParts } from "./parts.js";
import type { RowChange } from "./ports.js";
import { sortable, type Tables } from "./rows.js";

/** Notes in one answer, by the record of answers. */
const NOTES_PER_ANSWER = 16;

/** What notes work on. */
export interface NotesParts extends Pick<DeskParts, "random"> {
  readonly tables: Tables;
  readonly realm: Realm;
}

/** A note to be sealed. */
export interface Letter {
  readonly to: AccountId;
  readonly note: DeskNote;
}

/** Writes and hands out notes. */
export class Notes {
  readonly #parts: NotesParts;

  constructor(parts: NotesParts) {
    this.#parts = parts;
  }

  /**
   * The changes that leave notes, to be committed with what they tell of; and who is to be told. An account that never enrolled
   * has no box, and gets none. The caller holds the lock of whoever writes notes.
   */
  async write(letters: readonly Letter[]): Promise<{ readonly changes: RowChange[]; readonly told: AccountId[] }> {
    const { tables, realm, random } = this.#parts;
    const changes: RowChange[] = [];
    const last = new Map<AccountId, number>();
    for (const { to, note } of letters) {
      const box = (await tables.account.get(to))?.box;
      if (box === undefined) continue;
      const before = last.get(to) ?? (await tables.noteCount.get(to))?.last ?? 0;
      // Higher than the time, so that devices which know later notes hear of this one too after rows were restored from a backup.
      const seq = Math.max(before + 1, note.atMs);
      last.set(to, seq);
      const id = random(16);
      const sealed = seal(box, noteContext(realm, to, id), encodeNote(note));
      changes.push(tables.note.put(`${to}/${sortable(seq)}`, { id, sealed, atMs: note.atMs }));
    }
    for (const [account, seq] of last) changes.push(tables.noteCount.put(account, { last: seq }));
    return { changes, told: [...last.keys()] };
  }

  /** What there is for an account behind a number. */
  async behind(account: AccountId, after: number): Promise<DeskAnswer> {
    const behind = `${account}/${sortable(after)}`;
    const page = await this.#parts.tables.note.some(`${account}/`, { after: behind, limit: NOTES_PER_ANSWER + 1 });
    const notes = page.slice(0, NOTES_PER_ANSWER).map(({ key, value }) => ({
      seq: Number(key.slice(account.length + 1)),
      id: value.id,
      sealed: value.sealed,
    }));
    return { kind: "notes", notes, more: page.length > NOTES_PER_ANSWER ? "yes" : "no" };
  }
}
