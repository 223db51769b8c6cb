/** What goes with everything that is shown: its evidence, in the same commit, and that it was seen. */

import type { Outcome } from "../conversations/incoming.js";
import type { Seen } from "../conversations/seen.js";
import type { EvidenceRows } from "../franking/evidence.js";
import type { Genuine } from "../franking/genuine.js";
import type { Plan } from "./plan.js";

/** What it works with. */
export interface ReportableParts {
  readonly evidence: Pick<EvidenceRows, "shown">;
  readonly seen: Pick<Seen, "heard">;
}

/** The plan of a content of somebody else, by what it came to here. */
export async function reportable(
  { evidence, seen }: ReportableParts,
  said: Genuine,
  outcome: Pick<Outcome, "kind" | "endedMs">,
): Promise<Plan> {
  const changes = await evidence.shown(said, outcome);
  const heard = () => {
    if (changes.length > 0 && said.evidence !== undefined)
      seen.heard(said.content.conversation, said.evidence.commitment);
  };
  return { build: () => changes, after: [heard] };
}
