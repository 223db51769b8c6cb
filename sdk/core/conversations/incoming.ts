/** What comes into a conversation, and what is decided about it before anything is written. */

import type { AccountId, MessageId } from "@sotto/protocol";
import type { Genuine } from "../franking/genuine.js";
import type { StoreChange } from "../ports.js";
import type { Row } from "../rows.js";
import { type ConversationEvents, cursorOf } from "./items.js";

/** A content on its way into the store. */
export interface Incoming {
  /** What it says. Nothing else than what may be shown can be named here. */
  readonly said: Genuine;
  /** This device's clock. */
  readonly atMs: number;
  /** The relay's clock when it accepted it; none for what is being sent. */
  readonly acceptedMs?: number | undefined;
  /**
   * `pending`: this device says it now. `received`: the peer said it. `synced`: another device of this account said it,
   * and the relay accepted it; nobody is owed a receipt for it.
   */
  readonly status: "pending" | "received" | "synced";
  /** The place of the undecryptable item it resolves. */
  readonly resolves?: number | undefined;
}

/** One event of a conversation, to be told once its commit is durable. */
export type Telling = {
  readonly [Type in keyof ConversationEvents]: { readonly type: Type; readonly detail: ConversationEvents[Type] };
}[keyof ConversationEvents];

/**
 * What a content changes. `build` takes places and counters, so the caller commits what it returns without an await in
 * between.
 */
export interface Outcome {
  /** `shown`: it is a timeline item. `applied`: it changed others, or was held. `duplicate`: seen before. `refused`: not taken. */
  readonly kind: "shown" | "applied" | "duplicate" | "refused";
  /** `sequence` is the place it took, to be announced; it may be empty until what it is about comes. */
  build(): { readonly changes: readonly StoreChange[]; readonly sequence?: number };
  readonly tellings: readonly Telling[];
  /** When the message ended, if it had before it came here. */
  readonly endedMs?: number | undefined;
  /** Messages of mine that were given up here, and that the peer has after all. */
  readonly proven?: readonly MessageId[];
}

/** A place with nothing to show. */
export function hidden(from: AccountId, atMs: number): Row<"item"> {
  return { shape: "hidden", from, atMs, content: new Uint8Array(0), status: "received", reactions: [] };
}

/** Tells that the item in a place changed. */
export function changed(sequence: number): Telling {
  return { type: "changed", detail: { cursor: cursorOf(sequence) } };
}
