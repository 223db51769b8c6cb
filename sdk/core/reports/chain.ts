/** What belongs to a message in a report: everything its author made of it, as far as one report can take it. Pure rules. */

import type { Content, MessageId } from "@sotto/protocol";
import { overtakesRevision } from "../conversations/revisions.js";
import { byAcceptance, type KeptContent } from "./kept.js";

/**
 * Edits that go with one message, those that count most first. Anybody can edit a message without end: a report that had to show
 * every edit could be made impossible by its accused. Others go with a report that names them.
 */
export const MAX_CHAIN_EDITS = 16;
/** Bytes of those edits together, so that some messages fit beside each other. */
const MAX_CHAIN_BYTES = 262_144;

/** A content with what its author made of it, or it of: the original, the last edits, a deletion. */
export function chainOf(kept: readonly KeptContent[], chosen: KeptContent): readonly KeptContent[] {
  const { said } = chosen;
  const original = revisedBy(said) ?? said.messageId;
  const chain = kept.filter(
    ({ said: other }) =>
      other.sender === said.sender && (other.messageId === original || revisedBy(other) === original),
  );
  const edits = lastEdits(chain);
  const deletion = chain.filter((one) => one.said.kind === "delete").sort(byAcceptance)[0];
  return chain.filter(
    (one) =>
      one === chosen || one === deletion || edits.has(one) || (one.said.kind !== "edit" && one.said.kind !== "delete"),
  );
}

function lastEdits(chain: readonly KeptContent[]): ReadonlySet<KeptContent> {
  const edits = chain.filter(({ said }) => said.kind === "edit");
  edits.sort((one, other) => (overtakesRevision(one.said, other.said) ? -1 : 1));
  let bytes = 0;
  return new Set(
    edits.slice(0, MAX_CHAIN_EDITS).filter(({ content }) => {
      bytes += content.length;
      return bytes <= MAX_CHAIN_BYTES;
    }),
  );
}

/** What a revision revises. */
function revisedBy(said: Content): MessageId | undefined {
  return said.kind === "edit" || said.kind === "delete" ? said.target : undefined;
}
