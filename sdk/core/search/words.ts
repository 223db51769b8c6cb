/** From what people say to the words they are found by. The same for what is searched and for what is looked for. */

import type { Content } from "@sotto/protocol";

/** Words of one message that are found; a text of 32 KiB has some thousands. */
const MAX_WORDS = 8_192;
/** Longer ones are cut, on both sides alike. */
const MAX_WORD_LENGTH = 64;

const WORD = /[\p{L}\p{N}\p{M}_]+/gu;
/** Scripts that set no space between words: there the language's own rules are asked. */
const UNSPACED = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;
const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });

/** The words of a text in their order, in one spelling: no case, no accents, no width. */
export function wordsIn(text: string): string[] {
  const plain = text
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase();
  const found: string[] = [];
  for (const [run] of plain.matchAll(WORD)) {
    for (const word of UNSPACED.test(run) ? cut(run) : [run]) {
      if (found.length === MAX_WORDS) return found;
      found.push(shortened(word));
    }
  }
  return found;
}

/** All parts of a run: it is made of letters only, so what its language takes for no word is one all the same, as it is alone. */
function cut(run: string): string[] {
  return Array.from(segmenter.segment(run), ({ segment }) => segment);
}

/** No longer than a word may be, and of whole characters: half of one is no letter, and would not be found again. */
function shortened(word: string): string {
  return word.slice(0, MAX_WORD_LENGTH).replace(/[\ud800-\udbff]$/, "");
}

/** What of a message can be searched for, with the words it was last edited to; nothing of what is about a message. */
export function textOf(content: Content, edited: string | undefined): string | undefined {
  switch (content.kind) {
    case "text":
    case "reply":
      return edited ?? content.text;
    case "annotated":
      if (edited !== undefined) return edited;
      return lines(content.text, content.preview?.title, content.preview?.description);
    case "attachments":
      return lines(edited ?? content.text, ...content.attachments.map(({ name }) => name));
    case "location":
      return content.label;
    case "card":
      return lines(content.name, content.userId, ...content.entries.map(({ value }) => value));
    case "poll":
      return lines(content.question, ...content.options);
    default:
      return undefined;
  }
}

function lines(...parts: readonly (string | undefined)[]): string | undefined {
  const said = parts.filter((part) => part !== undefined);
  return said.length === 0 ? undefined : said.join("\n");
}
