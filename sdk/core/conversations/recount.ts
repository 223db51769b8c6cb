/** Counts polls again of which votes were taken back: of each voter the last vote that stands. */

import type { Content } from "@sotto/protocol";
import type { StoreChange } from "../ports.js";
import type { Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { findNamed } from "./find.js";
import type { Of } from "./kind-roles.js";
import { placesSince } from "./placement.js";
import { ballotOf, overtakesBallot, pollIn } from "./polls.js";
import { readStored } from "./stored-content.js";
import type { Timeline } from "./timeline.js";
import type { Votes } from "./votes.js";

/** What was taken back. */
export interface TakenBack {
  readonly votes: readonly Of<"vote">[];
  /** Whether what is in a row was. */
  isOver(row: Row<"item">, content: Content): boolean;
}

/** The changes of what is counted, and the places of the polls whose tally they change. */
export interface Recounted {
  readonly changes: readonly StoreChange[];
  readonly places: readonly number[];
}

/**
 * Counts again. Every vote is an item, so what counted before is found from the poll's place on; that is read only if a vote
 * that counts now was taken back.
 */
export async function recounted(
  store: SealedStore,
  { timeline, votes }: { readonly timeline: Timeline; readonly votes: Votes },
  { votes: gone, isOver }: TakenBack,
): Promise<Recounted> {
  const affected = new Map<string, Of<"vote">>();
  const places = new Set<number>();
  let sinceMs = Number.MAX_SAFE_INTEGER;
  for (const vote of gone) {
    const counted = await votes.last(vote.target, vote.sender);
    if (counted?.messageId !== vote.messageId) continue;
    const named = await findNamed(store, timeline, vote.target, vote.sender);
    const poll = named.find(({ row }) => row !== undefined && pollIn(row) !== undefined);
    if (poll === undefined) continue;
    affected.set(nameOf(vote), vote);
    places.add(poll.sequence);
    sinceMs = Math.min(sinceMs, poll.row?.acceptedMs ?? 0);
  }
  if (affected.size === 0) return { changes: [], places: [] };
  const standing = new Map<string, Of<"vote">>();
  for await (const sequence of placesSince(store, timeline.id, sinceMs)) {
    const row = await timeline.row(sequence);
    if (row?.shape !== "content" || row.content.length === 0) continue;
    const vote = readStored(row.content);
    if (vote.kind !== "vote" || !affected.has(nameOf(vote)) || isOver(row, vote)) continue;
    const other = standing.get(nameOf(vote));
    if (other === undefined || overtakesBallot(ballotOf(vote), ballotOf(other))) standing.set(nameOf(vote), vote);
  }
  const changes = [...affected].map(([name, { target, sender }]) => votes.replaced(target, sender, standing.get(name)));
  return { changes, places: [...places] };
}

function nameOf({ target, sender }: Of<"vote">): string {
  return `${target}/${sender}`;
}
