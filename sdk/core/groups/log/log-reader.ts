/**
 * Follows a log from a position to its end: page by page, from epoch to epoch as entries hand over secrets, over a checkpoint
 * where what lies before it is gone.
 */

import { decodeGroupEntry, equalBytes, SottoError } from "@sotto/protocol";
import { standingOf } from "../state/permissions.js";
import { mergedSecrets } from "./group-keys.js";
import type { LogRequests } from "./log-requests.js";
import {
  harvested,
  type LoggedBytes,
  type LogPage,
  type LogPosition,
  mayFollow,
  restored,
  type WalkedEntry,
  type Walker,
  walkEntry,
} from "./log-walk.js";
import { openEntry, sealedEpoch } from "./sealed-entries.js";

/** Entries that follow each other, and the position behind them. */
export interface LogBatch {
  readonly walked: readonly WalkedEntry[];
  readonly position: LogPosition;
  /** They begin behind a checkpoint rather than behind the last batch. */
  readonly from: "position" | "checkpoint";
}

/** What is known of the entry a position lies behind; `hash` if it counted. */
export interface KnownEntry {
  readonly seq: number;
  readonly acceptedMs: number;
  readonly hash: Uint8Array | undefined;
}

/** How a log was followed. */
export interface Following {
  readonly walker: Walker;
  readonly start: LogPosition;
  /** The last entry read before, to see that it is there still. */
  readonly known?: KnownEntry | undefined;
  take(batch: LogBatch): Promise<void>;
}

/** How far it went: to the end there is, or to where this account's secrets do not reach though it is in the group. */
export type FollowedTo = "end" | "locked";

/** Follows logs. */
export class LogReader {
  constructor(private readonly requests: LogRequests) {}

  /**
   * Reads on and hands over batch after batch; each is taken before the next is asked for.
   *
   * @throws groupForked if the relay shows another log than before, or a shorter one; groupNotFound if it knows none of the
   *   secrets; badRelay; offline and the like.
   */
  async follow({ walker, start, known, take }: Following): Promise<FollowedTo> {
    let position = start;
    let unchecked = known;
    let after = readSeq(position);
    for (;;) {
      const from = unchecked === undefined ? after : unchecked.seq - 1;
      const { page, epoch } = await this.requests.read(walker.group, from, position.secrets);
      const { state, secrets } = position;
      if (state !== undefined && epoch === state.epoch && page.head < state.seq) throw forked("a shorter log");
      if (unchecked !== undefined) assertSame(walker, position, { known: unchecked, page });
      unchecked = undefined;

      const base = baseOf(walker, position, page);
      if (base !== undefined) {
        if (state !== undefined && !mayFollow(state, base)) throw forked("a checkpoint of another log");
        position = { state: base, secrets };
        const { page: behind } = await this.requests.read(walker.group, base.seq, secrets);
        const { walked, position: next } = walk(walker, position, behind.entries);
        const [proof] = walked;
        if (proof?.outcome.kind !== "applied" || proof.entry?.change.kind !== "checkpoint")
          throw new SottoError("badRelay", { detail: "a checkpoint that no entry names" });
        await take({ walked, position: next, from: "checkpoint" });
        position = next;
        after = readSeq(position);
        continue;
      }

      const { walked, position: next, isLocked } = walk(walker, position, page.entries);
      if (walked.length > 0) {
        await take({ walked, position: next, from: "position" });
        position = next;
        after = readSeq(position);
        if (isOut(walker, position, state)) return "end";
        if (isLocked) return "locked";
        continue;
      }
      if (page.entries.every(({ seq }) => seq <= readSeq(position)) && page.head <= after) {
        const reached = position.state?.epoch;
        return reached !== undefined && epoch >= reached ? "end" : "locked";
      }
      if (isLocked) return "locked";

      // Entries are missing here, and no checkpoint that opens stands for them: another epoch's may.
      const last = page.entries.at(-1);
      if (last === undefined) return "locked";
      if (last.seq < page.head) {
        after = last.seq;
        continue;
      }
      const secret = harvested(walker, secrets, last);
      if (secret === undefined) return "locked";
      position = { state, secrets: mergedSecrets([secret], secrets) };
      after = readSeq(position);
    }
  }
}

/** The entries that follow a position without a gap, as far as they can be read. */
function walk(
  walker: Walker,
  start: LogPosition,
  entries: readonly LoggedBytes[],
): { readonly walked: readonly WalkedEntry[]; readonly position: LogPosition; readonly isLocked: boolean } {
  let position = start;
  const walked: WalkedEntry[] = [];
  for (const logged of entries) {
    if (logged.seq <= readSeq(position)) continue;
    if (logged.seq !== readSeq(position) + 1) break;
    const step = walkEntry(walker, position, logged);
    // Who begins at the first entry without its epoch's secret needs a checkpoint; who was further is locked out.
    if (step.kind === "locked") return { walked, position, isLocked: position.state !== undefined };
    walked.push(step.walked);
    const { state: before } = position;
    position = { state: step.walked.after, secrets: step.secrets };
    if (isOut(walker, position, before)) break;
  }
  return { walked, position, isLocked: false };
}

/** The state to begin from instead: for who has none, and where entries are missing. */
function baseOf(walker: Walker, { state, secrets }: LogPosition, { checkpoint, entries }: LogPage) {
  if (checkpoint === undefined || checkpoint.seq <= (state?.seq ?? 0) + 1) return undefined;
  const next = entries.find(({ seq }) => seq > (state?.seq ?? 0));
  if (state !== undefined && next?.seq === state.seq + 1) return undefined;
  return restored(walker, secrets, checkpoint);
}

/** This account was in the group before these entries, and is not any more: what follows is not for it. */
function isOut({ me }: Walker, { state }: LogPosition, before: LogPosition["state"]): boolean {
  if (state === undefined || before === undefined) return false;
  return standingOf(before, me) !== "none" && standingOf(state, me) === "none";
}

/** Whether the last entry that was read is there still, as far as what is kept of it tells. */
function assertSame(
  { crypto, group }: Walker,
  { secrets }: LogPosition,
  { known, page }: { readonly known: KnownEntry; readonly page: LogPage },
): void {
  const shown = page.entries.find(({ seq }) => seq === known.seq);
  if (shown === undefined) return;
  if (shown.acceptedMs !== known.acceptedMs) throw forked("another entry where one was read");
  if (known.hash === undefined) return;
  const secret = secrets.find(({ epoch }) => epoch === sealedEpoch(shown.entry));
  if (secret === undefined) return;
  const opened = openEntry(crypto, { group, seq: known.seq }, { secret, sealed: shown.entry });
  if (opened === undefined || !equalBytes(decodeGroupEntry(opened).hash, known.hash))
    throw forked("another entry where one was read");
}

function readSeq({ state }: LogPosition): number {
  return state?.seq ?? 0;
}

function forked(detail: string): SottoError {
  return new SottoError("groupForked", { detail: `the relay shows ${detail}` });
}
