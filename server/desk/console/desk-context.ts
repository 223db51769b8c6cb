/** What every page of somebody who is signed in needs, handed down the tree. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { DeskState, Moderator } from "../api.js";
import type { Api } from "./api-client.js";
import type { Keyring } from "./signing-in.js";

/** What a page can use. */
export interface Desk {
  readonly api: Api;
  readonly state: DeskState;
  readonly moderator: Moderator;
  /** The team keys this browser holds. */
  readonly held: Keyring["held"];
  /** Who waits for them. */
  readonly waiting: Keyring["waiting"];
  /** Of this person's own box, as this browser made it. */
  readonly fingerprint: string;
  /** Looks at once who holds what. */
  keepKeys(): void;
  /** Says something to everybody who looks or listens. */
  say(words: string): void;
  /** Shows a failure; a session that ended leads back to the sign-in page. */
  fail(error: unknown): void;
}

/** Filled in by the shell. */
export const DeskContext = createContext<Desk | undefined>(undefined);

/** The desk of who is signed in. */
export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (desk === undefined) throw new Error("a page outside of the shell");
  return desk;
}
