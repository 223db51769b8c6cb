/** Who was a member of a group at which entry of its log: what a roster is made from. Pure. */

import type { AccountId, GroupState } from "@sotto/protocol";
import type { Row } from "../../rows.js";

/**
 * Members since when, and from which entry up to which others were. Of entries before `from`, and of those that a gap covers,
 * nothing is known.
 */
export type Spans = NonNullable<Row<"group">["spans"]>;

/** Spans that are remembered, the latest ones. */
export const MAX_PAST_SPANS = 1_024;
/** Gaps that are remembered, the latest ones. */
export const MAX_SPAN_GAPS = 16;

/** The members of a state whose history is unknown. */
export function spansOf({ seq, members }: GroupState): Spans {
  return {
    from: seq,
    gaps: [],
    past: [],
    present: members.map(({ account, joinedSeq }) => ({ account, since: joinedSeq })),
  };
}

/** The spans behind one more entry. */
export function spansAfter(known: Spans, before: GroupState, after: GroupState): Spans {
  if (before.members === after.members) return known;
  return moved(known, after);
}

/** The spans behind a checkpoint, which hides who came and went since the last state that is known. */
export function spansAcross(known: Spans, before: GroupState, after: GroupState): Spans {
  const next = moved(known, after);
  if (after.seq <= before.seq + 1) return next;
  const gaps = [{ since: before.seq + 1, until: after.seq }, ...next.gaps];
  return bounded({ ...next, gaps });
}

/** The members at an entry; `undefined` if it was not read here, or nothing is known of it. */
export function membersAt(
  { from, gaps, past, present }: Spans,
  readSeq: number,
  revision: number,
): readonly AccountId[] | undefined {
  if (revision < from || revision > readSeq) return undefined;
  if (gaps.some((gap) => gap.since <= revision && revision < gap.until)) return undefined;
  const were = past.filter(({ since, until }) => since <= revision && revision < until);
  return [...present.filter(({ since }) => since <= revision), ...were].map(({ account }) => account);
}

function moved(known: Spans, { seq, members }: GroupState): Spans {
  const are = new Set(members.map(({ account }) => account));
  const were = new Set(known.present.map(({ account }) => account));
  const ended = known.present
    .filter(({ account }) => !are.has(account))
    .map(({ account, since }) => ({ account, since, until: seq }));
  const begun = members.filter(({ account }) => !were.has(account)).map(({ account }) => ({ account, since: seq }));
  return bounded({
    ...known,
    past: [...ended, ...known.past],
    present: [...known.present.filter(({ account }) => are.has(account)), ...begun],
  });
}

/** What is let go of is unknown from then on, and is not taken for an entry without those members. */
function bounded({ from, gaps, past, present }: Spans): Spans {
  const lost = [...past.slice(MAX_PAST_SPANS), ...gaps.slice(MAX_SPAN_GAPS)];
  return {
    from: Math.max(from, ...lost.map(({ until }) => until)),
    gaps: gaps.slice(0, MAX_SPAN_GAPS),
    past: past.slice(0, MAX_PAST_SPANS),
    present,
  };
}
