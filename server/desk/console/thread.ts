/**
 * What was said, as a moderator reads it: by the relay's time and then the sender's count, with what is missing between two counts, where
 * the conversation changes, and what became of each message later. Pure.
 */

import { type CommittedContent, toHex } from "@sotto/protocol";
import type { Disclosed } from "./disclosed.js";

/** Messages of one sender between two that were shown, which the reporter kept to itself. */
export interface Gap {
  /** The report whose reporter could be asked for them. */
  readonly report: string;
  readonly account: string;
  readonly conversation: string;
  /** The counts on both sides. */
  readonly after: number;
  readonly before: number;
  readonly missing: number;
}

/** A message whose words are shown. */
export interface Said extends Disclosed {
  readonly words: Extract<Disclosed["words"], { readonly kind: "shown" }>;
}

type Later<Kind extends CommittedContent["kind"]> = Said & {
  readonly words: { readonly content: Extract<CommittedContent, { readonly kind: Kind }> };
};

/** One message, and what was shown of what became of it. */
export interface ThreadMessage {
  readonly said: Said;
  /** Newer words, in their order. Of its own account only. */
  readonly edits: readonly Later<"edit">[];
  readonly deletes: readonly Later<"delete">[];
  readonly reactions: readonly Later<"reaction">[];
  readonly votes: readonly Later<"vote">[];
  /** How often it was disclosed: once a report. */
  readonly copies: number;
  /** Its sender counted it before something that the relay took earlier. */
  readonly isOutOfOrder: boolean;
}

/** A line of the thread. */
export type ThreadRow =
  | { readonly kind: "conversation"; readonly key: string; readonly conversation: string; readonly number: number }
  | { readonly kind: "gap"; readonly key: string; readonly gap: Gap }
  | { readonly kind: "message"; readonly key: string; readonly message: ThreadMessage }
  | { readonly kind: "refused"; readonly key: string; readonly item: Disclosed };

/** The thread of everything that was disclosed. */
export interface Thread {
  readonly rows: readonly ThreadRow[];
  readonly gaps: readonly Gap[];
  /** More than one means that a report put them together. */
  readonly conversations: readonly string[];
}

/** Puts disclosed messages in order. */
export function threadOf(items: readonly Disclosed[]): Thread {
  const said = items.filter(isSaid);
  const refused = items.filter((item) => !isSaid(item));
  const once = withoutCopies(said);
  const ordered = [...once.values()].sort((one, other) => inOrder(one.said, other.said));
  const all = ordered.map((one) => one.said);
  const gaps = gapsOf(all);
  const conversations = [...new Set(all.map((one): string => one.words.content.conversation))];
  const late = outOfOrder(all);

  const rows: ThreadRow[] = [];
  let conversation: string | undefined;
  for (const { said: one, copies } of ordered) {
    const { content } = one.words;
    if (content.conversation !== conversation) {
      conversation = content.conversation;
      const number = conversations.indexOf(conversation) + 1;
      rows.push({ kind: "conversation", key: `conversation/${one.key}`, conversation, number });
    }
    for (const gap of gaps) {
      if (gap.before === content.counter && gap.at === one) rows.push({ kind: "gap", key: `gap/${one.key}`, gap });
    }
    if (targetOf(content, one, all) !== undefined) continue;
    rows.push({
      kind: "message",
      key: one.key,
      message: {
        said: one,
        ...{ copies, isOutOfOrder: late.has(one) },
        edits: laterOn(one, all, "edit").filter((edit) => edit.account === one.account),
        deletes: laterOn(one, all, "delete").filter((taken) => taken.account === one.account),
        reactions: laterOn(one, all, "reaction"),
        votes: laterOn(one, all, "vote"),
      },
    });
  }
  for (const item of refused) rows.push({ kind: "refused", key: item.key, item });
  return { rows, gaps: gaps.map(({ at: _at, ...gap }) => gap), conversations };
}

function isSaid(item: Disclosed): item is Said {
  return item.words.kind === "shown";
}

/** By the relay's time of acceptance, and then by the sender's own count. */
function inOrder(one: Said, other: Said): number {
  return one.acceptedMs - other.acceptedMs || one.words.content.counter - other.words.content.counter;
}

/** One message that several reports disclose is there once; a copy that is verified counts before one that is not. */
function withoutCopies(said: readonly Said[]): ReadonlyMap<string, { readonly said: Said; readonly copies: number }> {
  const kept = new Map<string, { readonly said: Said; readonly copies: number }>();
  for (const one of said) {
    const { content } = one.words;
    // All of it: who says one thing to some and another to others under one id said two, and neither hides the other.
    const id = `${speakerOf(one)}/${JSON.stringify(content, spelledBytes)}`;
    const held = kept.get(id);
    const better = held === undefined || (held.said.proof !== "verified" && one.proof === "verified") ? one : held.said;
    kept.set(id, { said: better, copies: (held?.copies ?? 0) + 1 });
  }
  return kept;
}

function spelledBytes(_name: string, value: unknown): unknown {
  return value instanceof Uint8Array ? toHex(value) : value;
}

function gapsOf(all: readonly Said[]): readonly (Gap & { readonly at: Said })[] {
  const gaps: (Gap & { readonly at: Said })[] = [];
  for (const sent of bySpeaker(all)) {
    const counted = [...sent].sort((one, other) => one.words.content.counter - other.words.content.counter);
    for (const [index, at] of counted.entries()) {
      const previous = counted[index - 1];
      if (previous === undefined) continue;
      const after = previous.words.content.counter;
      const before = at.words.content.counter;
      const missing = before - after - 1;
      if (missing <= 0) continue;
      const { conversation } = at.words.content;
      gaps.push({ at, report: at.report, account: at.account, conversation, after, before, missing });
    }
  }
  return gaps;
}

/** Messages that their sender counted lower than one the relay had taken before. */
function outOfOrder(all: readonly Said[]): ReadonlySet<Said> {
  const late = new Set<Said>();
  for (const sent of bySpeaker(all)) {
    let highest = 0;
    for (const one of sent) {
      const { counter } = one.words.content;
      if (counter < highest) late.add(one);
      highest = Math.max(highest, counter);
    }
  }
  return late;
}

function bySpeaker(all: readonly Said[]): Iterable<readonly Said[]> {
  const groups = new Map<string, Said[]>();
  for (const one of all) {
    const held = groups.get(speakerOf(one));
    if (held === undefined) groups.set(speakerOf(one), [one]);
    else held.push(one);
  }
  return groups.values();
}

/** Who counts: a device, in a conversation. */
function speakerOf({ account, device, words }: Said): string {
  return `${words.content.conversation}/${account}/${device}`;
}

/** The message that a content is about, if it was shown and may be changed by it. */
function targetOf(content: CommittedContent, by: Said, all: readonly Said[]): Said | undefined {
  if (!("target" in content)) return undefined;
  return all.find(({ words: { content: target }, account }) => {
    if (target.messageId !== content.target || target.conversation !== content.conversation || isLater(target))
      return false;
    const isOwn = content.kind === "edit" || content.kind === "delete";
    return !isOwn || account === by.account;
  });
}

function laterOn<Kind extends "edit" | "delete" | "reaction" | "vote">(
  one: Said,
  all: readonly Said[],
  kind: Kind,
): readonly Later<Kind>[] {
  const { messageId, conversation } = one.words.content;
  return all.filter((other): other is Later<Kind> => {
    const { content } = other.words;
    if (content.kind !== kind || !("target" in content)) return false;
    return content.target === messageId && content.conversation === conversation;
  });
}

/** Whether a content only says something of an earlier one. */
function isLater({ kind }: CommittedContent): boolean {
  return kind === "edit" || kind === "delete" || kind === "reaction" || kind === "vote";
}
