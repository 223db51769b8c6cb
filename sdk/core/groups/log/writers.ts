/** Who could write in a group when: what decides whether something said counts. Pure. */

import type { AccountId, GroupState } from "@sotto/protocol";
import type { Row } from "../../rows.js";
import { isAdmin } from "../state/permissions.js";

/** Who may write now and since which entry; who could, from which entry up to which, and until when by the relay's clock. */
export type Writers = Pick<Row<"group">, "past" | "writers">;

/** Spans that are remembered, the latest ones. */
const MAX_PAST = 1_024;

/** What is judged: who says it, up to which entry it had read the log, and when the relay took it. */
export interface SaidInGroup {
  readonly account: AccountId;
  readonly revision: number;
  readonly acceptedMs: number;
}

/** Everybody who may write in a state whose history is unknown, since it joined. */
export function writersOf(state: GroupState): Writers {
  return { past: [], writers: allowed(state).map(({ account, joinedSeq }) => ({ account, since: joinedSeq })) };
}

/** The writers behind one more entry. */
export function writersAfter(
  known: Writers,
  before: GroupState,
  { after, acceptedMs }: { readonly after: GroupState; readonly acceptedMs: number },
): Writers {
  if (before.members === after.members && before.write === after.write) return known;
  return moved(known, { after, acceptedMs, since: () => after.seq });
}

/**
 * The writers behind a checkpoint, which hides what happened since the last state that is known. Who could write before and
 * still can, or again, is taken to have been able to all along; who may write now is given the benefit of the doubt.
 */
export function writersAcross(
  known: Writers,
  before: GroupState,
  { after, acceptedMs }: { readonly after: GroupState; readonly acceptedMs: number },
): Writers {
  const joined = new Map(after.members.map(({ account, joinedSeq }) => [account, joinedSeq]));
  return moved(known, { after, acceptedMs, since: (account) => Math.max(before.seq + 1, joined.get(account) ?? 0) });
}

/**
 * Whether something said in a group counts: its author might write at the entry it had read the log up to, and the relay took
 * it before that ended. `later` if the log was not read that far here.
 */
export function judged({ past, writers }: Writers, readSeq: number, said: SaidInGroup): "yes" | "no" | "later" {
  const { account, revision, acceptedMs } = said;
  if (revision > readSeq) return "later";
  if (writers.some((writer) => writer.account === account && writer.since <= revision)) return "yes";
  const isPast = past.some(
    (span) => span.account === account && span.since <= revision && revision < span.until && acceptedMs <= span.untilMs,
  );
  return isPast ? "yes" : "no";
}

function moved(
  { past, writers }: Writers,
  {
    after,
    acceptedMs,
    since,
  }: { readonly after: GroupState; readonly acceptedMs: number; since(account: AccountId): number },
): Writers {
  const may = new Set(allowed(after).map(({ account }) => account));
  const could = new Set(writers.map(({ account }) => account));
  const ended = writers
    .filter(({ account }) => !may.has(account))
    .map((span) => ({ ...span, until: after.seq, untilMs: acceptedMs }));
  const begun = [...may]
    .filter((account) => !could.has(account))
    .map((account) => ({ account, since: since(account) }));
  return {
    past: [...ended, ...past].slice(0, MAX_PAST),
    writers: [...writers.filter(({ account }) => may.has(account)), ...begun],
  };
}

function allowed({ members, write }: GroupState): GroupState["members"] {
  return write === "members" ? members : members.filter(({ role }) => isAdmin(role));
}
