/** Which contents go into a report: what was chosen, and the edits and deletions that belong to it. Pure rules. */

import { type AccountId, type ItemRole, limits, SottoError } from "@sotto/protocol";
import { isMessage } from "../conversations/kind-roles.js";
import { chainOf } from "./chain.js";
import { byAcceptance, findKept, isReceivedBy, type KeptContent, type MessageName } from "./kept.js";
import { NotReportableError } from "./refusals.js";

/** A content that goes into a report, and what it is there. */
export interface Selected extends KeptContent {
  readonly role: ItemRole;
}

/** What somebody chose. */
export interface Choice {
  readonly me: AccountId;
  readonly reported: readonly MessageName[];
  /** Named ones, or as many messages as stand before the first reported one. */
  readonly context: number | readonly MessageName[];
}

/** What a report is made of. */
export interface Selection {
  readonly accused: AccountId;
  /** In the order of the conversation. */
  readonly selected: readonly Selected[];
}

/**
 * What a choice comes to: reported messages of one account and their context, each with its original, its edits and its deletion.
 *
 * @throws invalidArgument for a report of nothing; NotReportableError; severalAccused; tooLarge for more than fits.
 */
export function select(kept: readonly KeptContent[], choice: Choice): Selection {
  const { me, reported: names } = choice;
  if (names.length === 0) throw new SottoError("invalidArgument", { detail: "a report is about at least one message" });
  const reported = found(kept, names, (one) => (isReceivedBy(me, one) ? one : undefined), me);
  const [accused, ...others] = new Set(reported.map(({ said }) => said.sender));
  if (accused === undefined || others.length > 0) throw new SottoError("severalAccused");
  const chosen = contextOf(kept, choice, reported);
  const roles = new Map<KeptContent, ItemRole>();
  for (const one of [...chosen, ...reported]) {
    const isReported = reported.includes(one);
    for (const link of chainOf(kept, one)) {
      if (isReported) roles.set(link, "reported");
      else if (!roles.has(link)) roles.set(link, roleAround(link, me));
    }
  }
  return { accused, selected: assertFits(roles) };
}

/**
 * What is added to a report that was made, or shown with an appeal: nothing of it is reported.
 *
 * @throws NotReportableError; tooLarge.
 */
export function selectContext(
  kept: readonly KeptContent[],
  names: readonly MessageName[],
  me: AccountId,
): readonly Selected[] {
  const roles = new Map<KeptContent, ItemRole>();
  for (const one of found(kept, names, (it) => it, me)) {
    for (const link of chainOf(kept, one)) roles.set(link, roleAround(link, me));
  }
  return assertFits(roles);
}

function contextOf(
  kept: readonly KeptContent[],
  { context, me }: Choice,
  reported: readonly KeptContent[],
): readonly KeptContent[] {
  if (typeof context !== "number") return found(kept, context, (one) => one, me);
  const { value: most } = limits.reportItems;
  if (!Number.isInteger(context) || context < 0 || context > most) {
    throw new SottoError("invalidArgument", { detail: `context is a number from 0 to ${most}, or messages` });
  }
  const first = [...reported].sort(byAcceptance)[0];
  const before = kept.filter((one) => first !== undefined && byAcceptance(one, first) < 0 && isMessage(one.said.kind));
  return context === 0 ? [] : before.slice(-context);
}

function found(
  kept: readonly KeptContent[],
  names: readonly MessageName[],
  fit: (one: KeptContent) => KeptContent | undefined,
  me: AccountId,
): readonly KeptContent[] {
  const all = names.map((name) => {
    const one = findKept(kept, name, me);
    return { name, one: one && fit(one) };
  });
  const missing = all.filter(({ one }) => one === undefined).map(({ name }) => name.messageId);
  if (missing.length > 0) throw new NotReportableError(missing);
  return all.flatMap(({ one }) => one ?? []);
}

function roleAround({ said }: KeptContent, me: AccountId): ItemRole {
  return said.sender === me ? "own" : "context";
}

function assertFits(roles: ReadonlyMap<KeptContent, ItemRole>): readonly Selected[] {
  const { value: most } = limits.reportItems;
  if (roles.size > most) {
    throw new SottoError("tooLarge", {
      detail: `a report shows at most ${most} messages, edits and deletions included`,
    });
  }
  return [...roles].map(([one, role]) => ({ ...one, role })).sort(byAcceptance);
}
