/** Words that came before the message they are about: held until it comes, and then said in its commit. */

import type { AccountId, Content, MessageId } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import { decodeRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { type Early, holderOf } from "./early.js";
import type { Of } from "./kind-roles.js";
import { pollIn } from "./polls.js";
import { reacted } from "./reactions.js";
import { deleted, edited, isRevisable, overtakesRevision } from "./revisions.js";
import { readStored } from "./stored-content.js";

/** Words of one account held for one message; one more is refused. */
const MAX_WORDS = 64;

/** A content and its canonical bytes. */
export interface Word {
  readonly content: Content;
  readonly encoded: Uint8Array;
}

/** A word where it waits. */
interface Waiting extends Word {
  readonly slot: number;
}

/** What to hold for a message, in place of what is held; `unneeded` if what is held counts more; `full` if there is no room. */
export type Holding =
  | { readonly kind: "held"; build(): readonly StoreChange[] }
  | { readonly kind: "unneeded" }
  | { readonly kind: "full" };

/**
 * The words of one conversation that wait for their message. Each lies in a numbered row of its account and message, which it
 * keeps. Numbers may be missing: whatever waited too long is let go of by itself, also between two awaits here.
 */
export class EarlyWords {
  constructor(
    private readonly store: SealedStore,
    private readonly early: Early,
    private readonly conversation: string,
  ) {}

  /** What anybody said about a message before it came, and the changes that let go of it. */
  async about(target: MessageId): Promise<{ readonly words: readonly Word[]; release(): readonly StoreChange[] }> {
    await this.early.ready();
    const words: Word[] = [];
    const taken: string[] = [];
    for (const account of this.early.speakers(this.conversation, target)) {
      for (const { slot, ...word } of await this.of(account, target)) {
        words.push(word);
        taken.push(this.key(account, target, slot));
      }
    }
    return { words, release: () => taken.map((key) => this.early.drop(key)) };
  }

  /** Decides how to hold one more word. Words that a delete or a later edit makes void are not kept. */
  async hold(word: Word, target: MessageId, nowMs: number): Promise<Holding> {
    await this.early.ready();
    const { sender } = word.content;
    const before = await this.of(sender, target);
    const isEdit = ({ content }: Word) => content.kind === "edit";
    const isRevision = ({ content }: Word) => content.kind === "edit" || content.kind === "delete";
    if (isEdit(word) && before.filter(isRevision).some(({ content }) => !overtakesRevision(word.content, content)))
      return { kind: "unneeded" };
    const replaced = isRevision(word) ? before.filter(isEdit) : [];
    const more = 1 - replaced.length;
    const hasRoom = more <= 0 || (await this.early.room(holderOf(word.content), more, nowMs));
    if (before.length + more > MAX_WORDS || !hasRoom) return { kind: "full" };
    return { kind: "held", build: () => this.write(word, target, replaced) };
  }

  /** Lets go of those words of an account that are over, and answers the changes, for the turn of their commit. */
  async forget(account: AccountId, isOver: (word: Content) => Promise<boolean>): Promise<() => readonly StoreChange[]> {
    await this.early.ready();
    const taken: string[] = [];
    for (const target of this.early.targetsOf(this.conversation, account)) {
      const words = await this.of(account, target);
      const over = await Promise.all(words.map(({ content }) => isOver(content)));
      taken.push(...words.filter((_word, index) => over[index]).map(({ slot }) => this.key(account, target, slot)));
    }
    return () => taken.map((key) => this.early.drop(key));
  }

  /** In the turn of the commit: in place of what it replaces, or in the first place that is free then. */
  private write(word: Word, target: MessageId, [replaced, ...others]: readonly Waiting[]): readonly StoreChange[] {
    const { sender } = word.content;
    const key = this.key(sender, target, replaced?.slot ?? this.freeSlot(sender, target));
    return [
      this.early.put(holderOf(word.content), key, encodeRow("early", { content: word.encoded }), word.content),
      ...others.map(({ slot }) => this.early.drop(this.key(sender, target, slot))),
    ];
  }

  private freeSlot(account: AccountId, target: MessageId): number {
    let slot = 0;
    while (this.early.has(this.key(account, target, slot))) slot += 1;
    return slot;
  }

  private async of(account: AccountId, target: MessageId): Promise<readonly Waiting[]> {
    const count = this.early.rowsOf(this.conversation, target, account);
    const words: Waiting[] = [];
    for (let slot = 0; slot < MAX_WORDS && words.length < count; slot++) {
      const key = this.key(account, target, slot);
      const stored = this.early.has(key) ? await this.store.get(key) : undefined;
      if (stored === undefined) continue;
      const { content: encoded } = decodeRow("early", stored);
      words.push({ content: readStored(encoded), encoded, slot });
    }
    return words;
  }

  /** The first has the key that an earlier version gave to its only one. */
  private key(account: AccountId, target: MessageId, slot: number): string {
    return keys.early(this.store, this.conversation, account, slot === 0 ? target : `${target}/${slot}`);
  }
}

/** What the words about a message come to when it comes. */
interface Said {
  readonly row: Row<"item">;
  /** Those that are items of their own. */
  readonly shown: readonly Word[];
  /** The votes to be counted. */
  readonly votes: readonly Of<"vote">[];
}

/**
 * A message's row after all that was said about it before it came, and what else these words come to.
 *
 * The same as if they had come behind it, in whatever order.
 */
export function withEarlyWords(
  message: Row<"item">,
  { sender, words }: { readonly sender: AccountId; readonly words: readonly Word[] },
): Said {
  const isGone = message.shape === "content" && message.deletedMs !== undefined;
  let row = message;
  const reactions = words.filter(
    ({ content }) => content.kind === "reaction" && (isGone || isRevisable(message, "reaction")),
  );
  for (const { content } of reactions) if (content.kind === "reaction" && !isGone) row = reacted(row, content);
  const revisions = words.filter(({ content }) => content.sender === sender);
  const deletes = revisions.filter(
    ({ content }) => content.kind === "delete" && (isGone || isRevisable(message, "delete")),
  );
  const votes = words.filter(({ content }) => content.kind === "vote" && (isGone || pollIn(message) !== undefined));
  const shown = [...reactions, ...votes, ...deletes];
  if (isGone || deletes.length > 0)
    return { row: isGone ? row : deleted(row, message.acceptedMs ?? message.atMs), shown, votes: [] };
  const counted = votes.flatMap(({ content }) => (content.kind === "vote" ? [content] : []));
  const [last] = revisions
    .filter(({ content }) => content.kind === "edit" && isRevisable(message, "edit"))
    .sort((a, b) => (overtakesRevision(a.content, b.content) ? -1 : 1));
  if (last === undefined) return { row, shown, votes: counted };
  const before = row.edit === undefined ? undefined : readStored(row.edit);
  // From another device's history a message may come with the very edit that waits for it here.
  const isOvertaken = before !== undefined && before.messageId !== last.content.messageId;
  if (isOvertaken && !overtakesRevision(last.content, before)) return { row, shown, votes: counted };
  return { row: edited(row, last.encoded), shown: [...shown, last], votes: counted };
}
