/** What words can carry beside themselves: people they name, and what their sender saw of a page. Pure rules. */

import type { AccountId, ContentBodyOf } from "@sotto/protocol";

/** Somebody named in a text. `start` and `length` count UTF-16 units, as JavaScript strings do. */
export interface Mention {
  readonly account: AccountId;
  readonly start: number;
  readonly length: number;
}

/** What the sender of a text saw of a page. Whoever reads it fetches nothing, and has only the sender's word for it. */
export type LinkPreview = NonNullable<ContentBodyOf<"annotated">["preview"]>;

/**
 * The mentions that name a piece of the text, in the order of the text: inside it, through no character, and over none that
 * an earlier one names. Which are left out depends on nothing but the text and the mentions.
 */
export function fittingMentions(text: string, mentions: readonly Mention[]): readonly Mention[] {
  const fitting: Mention[] = [];
  let end = 0;
  for (const mention of [...mentions].sort((one, other) => one.start - other.start || one.length - other.length)) {
    const { start, length } = mention;
    const isRange = Number.isInteger(start) && Number.isInteger(length) && start >= 0 && length > 0;
    if (!isRange || start < end || start + length > text.length) continue;
    if (isInsideCharacter(text, start) || isInsideCharacter(text, start + length)) continue;
    fitting.push(mention);
    end = start + length;
  }
  return fitting;
}

/** Whether a preview is of a page of the web: nothing else may stand behind what looks like a link. */
export function isOfPage({ url }: Pick<LinkPreview, "url">): boolean {
  return /^https?:\/\/[^\s/?#]/i.test(url);
}

/** Whether a place lies between the two halves of a surrogate pair. */
function isInsideCharacter(text: string, place: number): boolean {
  return place > 0 && (text.codePointAt(place - 1) ?? 0) > 0xffff;
}
