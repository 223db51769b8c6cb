/**
 * How long messages live: which have a timer, when their time begins, and when they end. Pure rules.
 *
 *   waiting ──begins──▶ running ──timer──▶ gone
 *
 * The time of a message of this account begins when the relay accepted it. That of anybody else's begins when it was read, on
 * whichever device of this account: reading it on several at once counts from the first. Both are by the relay's clock, so all
 * devices of an account end a message together. What is said about a message (edits, reactions, votes, deletes) has no time of
 * its own: it goes with the message.
 *
 * A timer is a request. The other side's client honours it or was changed not to; nothing here can know.
 */

import { type Content, limits, type MessageId } from "@sotto/protocol";
import { isMessage } from "../conversations/kind-roles.js";
import { readStored } from "../conversations/stored-content.js";
import type { Row } from "../rows.js";

/** When a message's time began, and how long it is. */
export type Lifetime = Row<"lifetime">;

/**
 * How long a message may be kept once its time began; `undefined` = for ever. A sender may name any number: what is longer than
 * `limits.timerMs` counts as that, because taking the message and keeping it for shorter is what both sides can live with.
 */
export function timerOf({ kind, timerMs }: Content): number | undefined {
  return timerMs === undefined || !isMessage(kind) ? undefined : Math.min(timerMs, limits.timerMs.value);
}

/** The timer of the message in a row; none in a place that holds no message, and none of one that was deleted. */
export function timerIn(row: Row<"item"> | undefined): number | undefined {
  return row?.shape !== "content" || row.content.length === 0 ? undefined : timerOf(readStored(row.content));
}

/** The message that a content is, or is about. */
export function messageOf(content: Content): MessageId {
  return "target" in content ? content.target : content.messageId;
}

/** Whose conversation a row is in. */
export interface Whose {
  /** Of a group there is none. */
  readonly peer?: Row<"conversation">["peer"];
}

/** Since when the time of a message of this account runs; `undefined` while it is on its way, and for anybody else's. */
export function sentSinceMs({ from, status, acceptedMs }: Row<"item">, { peer }: Whose): number | undefined {
  // In a group only what this account said is ever accepted.
  const isMine = peer === undefined ? status === "accepted" || status === "delivered" : from !== peer;
  return isMine ? acceptedMs : undefined;
}

/**
 * Since when the time of somebody else's message runs, if it was read at `readMs`: nobody read it before the relay accepted it,
 * nor later than now.
 */
export function readSinceMs(acceptedMs: number, readMs: number, nowMs: number): number {
  return Math.max(acceptedMs, Math.min(readMs, nowMs));
}

/** The earlier of two beginnings that were told of one message, whatever came first. */
export function earlierLife(one: Lifetime | undefined, other: Lifetime): Lifetime {
  return one !== undefined && one.startedMs <= other.startedMs ? one : other;
}

/** When a message ends. */
export function endOf({ timerMs, startedMs }: Lifetime): number {
  return startedMs + timerMs;
}
