/** What an app hands over to be sent, and what is refused before it becomes a message. */

import { limits, type MessageId, SottoError } from "@sotto/protocol";
import { utf8Length } from "../utf8-length.js";

/** What can be sent: words, words that answer a message, or an app's own kind. */
export type Outgoing =
  | { readonly text: string; readonly replyTo?: MessageId }
  | { readonly custom: { readonly schema: string; readonly data: Uint8Array } };

/**
 * Lets words pass that can be sent.
 *
 * @throws invalidArgument, tooLarge.
 */
export function assertText(text: string): void {
  if (typeof text !== "string" || text.length === 0 || !text.isWellFormed()) {
    throw new SottoError("invalidArgument", { detail: "a text has at least one character and no lone surrogate" });
  }
  if (utf8Length(text) > limits.textBytes.value) {
    throw new SottoError("tooLarge", { detail: `a text has at most ${limits.textBytes.value} bytes` });
  }
}
