/** What a command of the chat is. */

import { type Client, type DirectConversation, SottoError } from "@sotto/sdk/node";
import type { Transcript } from "./transcript.js";

/** What commands work with. */
export interface CommandParts {
  readonly client: Client;
  readonly conversation: DirectConversation;
  readonly transcript: Transcript;
  /** Shows lines to the user. */
  say(lines: readonly string[]): void;
  quit(): void;
  /** Messages on their way, waited for when leaving. */
  readonly leaving: Set<Promise<unknown>>;
}

/** Does what a line asks for. */
export type Command = (parts: CommandParts, argument: string) => Promise<void> | void;

/** What went wrong and what to do, for people. */
export function plain(error: unknown): string {
  return error instanceof SottoError ? `! ${error.message}` : `! unexpected: ${String(error)}`;
}
