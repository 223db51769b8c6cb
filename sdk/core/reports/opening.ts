/** Own messages in a report: shown as what was meant for the accused, which their roster says without naming anybody else. */

import type { AccountId, Roster } from "@sotto/protocol";
import type { Rosters } from "../franking/rosters.js";
import type { Selected } from "./selection.js";

/**
 * An item whose head names whom it has to: of what this account said, the accused. `undefined` if that cannot be shown any more:
 * the accused was no member then, or who was is not known here.
 */
export function openedFor(accused: AccountId, item: Selected, rosters: Pick<Rosters, "at">): Selected | undefined {
  const { role, evidence, standing, said } = item;
  if (role !== "own" || evidence.head.recipient === accused) return item;
  if (standing === undefined) return undefined;
  const roster: Roster | undefined = rosters.at({ id: said.conversation, ...standing });
  const opening = roster?.openingOf(accused);
  if (opening === undefined) return undefined;
  return { ...item, evidence: { ...evidence, head: { ...evidence.head, recipient: accused, ...opening } } };
}
