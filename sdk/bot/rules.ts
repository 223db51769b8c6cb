/** What a bot looks for in messages, and which of its rules a message meets. */

import type { BotMessage, MessageItem } from "./bot-message.js";
import { wordsOf } from "./bot-message.js";

/** What is looked for in a message: a pattern in its words, or anything a function says of it. */
export type Pattern = RegExp | ((item: MessageItem) => boolean);

/** What is done about a message. */
export type Handler = (message: BotMessage) => Promise<unknown> | unknown;

/** A pattern and what is done about messages that fit it. */
export interface Rule {
  readonly pattern: Pattern;
  readonly handler: Handler;
}

/** The first rule that a message meets, and what its pattern found; `undefined` if it meets none. */
export function ruleFor(
  rules: readonly Rule[],
  item: MessageItem,
): { readonly handler: Handler; readonly match: RegExpMatchArray | undefined } | undefined {
  for (const { pattern, handler } of rules) {
    if (pattern instanceof RegExp) {
      // A global or sticky pattern would go on where it last stopped.
      pattern.lastIndex = 0;
      const match = wordsOf(item).match(pattern);
      if (match !== null) return { handler, match };
    } else if (pattern(item)) {
      return { handler, match: undefined };
    }
  }
  return undefined;
}
