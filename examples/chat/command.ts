/** What a command of the chat is. */

import { type Client, type SentMessage, SottoError } from "@sotto/sdk/node";
import type { Asks } from "./asks.js";
import type { Names } from "./names.js";
import type { Room } from "./room.js";
import type { Transcript } from "./transcript.js";
import type { Transfers } from "./transfers.js";

/** What commands work with; `In` says where one may be given. */
export interface CommandParts<In extends Room = Room> {
  readonly client: Client;
  readonly room: In;
  readonly transcript: Transcript;
  readonly names: Names;
  readonly asks: Asks;
  readonly transfers: Transfers;
  /** Shows lines to the user. */
  say(lines: readonly string[]): void;
  /** Goes on in another conversation. */
  go(room: Room): void;
  quit(): void;
  /** What is on its way, waited for when leaving. */
  readonly leaving: Set<Promise<unknown>>;
}

/** Does what a line asks for. */
export type Command<In extends Room = Room> = (parts: CommandParts<In>, argument: string) => Promise<void> | void;

/** Commands by name. */
export type Commands<In extends Room = Room> = Readonly<Record<string, Command<In>>>;

/** What went wrong and what to do, for people. */
export function plain(error: unknown): string {
  return error instanceof SottoError ? `! ${error.message}` : `! unexpected: ${String(error)}`;
}

/** Says what becomes of a message only if it fails. */
export function watch({ say, leaving }: CommandParts, message: Pick<SentMessage, "accepted">): void {
  const settled = message.accepted
    .catch((error: unknown) => {
      const isQuiet = error instanceof SottoError && (error.code === "closed" || error.code === "cancelled");
      if (!isQuiet) say([plain(error)]);
    })
    .finally(() => leaving.delete(settled));
  leaving.add(settled);
}
